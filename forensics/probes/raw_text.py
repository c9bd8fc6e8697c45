"""Texts to be continued without any chat template, in several registers."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="raw-text",
    version="1",
    title="Raw-text continuation",
    source="Next-token distributions on plain text show a base even under another persona (Filiation zoo study).",
    parameters={"positions": "ends of words spread over the prompt, and its end"},
    limitations=(
        "Needs a model that continues raw text: most hosted chat endpoints do not.",
        "Distributions compare only between models of one tokenizer.",
    ),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=24, top_logprobs=40))
