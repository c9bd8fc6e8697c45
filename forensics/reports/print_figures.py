"""Figures on paper: the data record that Plotly draws on a screen, drawn as vectors. No browser, no clock."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from forensics.tables import printable

INK, SOFT, RULE, FOR, AGAINST, RUBRIC = "#1d1b18", "#6b665c", "#d9d3c5", "#1c4f7c", "#7a5200", "#a02f1c"
RAMP = ("#f7f4ea", "#b9ccd2", "#5a8bb0", "#1c4f7c", "#081c33")
WIDTH = 6.6
SUPPORTED = 0.7
NAME = 34
Data = Mapping[str, Any]
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 8, "axes.edgecolor": RULE,
    "axes.labelcolor": INK, "xtick.color": SOFT, "ytick.color": INK, "axes.spines.top": False,
    "axes.spines.right": False, "text.parse_math": False,
}  # fmt: skip


def svg(data: Data) -> str:
    """The figure as an SVG element, the same bytes for the same data."""
    out = io.StringIO()
    with _drawn(data) as figure:
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    return out.getvalue()[out.getvalue().index("<svg") :]


def png(data: Data) -> bytes:
    """The figure as a PNG of 200 dots an inch, for forms that hold no vectors."""
    out = io.BytesIO()
    with _drawn(data) as figure:
        figure.savefig(out, format="png", dpi=200, metadata={"Software": None}, bbox_inches="tight")
    return out.getvalue()


@contextmanager
def _drawn(data: Data) -> Iterator[Any]:
    # Drawn on a figure of its own, without pyplot's list of open ones: workers draw many.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS | {"svg.hashsalt": str(data["name"]) + str(data.get("of", ""))}):
        figure = Figure(figsize=(WIDTH, _height(data)))
        DRAWERS[data["name"]](figure, data)
        yield figure


def can_draw(name: str) -> bool:
    """Whether a figure of that name can be drawn on paper."""
    return name in DRAWERS


def _height(data: Data) -> float:
    rows = {"waterfall": "steps", "ranking": "rows", "tree": "leaves"}.get(data["name"])
    if rows:
        return 0.9 + 0.24 * max(3, len(data[rows]))
    return min(7.5, 2.2 + 0.2 * len(data["models"])) if data["name"] == "heatmap" else 3.0


def _short(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= NAME else f"{shown[: NAME - 12]}…{shown[-11:]}"


def _rows(axes: Any, names: list[str], label: str) -> None:
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(label)
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.tick_params(length=0)


def _waterfall(figure: Any, data: Data) -> None:
    axes = figure.subplots()
    steps = data["steps"]
    _rows(axes, [step["step"] for step in steps], "log10 LR")
    for place, step in enumerate(steps):
        total, back = step["kind"] in ("fused", "reported"), step["kind"] in ("dependence", "bound")
        colour = INK if total else RUBRIC if back else FOR if step["log10_lr"] >= 0 else AGAINST
        hatch = "///" if back else None
        axes.barh(place, step["to"] - step["from"], left=step["from"], height=0.6, color="white" if back else colour,
                  edgecolor=colour, hatch=hatch, linewidth=0.8)  # fmt: skip
        axes.annotate(f"{step['log10_lr']:+.2f}", (max(step["to"], step["from"]), place), (3, 0), va="center",
                      textcoords="offset points", fontsize=7)  # fmt: skip
    for bound in data["bounds"]:
        axes.axvline(bound, color=RUBRIC, linewidth=0.9, linestyle="--")
    axes.margins(x=0.12)


def _ranking(figure: Any, data: Data) -> None:
    axes, rows = figure.subplots(), data["rows"]
    told = any(row["llr"] is not None for row in rows)
    label = f"log10 LR, {data['proposition']}" if told else "kin score (no LR reported)"
    _rows(axes, [row["reference"] for row in rows], label)
    for place, row in enumerate(rows):
        if told and row["llr"] is not None:
            axes.barh(place, row["llr"], height=0.55, color=AGAINST if row["llr"] < 0 else FOR)
        if told and row["llr_raw"] is not None:
            axes.plot(row["llr_raw"], place, "o", mfc="none", mec=INK, ms=4)
        if not told and row["kin"] is not None:
            axes.plot(row["kin"], place, "D", color=SOFT, ms=4)
    for bound in data["bounds"] if told else []:
        axes.axvline(bound, color=RUBRIC, linewidth=0.9, linestyle="--")


def _tippett(figure: Any, data: Data) -> None:
    axes, curves = figure.subplots(), data["curves"]
    axes.plot(curves["x"], curves["related"], color=FOR, label="related pairs")
    axes.plot(curves["x"], curves["unrelated"], color=AGAINST, linestyle="--", label="cleanly unrelated pairs")
    axes.axvline(0, color=SOFT, linewidth=0.8, linestyle=":")
    if data["mark"] is not None:
        axes.axvline(data["mark"], color=RUBRIC, linewidth=1, label=f"this pair, {data['mark']:+.2f}")
    axes.set(xlabel="log10 LR", ylabel="share with at least this LR", ylim=(0, 1.02))
    axes.grid(color=RULE, linewidth=0.6)
    axes.legend(frameon=False, fontsize=7)


def _heatmap(figure: Any, data: Data) -> None:
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap

    axes, names = figure.subplots(), [_short(name) for name in data["models"]]
    ramp = RAMP[::-1] if data["matrix"] == "distance" else RAMP
    cells = np.array([[np.nan if c is None else c for c in row] for row in data["cells"]], dtype=float)
    mesh = axes.pcolormesh(np.ma.masked_invalid(cells), cmap=LinearSegmentedColormap.from_list("ramp", ramp),
                           edgecolors="white", linewidth=0.4)  # fmt: skip
    size = 7 if len(names) <= 30 else 4
    places = np.arange(len(names)) + 0.5
    axes.set_xticks(places, names, rotation=90, fontsize=size)
    axes.set_yticks(places, names, fontsize=size)
    axes.invert_yaxis()
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(mesh, ax=axes, shrink=0.5, label=data["matrix"])
    bar.solids.set_rasterized(False)
    bar.outline.set_visible(False)


def _tree(figure: Any, data: Data) -> None:
    axes, leaves = figure.subplots(), data["leaves"]
    deepest = max((leaf["x"] for leaf in leaves), default=0.0) or 1.0
    for x0, y0, x1, y1 in data["stems"]:
        axes.plot((x0, x1), (y0, y1), color=SOFT, linewidth=0.9)
    for branch in data["branches"]:
        (x0, y0, x1, y1), support = branch["line"], branch["support"]
        weak = support is not None and support < SUPPORTED
        axes.plot((x0, x1), (y0, y1), color=SOFT if weak else INK, linewidth=0.9, linestyle="--" if weak else "-")
        if support is not None:
            axes.annotate(f"{100 * support:.0f}", ((x0 + x1) / 2, y1), (0, 1), ha="center", va="bottom", fontsize=5.5,
                          textcoords="offset points", color=SOFT)  # fmt: skip
    for leaf in leaves:
        axes.text(leaf["x"] + deepest / 90, leaf["y"], _short(leaf["model"]), va="center", fontsize=7,
                  color=RUBRIC if leaf["questioned"] else INK)  # fmt: skip
    axes.set(xlim=(-0.02 * deepest, deepest * 1.4), ylim=(len(leaves) - 0.4, -0.6), xlabel="distance", yticks=[])
    axes.spines["left"].set_visible(False)


DRAWERS: dict[str, Callable[[Any, Data], None]] = {
    "waterfall": _waterfall,
    "ranking": _ranking,
    "tippett": _tippett,
    "heatmap": _heatmap,
    "tree": _tree,
}
