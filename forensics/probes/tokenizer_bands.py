"""Texts whose token counts tell tokenizers apart; the reply is of no interest."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="tokenizer-bands",
    version="1",
    title="Tokenizer length bands",
    source="Prompt-token counts over scripts and length bands name the tokenizer family (usage counts).",
    parameters={"bands": ["short", "middle", "long"]},
    limitations=(
        "Needs an endpoint that reports prompt tokens.",
        "Names the tokenizer family, never a teacher.",
        "A hidden system prompt adds a constant: compare differences with the reference probe.",
    ),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=8, temperature=0.0))
