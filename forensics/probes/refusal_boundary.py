"""Odd but harmless requests that some models decline."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

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
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=64, top_logprobs=20))
