"""Short open requests, each drawn many times."""

from __future__ import annotations

from forensics.probes._family import Family
from forensics.records import Declaration, GenerationConfig

DECLARATION = Declaration(
    name="repeated-samples",
    version="1",
    title="Repeated samples",
    source="Model Equality Testing (arXiv 2410.20247): equality of the distributions that samples come from.",
    limitations=(
        "Speaks of sameness under the same settings, never of lineage.",
        "An endpoint that caches replies gives one sample many times.",
    ),
)
PLUGIN = Family(DECLARATION, GenerationConfig(max_tokens=120, temperature=1.0, samples=10))
