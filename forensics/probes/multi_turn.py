"""Conversations whose earlier turns were written by us, so that every model goes on from the same place."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="multi-turn",
    version="1",
    title="Multi-turn conversations",
    source="How a model carries on, corrects itself and keeps to what was agreed (channels agreement, style, quirks).",
    limitations=(
        "Earlier replies are not the model's own.",
        "Endpoints without a history field cannot answer them.",
    ),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=300, temperature=0.0))
