"""Everyday questions and small tasks in several languages."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.records import Declaration, GenerationConfig


@dataclass(frozen=True)
class OpenChat:
    """The family: what it is for, and how its completions are drawn unless a suite says otherwise."""

    declaration: Declaration
    config: GenerationConfig


DECLARATION = Declaration(
    name="open-chat",
    version="1",
    title="Open chat questions",
    source="Passive transcripts of ordinary questions carry lineage by rare phrases (METHODS: rare-phrase agreement).",
    limitations=(
        "A persona or system prompt changes answers more than a change of base does.",
        "Low similarity is weak evidence of no lineage.",
    ),
)
PLUGIN = OpenChat(DECLARATION, GenerationConfig(max_tokens=80, top_logprobs=20))
