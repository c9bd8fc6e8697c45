"""What an export of the case's report would be blocked by, section by section."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from forensics.reports.blocking import missing
from forensics.reports.sections import SECTIONS
from webapp.casework.models import Case
from webapp.casework.reporting.record import Version, case_record

READY, BLOCKED = "ready", "blocked"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report: ready or blocked; what is told says why."""

    number: int
    title: str
    state: str
    told: str


def readiness(record: dict[str, Any]) -> list[Section]:
    """The report's sections in order, each with its state."""
    found: dict[str, list[str]] = {key: [] for key in SECTIONS}
    for one in missing(record):
        found[one.section].append(one.told)
    return [
        Section(number, title, BLOCKED if found[key] else READY, " ".join(found[key]) or "Nothing is missing.")
        for number, (key, title) in enumerate(SECTIONS.items(), start=1)
    ]


def readiness_of(case: Case, template: str) -> list[Section]:
    """The same for the case as it stands, before a version is made of it."""
    return readiness(case_record(case, Version(template=template, figures=False)))


def blocked(sections: Iterable[Section]) -> list[Section]:
    """Those that block the export now."""
    return [section for section in sections if section.state == BLOCKED]
