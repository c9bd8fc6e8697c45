"""Questions that invite one particular wrong reply."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="trick-questions",
    version="1",
    title="Trick questions with known answers",
    source="Agreement on wrong answers beyond item difficulty (CAPA, arXiv 2502.04313).",
    parameters={
        "answer": "number, letter of an option, or yes or no",
        "lure": "the wrong answer that is invited, kept in the pool",
    },
    limitations=(
        "Strong models get most of them right, and then say little.",
        "Models of like size fall for the same lures without lineage.",
    ),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=300, temperature=0.0))
