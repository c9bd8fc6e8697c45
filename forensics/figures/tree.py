"""The lineage tree: branch lengths are distances, weakly supported branches are dashed."""

from __future__ import annotations

from typing import Any

from forensics.figures import _style as style
from forensics.figures._rooting import place
from forensics.lineage.records import Branch, LineageTree
from forensics.records import Declaration

SUPPORTED = 0.7


class Tree:
    """A rectangular drawing of the tree from its root, with support in percent on its inner branches."""

    declaration = Declaration(
        name="tree",
        version="1",
        title="Lineage tree",
        source="Neighbour joining with bootstrap support (Saitou and Nei 1987; Felsenstein 1985)",
        parameters={"supported": SUPPORTED},
        limitations=(
            "The root lies on the branch of the out-group, by default the model with the least evidence of kinship to "
            "any other: it is no evidence of who descends from whom.",
            "A tree has no crossing branches, while merges and distillation cross: read it with the ranking.",
        ),
    )

    def data(self, result: LineageTree, *, questioned: str = "") -> dict[str, Any]:
        """Leaves and branches with their places, how many branches are supported, and a table of the branches."""
        placed = place(result)
        inner = [b for b in result.branches if b.support is not None]
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "empty": not result.branches,
            "leaves": [
                {"model": result.models[n], "x": round(placed.places[n][0], 5), "y": placed.places[n][1],
                 "questioned": result.models[n] == questioned}
                for n in placed.leaves
            ],
            "branches": [_branch(b, placed.places) for b in result.branches],
            "stems": _stems(placed.places, placed.parents),
            "replicates": result.replicates,
            "newick": result.newick,
            "reading": f"{_reading(inner, result)}{_gaps(result.left_out)}.",
            "table": style.table(
                "Branches of the lineage tree", ("branch", "length", "support_percent"), _table(result)
            ),
        }  # fmt: skip

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """A Plotly figure: solid and dashed branches, support values, leaf names to the right of their tips."""
        leaves = data["leaves"]
        deepest = max((leaf["x"] for leaf in leaves), default=0.0) or 1.0
        solid = [b for b in data["branches"] if b["support"] is None or b["support"] >= SUPPORTED]
        weak = [b for b in data["branches"] if b["support"] is not None and b["support"] < SUPPORTED]
        return {
            "data": [
                _segments(data["stems"], "solid", style.INK_SOFT),
                _segments([b["line"] for b in solid], "solid", style.INK),
                _segments([b["line"] for b in weak], "dash", style.INK_SOFT),
                _support(data["branches"]),
                _tips(leaves, deepest / 90),
            ],
            "layout": style.layout(
                height=80 + max(240, 21 * len(leaves)),
                margin={"l": 10, "r": 10, "t": 10, "b": 40},
                xaxis=style.bare_axis(title={"text": "distance"}, range=[-0.02 * deepest, deepest * 1.45], nticks=6),
                yaxis=style.bare_axis(showticklabels=False, range=[len(leaves) - 0.4, -0.6]),
            ),
        }


def _branch(branch: Branch, places: Any) -> dict[str, Any]:
    (x0, _), (x1, y1) = places[branch.parent], places[branch.child]
    return {"line": [round(x0, 5), y1, round(x1, 5), y1], "support": branch.support}


def _stems(places: Any, parents: Any) -> list[list[float]]:
    ends: dict[int, list[float]] = {}
    for node, parent in parents.items():
        ends.setdefault(parent, []).append(places[node][1])
    return [[round(places[p][0], 5), min(ys), round(places[p][0], 5), max(ys)] for p, ys in sorted(ends.items())]


def _segments(lines: list[list[float]], dash: str, colour: str) -> dict[str, Any]:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for x0, y0, x1, y1 in lines:
        xs += [x0, x1, None]
        ys += [y0, y1, None]
    line = {"color": colour, "width": 1.4, "dash": dash}
    return {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "line": line, "hoverinfo": "skip"}


def _support(branches: list[dict[str, Any]]) -> dict[str, Any]:
    shown = [b for b in branches if b["support"] is not None]
    return {
        "type": "scatter",
        "mode": "text",
        "x": [(b["line"][0] + b["line"][2]) / 2 for b in shown],
        "y": [b["line"][1] for b in shown],
        "text": [f"{100 * b['support']:.0f}" for b in shown],
        "textposition": "top center",
        "textfont": {"size": 9, "color": style.INK_SOFT},
        "hoverinfo": "skip",
    }


def _tips(leaves: list[dict[str, Any]], gap: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "text",
        "x": [leaf["x"] + gap for leaf in leaves],
        "y": [leaf["y"] for leaf in leaves],
        "text": [style.label(style.short(leaf["model"], 38)) for leaf in leaves],
        "textposition": "middle right",
        "textfont": {"size": 11, "color": [style.RUBRIC if leaf["questioned"] else style.INK for leaf in leaves]},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _gaps(left_out: tuple[str, ...]) -> str:
    """Names the models that the tree cannot hold; '' where it holds all."""
    return f"; left out, since some of their distances are not estimable: {', '.join(left_out)}" if left_out else ""


def _reading(inner: list[Branch], result: LineageTree) -> str:
    if not inner:
        return "There are too few models for an inner branch; the tree shows distances only"
    strong = sum(1 for b in inner if (b.support or 0) >= SUPPORTED)
    root = f"its root at {result.outgroup}" if result.outgroup else "its root"
    return (
        f"{strong} of {len(inner)} inner branches hold in at least {SUPPORTED:.0%} of {result.replicates} bootstrap "
        f"replicates and the others are dashed; {root} says nothing about direction"
    )


def _table(result: LineageTree) -> list[list[Any]]:
    """One row a branch: a leaf's branch by its model, an inner one by the models on its far side."""
    below: dict[int, list[int]] = {}
    for branch in result.branches:
        below.setdefault(branch.parent, []).append(branch.child)
    rows = []
    for branch in result.branches:
        names = sorted(result.models[n] for n in _leaves(branch.child, below, len(result.models)))
        support = None if branch.support is None else round(100 * branch.support, 1)
        rows.append([" | ".join(names), round(style.finite([branch.length], "the tree")[0], 5), support])
    return rows


def _leaves(node: int, below: dict[int, list[int]], models: int) -> list[int]:
    found, stack = [], [node]
    while stack:
        at = stack.pop()
        if at < models:
            found.append(at)
        stack.extend(below.get(at, ()))
    return found


PLUGIN = Tree()
