"""A validation as one HTML file that opens anywhere, offline: its tables, and its figures drawn by Plotly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from forensics.evaluation.validation import BASELINE
from forensics.reports.document import Figures, document, grid, sheet
from forensics.reports.validation_text import JUDGED, LLR_FIGURES, figure_word, interval_word

PEER = '<tr class="peer">'


def page(told: Mapping[str, Any], figures: Figures) -> str:
    """The whole page; every text is escaped: names come from strangers' files."""
    title = f"Validation on {escape(told['corpus'])}"
    return document(title, _body(told, figures, title), figures)


def _body(told: Mapping[str, Any], figures: Figures, title: str) -> Iterable[str]:
    yield f"<h1>{title}</h1>"
    yield (
        '<nav aria-label="On this page"><a href="#relations">Relations</a><a href="#ratios">Likelihood ratios</a>'
        '<a href="#plots">Plots</a><a href="#teachers">Teachers</a><a href="#columns">Every column</a></nav>'
    )
    yield _tiles(told)
    boot = told["bootstrap"]
    yield (
        f"<p>Small figures are {boot['level']:.0%} intervals over {boot['replicates']} resamples of families, on both "
        "sides of a pair. Where fewer than three families stand behind a figure there is none.</p>"
    )
    yield '<h2 id="relations">Relations against cleanly unrelated pairs</h2><p>By the column that tells it best.</p>'
    yield _relations(told["relations"])
    yield '<h2 id="ratios">Likelihood ratios</h2>'
    yield f"<p>No LR reported: {escape(told['no_lr_reason'])}</p>" if told["no_lr_reason"] else _ratios(told)
    yield '<h2 id="plots">Plots</h2>'
    yield grid(figures)
    yield '<h2 id="teachers">Naming the teacher</h2>'
    yield _teachers(told.get("teachers") or [])
    yield '<h2 id="columns">Every column</h2><p>AUC against cleanly unrelated pairs; the naive peer is in italics.</p>'
    yield _columns(told["relations"])
    calibration = told["calibration"]
    if calibration:
        yield f"<footer>Calibration {escape(calibration['name'])} {escape(calibration['version'])}, SHA-256 "
        yield f"{escape(calibration['hash'])}. {escape(calibration['origin'])}.</footer>"


def _tiles(told: Mapping[str, Any]) -> str:
    tiles = [("models", told["models"], f"{told['families']} families"), ("prompts", told["prompts"], "answered")]
    tiles += [(name.replace("_", " "), count, "pairs") for name, count in told["pairs"].items()]
    cells = (f"<div><dt>{escape(n)}</dt><dd>{v:,}<small>{escape(s)}</small></dd></div>" for n, v, s in tiles)
    return f"<dl>{''.join(cells)}</dl>"


def _cell(row: Mapping[str, Any] | None, name: str, *, shade: bool = False) -> str:
    if row is None or row.get(name) is None:
        return "<td>-</td>"
    share = max(0.0, min(1.0, (row[name] - 0.5) * 2))
    opening = f'<td class="shade" style="--share:{share:.3f}">' if shade else "<td>"
    return f"{opening}{figure_word(row[name])}<small>{interval_word(row['intervals'].get(name))}</small></td>"


def _head(name: str) -> str:
    return f'<th scope="row">{escape(name.replace("_", " "))}</th>'


def _relations(rows: Sequence[Mapping[str, Any]]) -> str:
    cells = (
        f"<tr>{_head(r['relation'])}<td>{r['n']}</td><td>{r['families']}</td>"
        f"{_cell(r['columns'][r['best']], 'auc', shade=True)}{_cell(r['columns'][r['best']], 'eer')}"
        f"<td>{escape(r['best'])}</td></tr>"
        for r in rows
    )
    return sheet(("relation", "pairs", "lineages", "AUC", "EER", "column"), cells)


def _ratios(told: Mapping[str, Any]) -> str:
    rows = (
        f"<tr>{_head(row['proposition'])}<td>{how}</td><td>{row['n']}</td>"
        f"{''.join(_cell(row[key], name) for _, name in LLR_FIGURES)}{_turing(row[key]['turing_holds'])}</tr>"
        for row in told["propositions"]
        for how, key in JUDGED
    )
    return sheet(("LLR", "judged", "pairs", *(title for title, _ in LLR_FIGURES), "Turing's rule"), rows)


def _turing(holds: bool) -> str:
    return '<td class="holds">holds</td>' if holds else '<td class="fails">fails</td>'


def _teachers(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "<p>Too few students with a documented teacher among the families there were.</p>"
    cells = (f"<tr>{_head(row['by'])}{_side(row['all'])}{_side(row['minor'])}</tr>" for row in rows)
    return sheet(("ranked by", "votes", "first", "in three", "minor teachers", "first", "in three"), cells)


def _side(told: Mapping[str, Any] | None) -> str:
    return f"<td>{told['n'] if told else 0}</td>{_cell(told, 'first')}{_cell(told, 'three')}"


def _columns(rows: Sequence[Mapping[str, Any]]) -> str:
    names = sorted({name for row in rows for name in row["columns"]})
    cells = (
        f"{PEER if name == BASELINE else '<tr>'}{_head(name)}"
        f"{''.join(_cell(row['columns'].get(name), 'auc', shade=True) for row in rows)}</tr>"
        for name in names
    )
    return sheet(("column", *(row["relation"].replace("_", " ") for row in rows)), cells)
