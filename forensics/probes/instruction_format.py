"""Small tasks whose form is laid down, each open to more than one way of obeying."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="instruction-format",
    version="1",
    title="Instruction and format quirks",
    source="Formatting habits come from tuning and survive a change of topic (channel quirks).",
    limitations=(
        "Tells a recipe of tuning rather than a base.",
        "A system prompt about format overrides the habit.",
    ),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=300, temperature=0.0))
