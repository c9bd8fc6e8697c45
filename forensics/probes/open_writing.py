"""Short pieces of writing with much freedom, for style."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="open-writing",
    version="1",
    title="Open writing",
    source="Style and overused phrases show where nothing but taste decides (channel style).",
    limitations=(
        "A request for another manner of writing would hide it.",
        "Truncated pieces show no closing.",
    ),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=500, temperature=0.0))
