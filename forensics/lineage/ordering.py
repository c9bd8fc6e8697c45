"""An order of the models that puts relatives side by side, and the dendrogram above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import dendrogram as scipy_dendrogram
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from forensics.lineage.records import Comparison


@dataclass(frozen=True, slots=True)
class Dendrogram:
    """order: model numbers from left to right. segments: (x0, y0, x1, y1), x in leaves from 0, y in distance."""

    order: tuple[int, ...]
    segments: tuple[tuple[float, float, float, float], ...]


def dendrogram(comparison: Comparison) -> Dendrogram:
    """Average linkage on the comparison's distances; what is not estimable counts as the largest distance."""
    distance = comparison.distance.copy()
    finite = distance[np.isfinite(distance)]
    distance[~np.isfinite(distance)] = finite.max() if finite.any() else 1.0
    np.fill_diagonal(distance, 0.0)
    joined = linkage(
        squareform((distance + distance.T) / 2, checks=False), method="average", optimal_ordering=len(distance) <= 300
    )
    drawn = scipy_dendrogram(joined, no_plot=True)
    segments: list[tuple[float, float, float, float]] = []
    for xs, ys in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        places = [(x - 5) / 10 for x in xs]
        segments += [(float(places[k]), float(ys[k]), float(places[k + 1]), float(ys[k + 1])) for k in range(3)]
    return Dendrogram(tuple(int(i) for i in drawn["leaves"]), tuple(segments))
