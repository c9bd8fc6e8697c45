"""Numbers at the edge of what most models know."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="numeric-recall",
    version="1",
    title="Numeric recall",
    source="Wrong numbers are shared by models of one pretraining (agreement on wrong answers, arXiv 2502.04313).",
    limitations=(
        "Answers were checked by the authors from general knowledge, not against sources.",
        "A model with search looks the number up.",
    ),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=200, temperature=0.0))
