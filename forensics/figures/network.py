"""The lineage network: which models are linked, undirected unless there is evidence of direction."""

from __future__ import annotations

from typing import Any

from forensics.figures import _style as style
from forensics.lineage.links import Link, Network
from forensics.records import Declaration

SUPPORTED = 0.7
COLUMNS = ("model_a", "model_b", "relation", "distance", "support_percent", "parent")


class LineageNetwork:
    """Models as dots as far apart as they measure, links as lines; dashed where weakly supported, arrows where told."""

    declaration = Declaration(
        name="network",
        version="1",
        title="Lineage network",
        source="forensics.lineage.links; stress majorisation (Gansner, Koren and North 2005)",
        parameters={"supported": SUPPORTED},
        limitations=(
            "A line says that lineage was found between two models; who descends from whom, only an arrow says.",
        ),
    )

    def data(self, result: Network, *, questioned: str = "") -> dict[str, Any]:
        """Models with their places, links with their support and direction; `empty` where nobody is linked."""
        dots = [
            {"model": name, "x": _round(x), "y": _round(y), "questioned": name == questioned}
            for name, (x, y) in result.places.items()
        ]
        links = [_link(link) for link in result.links]
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "dots": dots,
            "links": links,
            "alone": list(result.alone),
            "empty": not links,
            "reading": _reading(links, result),
            "table": style.table("Links", COLUMNS, ([link[c] for c in COLUMNS] for link in links)),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """Lines, dots and names; equal scales on both axes."""
        places = {dot["model"]: (dot["x"], dot["y"]) for dot in data["dots"]}
        strong = [link for link in data["links"] if not _weak(link)]
        weak = [link for link in data["links"] if _weak(link)]
        dots = data["dots"]
        few = len(dots) <= 60
        return {
            "data": [
                _lines(strong, places, "solid", style.INK),
                _lines(weak, places, "dash", style.INK_SOFT),
                {
                    "type": "scatter", "mode": "markers+text" if few else "markers", "x": [d["x"] for d in dots],
                    "y": [d["y"] for d in dots], "text": [style.label(style.short(d["model"], 24)) for d in dots],
                    "textposition": [_side(d, data["links"], places) for d in dots] if few else [],
                    "textfont": {"size": 11}, "cliponaxis": False, "hoverinfo": "none",
                    "marker": {"size": 11 if few else 7, "color": [_ink(d) for d in dots],
                               "symbol": ["diamond" if d["questioned"] else "circle" for d in dots]},
                },
            ],
            "layout": style.layout(
                height=560,
                margin={"l": 10, "r": 10, "t": 20, "b": 10},
                xaxis=style.bare_axis(showticklabels=False, range=_span([d["x"] for d in dots])),
                yaxis=style.bare_axis(showticklabels=False, range=_span([d["y"] for d in dots])),
                annotations=[_arrow(link, places) for link in data["links"] if link["parent"]],
            ),
        }  # fmt: skip


def _round(number: float) -> float:
    return round(style.finite([number], "the network")[0], 4)


def _link(link: Link) -> dict[str, Any]:
    support = None if link.support is None else round(100 * style.finite([link.support], "a link's support")[0], 1)
    return {
        "model_a": link.model_a, "model_b": link.model_b, "relation": link.relation, "distance": _round(link.distance),
        "support_percent": support, "parent": link.parent,
    }  # fmt: skip


def _weak(link: dict[str, Any]) -> bool:
    return link["support_percent"] is None or link["support_percent"] < 100 * SUPPORTED


def _ink(dot: dict[str, Any]) -> str:
    return style.RUBRIC if dot["questioned"] else style.FOR


def _side(dot: dict[str, Any], links: list[dict[str, Any]], places: dict[str, tuple[float, float]]) -> str:
    """Where a model's name stands: away from those that it is linked to."""
    near = [places[b if a == dot["model"] else a] for a, b in _ends(links) if dot["model"] in (a, b)]
    dx = sum(dot["x"] - x for x, _ in near)
    dy = sum(dot["y"] - y for _, y in near)
    if abs(dx) > 2 * abs(dy):
        return "middle right" if dx > 0 else "middle left"
    return "bottom center" if dy < 0 else "top center"


def _ends(links: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(link["model_a"], link["model_b"]) for link in links]


def _span(values: list[float]) -> list[float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.18 * (high - low or 1.0)
    return [low - room, high + room]


def _lines(links: list[dict[str, Any]], places: dict[str, tuple[float, float]], dash: str, ink: str) -> dict[str, Any]:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for link in links:
        (x0, y0), (x1, y1) = places[link["model_a"]], places[link["model_b"]]
        xs += [x0, x1, None]
        ys += [y0, y1, None]
    line = {"color": ink, "width": 1.4, "dash": dash}
    return {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "line": line, "hoverinfo": "skip"}


def _arrow(link: dict[str, Any], places: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """From the parent to the middle of the link, so that the head is free of dots."""
    child = link["model_b"] if link["parent"] == link["model_a"] else link["model_a"]
    (x0, y0), (x1, y1) = places[link["parent"]], places[child]
    return {
        "x": x0 + 0.6 * (x1 - x0), "y": y0 + 0.6 * (y1 - y0), "ax": x0, "ay": y0, "axref": "x", "ayref": "y",
        "showarrow": True, "arrowhead": 2, "arrowsize": 1.4, "arrowwidth": 1.6, "arrowcolor": style.INK, "text": "",
    }  # fmt: skip


def _reading(links: list[dict[str, Any]], told: Network) -> str:
    if not links:
        return f"No lineage was found between any two of {len(told.alone)} models."
    weak = sum(1 for link in links if _weak(link))
    way = sum(1 for link in links if link["parent"])
    arrows = f"{way} with a direction" if way else "none with a direction"
    dashed = f"{weak} are dashed, as they stand out in less than {SUPPORTED:.0%} of {told.replicates} replicates"
    return (
        f"{len(told.places)} models are joined by {len(links)} links, {arrows}; {dashed}; {len(told.alone)} are "
        "linked to none."
    )


PLUGIN = LineageNetwork()
