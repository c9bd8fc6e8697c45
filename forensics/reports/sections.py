"""The twenty sections of a case report, its templates, and what every report says of its limits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SCHEMA = "filiation-case-record/1"
SECTIONS: dict[str, str] = {
    "administrative": "Administrative",
    "expert": "Expert",
    "instructions": "Instructions and authority",
    "summary": "Summary",
    "propositions": "Propositions",
    "items": "Items",
    "custody": "Chain of custody",
    "method": "Method",
    "validation": "Validation",
    "controls": "Controls",
    "quality": "Data quality",
    "findings": "Findings",
    "interpretation": "Interpretation",
    "alternatives": "Alternatives",
    "contrary": "Contrary evidence",
    "limits": "Limits",
    "other": "Other evidence",
    "review": "Review",
    "reproduction": "Reproduction",
    "appendices": "Appendices",
}
"""Key of a case record to title, in the order of the standard."""
LIMITS = (
    "Audits that see text alone are contested: whether a model that was substituted or retrained can be told by its "
    "words depends on what its makers do to hide it (arXiv 2504.04715).",
    "Ten published schemes for model fingerprints were bypassed by those who set out to (arXiv 2509.26598). An LR "
    "below 1 from a model whose makers knew the method is weak evidence of no relation.",
    "Filters that rewrite replies, system prompts and serving stacks change what is said and not what a model is.",
    "A likelihood ratio does not tell the direction: where no date or one-sided inheritance decides, who descends from "
    "whom stays undetermined.",
)
"""What no report may leave out."""


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of report. court: it needs a signed expert statement. left_out: keys of sections that it goes without."""

    key: str
    title: str
    heading: str
    court: bool
    duty: str
    left_out: tuple[str, ...]


@cache
def templates() -> dict[str, Template]:
    """Every template by its key: one file of `templates` each."""
    files = sorted((Path(__file__).parent / "templates").glob("*.json"))
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    return {row["key"]: Template(**row | {"left_out": tuple(row["left_out"])}) for row in rows}
