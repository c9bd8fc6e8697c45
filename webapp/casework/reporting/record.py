"""The case record: everything that a report says, as one JSON value. Every rendering is a function of it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from forensics.provenance import sha256_json
from forensics.reports.sections import LIMITS, SCHEMA, SECTIONS, templates
from webapp.casework.cases.blinding import Mask
from webapp.casework.cases.contrary import contrary
from webapp.casework.cases.findings import findings
from webapp.casework.models import Case
from webapp.casework.reporting import facts, materials, outcome
from webapp.casework.reporting.plain import moment

UNSIGNED = ("administrative", "custody", "review", "expert")
"""Sections that go on after a reviewer signed: dates and numbers, the log, the signatures themselves."""


@dataclass(frozen=True)
class Version:
    """Which version of a report a record is of. number 0: none yet, as where a page asks what is missing.

    apart: what leaving parts out does to each pair, and what a recomputation came to, as a worker found them; empty
    before that.
    """

    number: int = 0
    kind: str = "draft"
    template: str = "memo"
    made_at: datetime | None = None
    apart: Mapping[str, Any] = field(default_factory=dict)
    figures: bool = True


def case_record(case: Case, version: Version) -> dict[str, Any]:
    """The record: `schema`, `version`, `template`, and one entry for each key of `SECTIONS`.

    Canonical JSON takes it (RFC 8785): no NaN, times in UTC as text. While the case is blinded codes stand for names.
    """
    mask = Mask(case)
    found = findings(case, mask)
    chosen = templates()[version.template]
    subject = outcome.Subject(case, mask, found, version.apart)
    record = {
        "schema": SCHEMA,
        "version": {
            "number": version.number, "kind": version.kind, "supersedes": _superseded(case, version.number),
            "made_at": moment(version.made_at),
        },
        "template": {"key": chosen.key, "title": chosen.title, "heading": chosen.heading, "court": chosen.court},
        "administrative": facts.administrative(case, version.kind),
        "expert": facts.expert(case, chosen),
        "instructions": facts.instructions(case),
        "summary": outcome.summary(subject),
        "propositions": facts.propositions(case),
        "items": materials.items(case),
        "custody": materials.custody(case, whole=version.number > 0),
        "method": materials.method(case, found),
        "validation": outcome.validation(found),
        "controls": outcome.controls(found, case),
        "quality": materials.quality(case, found),
        "findings": outcome.results(subject, figures=version.figures),
        "interpretation": outcome.interpretation(subject, figures=version.figures),
        "alternatives": outcome.alternatives(case),
        "contrary": outcome.contrary_evidence(case, found, contrary(case, found, mask)),
        "limits": {"fixed": list(LIMITS), "channels": materials.limitations(found)},
        "other": facts.other(case),
        "review": facts.review(case),
        "reproduction": outcome.reproduction(case, found, version.apart),
        "appendices": materials.appendices(case),
    }  # fmt: skip
    masked: dict[str, Any] = mask.detail(record) if mask.on else record
    return masked


def _superseded(case: Case, number: int) -> int | None:
    earlier = case.reports.filter(state="done")
    return (earlier.filter(number__lt=number) if number else earlier).values_list("number", flat=True).first()


def content_hash(record: Mapping[str, Any]) -> str:
    """Hex SHA-256 of what a reviewer signs: every section but what goes on by itself, as the list of versions does."""
    signed = {key: record[key] for key in SECTIONS if key not in UNSIGNED}
    rules = [rule for rule in record["contrary"]["rules"] if rule["rule"] != "version"]
    return sha256_json(signed | {"contrary": rules, "template": record["template"]})
