"""Colours and text handling that every figure shares. Checked for colour-blind and greyscale reading by a test.

Figures are written in the light colours. `layout.meta["dark"]` says which colour takes each one's place in the dark,
so that a page can switch without asking for the figure again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

INK, INK_SOFT, RULE, GAP = "#1d1b18", "#6b665c", "#d9d3c5", "#f2eee4"
FOR, AGAINST, RUBRIC = "#1c4f7c", "#7a5200", "#a02f1c"

# One hue path whose lightness only ever falls: the order survives greyscale and every common colour blindness.
# In the dark it runs the other way, so that the strongest value is always the furthest from the page.
_LIGHT_RAMP = ("#f7f4ea", "#dfe4dd", "#b9ccd2", "#8aaec4", "#5a8bb0", "#356a97", "#1c4f7c", "#103457", "#081c33")
_DARK_RAMP = ("#171a1f", "#1b2733", "#20394d", "#2a516e", "#3f7092", "#6592b0", "#94b4c8", "#c3d3d8", "#f3efdf")

DARK = {
    INK: "#ece8df",
    INK_SOFT: "#989388",
    RULE: "#343941",
    GAP: "#0e1013",
    FOR: "#93c0ea",
    AGAINST: "#e6bb6c",
    RUBRIC: "#f29b83",
    **dict(zip(_LIGHT_RAMP, _DARK_RAMP, strict=True)),
}
FONT = "Inter, system-ui, sans-serif"


def ramp() -> list[list[Any]]:
    """A Plotly colour scale from weak (0) to strong (1)."""
    last = len(_LIGHT_RAMP) - 1
    return [[i / last, colour] for i, colour in enumerate(_LIGHT_RAMP)]


def label(name: str) -> str:
    """A name that Plotly shows as it stands: its label language is a small HTML, so markup is written as entities."""
    shown = "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in name)
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")


def short(name: str, width: int = 30) -> str:
    """The name, its middle left out where it is longer than `width` characters."""
    if len(name) <= width:
        return name
    return f"{name[: width - width // 3 - 1]}…{name[-(width // 3) :]}"


def finite(numbers: Iterable[float], what: str) -> list[float]:
    """The numbers as floats; raises ValueError on one that cannot be drawn."""
    found = [float(n) for n in numbers]
    if not all(map(math.isfinite, found)):
        raise ValueError(f"{what} holds a number that is not finite; nothing was drawn")
    return found


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """The figure's numbers as a table of plain JSON."""
    return {"caption": caption, "columns": list(columns), "rows": [list(row) for row in rows]}


def layout(**more: Any) -> dict[str, Any]:
    """A quiet Plotly layout; keywords are laid over it."""
    base: dict[str, Any] = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": INK},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "meta": {"dark": DARK},
    }
    return base | more


def bare_axis(**more: Any) -> dict[str, Any]:
    """An axis without grid, line or zero mark; keywords are laid over it."""
    return {"showgrid": False, "zeroline": False, "showline": False, "ticks": "", "fixedrange": True} | more


def vertical(at: float | str, colour: str = RUBRIC, dash: str = "dash", width: float = 1.5) -> dict[str, Any]:
    """A line across the whole height at one place of the horizontal axis."""
    pen = {"color": colour, "width": width, "dash": dash}
    return {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": pen}


def horizontal(at: float) -> dict[str, Any]:
    """A fine rule across the whole width at one place of the vertical axis."""
    pen = {"color": RULE, "width": 1}
    return {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": at, "y1": at, "line": pen}


def note(text: str, at: float | str, *, left: bool = False) -> dict[str, Any]:
    """A word at the top of a vertical line, to its right or left. The text must be a label."""
    side = {"xanchor": "right", "xshift": -4} if left else {"xanchor": "left", "xshift": 4}
    place = {"x": at, "xref": "x", "y": 1, "yref": "paper", "yanchor": "top"} | side
    return place | {"text": text, "showarrow": False, "font": {"size": 11, "color": INK}}
