"""Odd but harmless requests that some models decline."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.records import Declaration, GenerationConfig


@dataclass(frozen=True)
class RefusalBoundary:
    """The family: what it is for, and how its completions are drawn unless a suite says otherwise."""

    declaration: Declaration
    config: GenerationConfig


DECLARATION = Declaration(
    name="refusal-boundary",
    version="1",
    title="Refusal boundary",
    source="Refusals agree by training, on unusual topics above all (Filiation zoo study).",
    limitations=(
        "Benign-borderline prompts only: nothing here asks for real harm.",
        "Most models answer most of these.",
    ),
)
PLUGIN = RefusalBoundary(DECLARATION, GenerationConfig(max_tokens=64, top_logprobs=20))
