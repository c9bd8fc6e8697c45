"""The terms of docs/terminology.md, read as they stand there: the one list of words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString

SOURCE = settings.BASE_DIR / "docs" / "terminology.md"
ROW = re.compile(r"\| (.+?) \| (.+) \|\Z")
MARK = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*")
TAGS = ("code", "strong", "em")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the list: its title, and (term, meaning) as HTML."""

    title: str
    terms: tuple[tuple[SafeString, SafeString], ...]


@cache
def sections() -> tuple[Section, ...]:
    """Every section that holds terms, in the order of the document."""
    found: list[Section] = []
    for part in SOURCE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, *lines = part.splitlines()
        rows = [row.groups() for line in lines if (row := ROW.match(line)) and row[2] != "means"]
        if rows:
            found.append(Section(title, tuple((_html(term), _html(meaning)) for term, meaning in rows)))
    return tuple(found)


def _html(markdown: str) -> SafeString:
    """The words with their code, strong and emphasis; everything else is escaped."""

    def tagged(found: re.Match[str]) -> str:
        tag, words = next((tag, words) for tag, words in zip(TAGS, found.groups(), strict=True) if words)
        return f"<{tag}>{words}</{tag}>"

    return SafeString(MARK.sub(tagged, str(escape(markdown))))
