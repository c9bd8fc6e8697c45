"""Ordinary requests as users send them, so that probing does not stand out."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="decoys",
    version="1",
    title="Natural decoys",
    source="Controls against an endpoint that recognises probes (secret pool, paraphrases, decoys).",
    limitations=("Hides a run among ordinary traffic only in part: pacing and account tell too.",),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=400, temperature=0.0))
