"""Questions about the model's own name and maker."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="self-identification",
    version="1",
    title="Self-identification",
    source="Names that models give themselves; a quarter of models misidentify themselves (arXiv 2411.10683).",
    limitations=("Shown, never weighed: a model can be told to say anything of itself.",),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=48))
