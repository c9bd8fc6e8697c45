"""Power curves as text and as one HTML file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from forensics.reports.document import Figures, document, grid, sheet
from forensics.reports.validation_text import figure_word, interval_word
from forensics.tables import text_table

FIGURES = (
    ("median log10 LR, related", "median_related"),
    ("unrelated", "median_unrelated"),
    ("LR >= 10, related", "strong_related"),
    ("unrelated", "strong_unrelated"),
    ("same data", "strong_same_data"),
)
COUNTS = ("calls", "draws", "related", "unrelated", "same_data", "lineages")
TITLE = "Calls against likelihood ratio"


def _said(row: Mapping[str, Any], name: str) -> tuple[str, str]:
    value = row[name]
    return ("not estimable", "") if value is None else (figure_word(value), interval_word(row["intervals"][name]))


def _limits(told: Mapping[str, Any]) -> str:
    """What a report would not say although a row here does."""
    one = told["calibration"]
    bounds = ", ".join(f"{name} {10**high:.3g}" for name, (_, high) in one["bounds"].items() if name in told["prompts"])
    return (
        f"{one['name']} {one['version']} gives no LR below {one['conditions']['least_prompts']} common raw prompts, "
        f"and none above its bounds: {bounds}. Its rows here are taken before both."
    )


def power_text(told: Mapping[str, Any]) -> str:
    """One table: a row for each proposition, way of judging and number of calls, intervals in brackets."""
    rows = []
    for row in told["rows"]:
        cells = [f"{value} [{limits}]" if limits else value for value, limits in (_said(row, n) for _, n in FIGURES)]
        rows.append([row["proposition"], row["judged"], *(row[name] for name in COUNTS), *cells])
    table = text_table(("LLR", "judged", *COUNTS, *(title for title, _ in FIGURES)), rows)
    return f"{table}\n\n{_limits(told)}"


def page(told: Mapping[str, Any], figures: Figures) -> str:
    """The whole page; every text is escaped."""
    return document(TITLE, _body(told, figures), figures)


def _body(told: Mapping[str, Any], figures: Figures) -> Iterable[str]:
    boot = told["bootstrap"]
    counted = ", ".join(f"{row['n']} {row['mode']} prompts for {name}" for name, row in told["prompts"].items())
    yield f"<h1>{TITLE}</h1>"
    yield f"<p>{told['models']} models in {len(told['zoos'])} zoos, their lineage known. {escape(counted)}.</p>"
    yield f"<p>A call is {escape(told['call'])}. {escape(_limits(told))}</p>"
    yield f"<p>Small figures are {boot['level']:.0%} intervals over {boot['replicates']} resamples of "
    yield f"{escape(boot['units'])}, the wider end of the two.</p>"
    yield grid(figures)
    yield "<h2>Every figure</h2>"
    yield sheet(("LLR", "judged", *COUNTS, *(title for title, _ in FIGURES)), map(_line, told["rows"]))


def _line(row: Mapping[str, Any]) -> str:
    counts = "".join(f"<td>{row[name]}</td>" for name in COUNTS)
    cells = "".join(f"<td>{value}<small>{limits}</small></td>" for value, limits in (_said(row, n) for _, n in FIGURES))
    return f'<tr><th scope="row">{escape(row["proposition"])}</th><td>{escape(row["judged"])}</td>{counts}{cells}</tr>'
