"""An HTML file that opens anywhere, offline, and draws its figures by Plotly."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent / "assets"
Figures = Sequence[tuple[str, str, Mapping[str, Any]]]
"""(title, reading, Plotly figure as JSON) in the order in which they are shown."""


def document(title: str, body: Iterable[str], figures: Figures, *, style: str = "validation") -> str:
    """The whole file. title and body are HTML, escaped by those who made them; style is one of the style sheets.

    plotly.js comes from the plotly package and is written into the page, which asks no server for anything.
    """
    from plotly.offline import get_plotlyjs

    drawn = json.dumps([figure for _, _, figure in figures], allow_nan=False).replace("<", "\\u003c")
    css, script = ((ASSETS / name).read_text(encoding="utf-8") for name in (f"{style}.css", "validation.js"))
    return "".join(
        (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{css}</style></head><body><main>",
            *body,
            f'</main><script type="application/json" id="figures">{drawn}</script>',
            f"<script>{get_plotlyjs()}</script><script>{script}</script></body></html>\n",
        )
    )


def grid(figures: Figures) -> str:
    """The places that the figures are drawn in, each with its title and its reading."""
    cells = (
        f"<figure><h3>{escape(caption)}</h3><figcaption>{escape(reading)}</figcaption>"
        f'<div class="canvas" role="img" aria-label="{escape(reading)}" data-figure="{place}"></div></figure>'
        for place, (caption, reading, _) in enumerate(figures)
    )
    return f'<div class="figures">{"".join(cells)}</div>'


def sheet(header: Iterable[str], rows: Iterable[str]) -> str:
    """A table that scrolls by itself. rows: HTML of each."""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in header)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="sheet" tabindex="0">{table}</div>'
