"""Free choices to be answered with one word, drawn several times."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="one-word",
    version="1",
    title="One-word choices",
    source="Answer distributions over task and language cells (one-token fingerprints of language models).",
    parameters={"cell": "task/language"},
    limitations=("Eight samples show a preference, not a distribution in detail.",),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=6, temperature=1.0, samples=8))
