"""Everyday questions and small tasks in several languages."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

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
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=80, top_logprobs=20))
