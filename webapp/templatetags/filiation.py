"""Tags and filters of every page. What they say is decided in `webapp.presenting`."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webapp import presenting

register = template.Library()

NAVIGATION = (
    ("catalogue:list", "Models"),
    ("probing:suites", "Suites"),
    ("probing:collections", "Collections"),
    ("casework:list", "Comparisons"),
    ("custody:log", "Custody"),
    ("engine:validation", "Validation"),
    ("help:index", "Help"),
)
NOTES = {"error": "bad", "warning": "warn", "success": "good"}


@register.simple_tag(takes_context=True)
def navigation(context: template.Context) -> list[dict[str, Any]]:
    """The main addresses, each with whether the page lies below it."""
    request: HttpRequest | None = context.get("request")
    path = request.path if request else ""
    items = ((reverse(name), title) for name, title in NAVIGATION)
    return [{"url": url, "title": title, "here": path.startswith(url)} for url, title in items]


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the sprite, hidden from screen readers."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.simple_tag
def state(name: str, field: str = "") -> SafeString:
    """A state's mark and word; `field` lets a live page change it."""
    shown = presenting.state(name)
    live = format_html(' data-field="{}" data-states', field) if field else ""
    return format_html('<span class="state {}"{}>{}</span>', shown["tone"], live, shown["title"])


@register.simple_tag(takes_context=True)
def sort_link(context: template.Context, key: str, title: str) -> SafeString:
    """A table head that sorts by `key`: ascending, and descending when chosen again."""
    request: HttpRequest = context["request"]
    now = context.get("sort", "")
    query = request.GET.copy()
    query["sort"] = f"-{key}" if now == key else key
    query.pop("page", None)
    arrow = {key: " ↑", f"-{key}": " ↓"}.get(now, "")
    return format_html('<a href="?{}">{}{}</a>', query.urlencode(), title, arrow)


@register.simple_tag
def sort_aria(now: str, key: str) -> SafeString:
    """The aria-sort attribute of a table head."""
    word = {key: "ascending", f"-{key}": "descending"}.get(now)
    return format_html(' aria-sort="{}"', word) if word else SafeString("")


@register.filter
def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


@register.filter
def note_class(tags: str) -> str:
    """The note's style for a message's level."""
    return NOTES.get(tags, "")


@register.filter
def signed(number: float | None, places: int = 2) -> str:
    """A number with its sign, a true minus, or a dash where there is none."""
    if number is None or number != number:
        return "–"
    return f"{number:+.{places}f}".replace("-", "−")


@register.filter
def plain_number(number: Any) -> str:
    """A table cell: three significant digits for a fraction, nothing where there is no value."""
    if number is None:
        return "–"
    return f"{number:.3g}".replace("-", "−") if isinstance(number, float) else str(number)


@register.filter
def percent(share: float | None, places: int = 0) -> str:
    """A share as a percentage, or a dash where there is none."""
    return "–" if share is None else f"{100 * share:.{places}f} %"


@register.filter
def duration(seconds: float | None) -> str:
    """A length of time in words."""
    return presenting.duration(seconds)


@register.filter
def short_hash(text: str) -> str:
    """The first twelve digits of a hash."""
    return text[:12]


@register.simple_tag
def pieces(found: Any) -> SafeString:
    """A completion's pieces. Every one is escaped here: the words are another machine's."""
    shapes = {
        (False, False): "{}",
        (True, False): "<mark>{}</mark>",
        (False, True): '<span class="esc">{}</span>',
        (True, True): '<mark><span class="esc">{}</span></mark>',
    }
    return SafeString("".join(format_html(shapes[piece.marked, piece.escape], piece.text) for piece in found))


@register.simple_tag(takes_context=True)
def sample_link(context: template.Context, parameter: str, sample: int) -> str:
    """This address with another sample on one side."""
    query = context["request"].GET.copy()
    query[parameter] = str(sample)
    return f"?{query.urlencode()}"


@register.inclusion_tag("parts/llr_bar.html")
def llr_bar(value: float, raw: float | None, bounds: list[float]) -> dict[str, Any]:
    """A log10 LR as number and bar, the raw value as a ring, the bounds as dashed lines."""
    return {"value": value, "raw": raw} | presenting.llr_geometry(value, raw, bounds)
