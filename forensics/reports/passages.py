"""Every passage of a report with the section that it stands in: what the wording lint reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forensics.reports.blocks import texts
from forensics.reports.chapters import chapters


@dataclass(frozen=True, slots=True)
class Passage:
    """Words that stand in a section."""

    section: str
    text: str


def passages(record: Mapping[str, Any]) -> Iterator[Passage]:
    """The passages in order, each once in its section; none of what is quoted from others."""
    for chapter in chapters(record):
        found = dict.fromkeys(text for block in chapter.blocks for text in texts(block) if text)
        yield from (Passage(chapter.key, text) for text in found)
