"""What the figures of a validation share: picking a proposition's numbers, and lines that differ without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forensics.figures import _style as style

JUDGED = {
    "held_out": "leave-family-out",
    "raw": "shipped calibration, raw",
    "bounded": "as reported",
    "left_out": "recording left out, before the bound",
    "left_out_bounded": "recording left out, as reported",
}


def picked(told: Mapping[str, Any], proposition: str, judged: str) -> Mapping[str, Any] | None:
    """The row of a proposition, or None where none was judged; raises ValueError for an unknown way of judging."""
    if judged not in JUDGED:
        raise ValueError(f"no way of judging {judged!r}; known: {', '.join(JUDGED)}")
    return next((row for row in told["propositions"] if row["proposition"] == proposition), None)


def line(
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    colour: str,
    dash: str = "solid",
    *,
    shape: str = "linear",
    **more: Any,
) -> dict[str, Any]:
    """A line with its name in the legend; `shape` "hv" makes it a staircase."""
    pen = {"color": colour, "width": 2, "dash": dash, "shape": shape}
    return {"type": "scatter", "mode": "lines", "name": name, "x": list(x), "y": list(y), "line": pen} | more


def chart(x: str, y: str, **more: Any) -> dict[str, Any]:
    """A layout with two titled axes and the legend above."""
    axis = {"showgrid": True, "gridcolor": style.RULE, "zeroline": False, "ticks": "", "automargin": True}
    legend = {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"}
    base = style.layout(
        height=340,
        showlegend=True,
        legend=legend,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis=axis | {"title": {"text": x}, "fixedrange": True},
        yaxis=axis | {"title": {"text": y}, "fixedrange": True},
        hovermode="x unified",
    )
    for name in ("xaxis", "yaxis"):
        base[name] = base[name] | more.pop(name, {})
    return base | more


def apart(sizes: Sequence[int]) -> list[int]:
    """The sizes, ascending, whose names find room on a logarithmic axis, the largest always among them."""
    kept = list(sizes[-1:])
    for size in reversed(sizes):
        kept += [size] if kept[-1] >= 1.4 * size else []
    return kept[::-1]


def band(limits: Sequence[tuple[float, float, float]], colour: str) -> list[dict[str, Any]]:
    """The area between (x, low, high); nothing without any."""
    if not limits:
        return []
    x = [at for at, _, _ in limits]
    y = [high for _, _, high in limits] + [low for _, low, _ in reversed(limits)]
    around = {"fill": "toself", "fillcolor": colour, "opacity": 0.14, "line": {"width": 0}, "showlegend": False}
    return [{"type": "scatter", "mode": "lines", "x": x + x[::-1], "y": y, "hoverinfo": "skip"} | around]
