"""How things are worded and shown on every page: states, outcomes, numbers, hidden characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

from forensics.records import Outcome

# tone -> the style of a state; a tone always comes with the word, never alone.
TONES = {
    "running": "run", "queued": "run", "done": "good", "failed": "bad", "paused": "warn", "cancelled": "warn",
    "closed": "good", "ready": "good", "blocked": "bad", "passed": "good", "not determined": "warn", "not run": "warn",
    Outcome.COMPLETED.value: "good", Outcome.TRUNCATED.value: "good", Outcome.EMPTY.value: "warn",
    Outcome.FILTERED.value: "warn", Outcome.REFUSED_BY_POLICY.value: "warn", Outcome.THROTTLED.value: "warn",
    Outcome.MALFORMED.value: "bad", Outcome.TIMED_OUT.value: "bad",
}  # fmt: skip


def state(name: str) -> dict[str, str]:
    """A state's tone and its word."""
    return {"tone": TONES.get(name, ""), "title": name.replace("-", " ").capitalize()}


def duration(seconds: float | None) -> str:
    """A length of time in words that fit a table, or a dash where it is not known."""
    if seconds is None:
        return "–"
    seconds = max(0, round(seconds))
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def page_of(request: HttpRequest, items: Any, per_page: int = 50) -> Page[Any]:
    """The page of items that the address asks for; a page that does not exist gives the nearest."""
    return Paginator(items, per_page).get_page(request.GET.get("page"))


def counted(page: Page[Any], what: str) -> str:
    """How many things a list holds, in words: 1 model, 2 models."""
    number = page.paginator.count
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def choice(request: HttpRequest, name: str, known: Any, default: str) -> str:
    """The address's choice among known ones, or the default."""
    value = request.GET.get(name, default)
    return value if value in known else default


def hidden(character: str) -> bool:
    """Whether a character cannot be seen: controls, format characters (bidi, zero-width), odd spaces, surrogates."""
    if character in "\n\t ":
        return False
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")


def escape_name(character: str) -> str:
    """A hidden character's code point, as in U+200B."""
    return f"U+{ord(character):04X}"


def outcomes_in_order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Every outcome with its count in one fixed order, zeroes included, so that a live page need not add rows."""
    return [(outcome.value, counts.get(outcome.value, 0)) for outcome in Outcome]


BAR_WIDTH, BAR_LEAST, BAR_MOST = 120, -2.0, 4.0


def llr_geometry(value: float, raw: float | None, bounds: Sequence[float]) -> dict[str, Any]:
    """Where a log10 LR, its raw value and its bounds lie on a bar of fixed scale, held to its ends."""

    def at(number: float) -> str:
        inside = min(max(number, BAR_LEAST), BAR_MOST)
        return f"{4 + (BAR_WIDTH - 8) * (inside - BAR_LEAST) / (BAR_MOST - BAR_LEAST):.1f}"

    ring = None if raw is None else at(raw)
    tone = "for" if value >= 0 else "against"
    ends = [at(bound) for bound in bounds]
    return {"width": BAR_WIDTH, "zero": at(0.0), "end": at(value), "ring": ring, "bounds": ends, "tone": tone}
