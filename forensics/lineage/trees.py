"""Neighbour-joining trees with bootstrap support."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.errors import BadInput
from forensics.lineage.records import Branch, Comparison, LineageTree

Edges = list[tuple[int, int, float]]


def neighbour_joining(distance: NDArray[np.floating]) -> Edges:
    """Edges (parent, child, length) of the unrooted tree of an (m, m) distance matrix, m >= 3; leaves are 0..m-1.

    Negative lengths are set to 0 and taken from the sister, as usual. Ties go to the lowest numbers, so the result
    depends on the matrix alone. Source: Saitou & Nei 1987, Studier & Keppler 1988.
    """
    m = distance.shape[0]
    matrix = distance.astype(np.float64).copy()
    node = np.arange(m)
    edges: Edges = []
    following = m
    while node.size > 3:
        k = node.size
        sums = matrix.sum(axis=1)
        criterion = (k - 2) * matrix - sums[:, None] - sums[None]
        np.fill_diagonal(criterion, np.inf)
        i, j = divmod(int(np.argmin(criterion)), k)
        i, j = min(i, j), max(i, j)
        half = matrix[i, j] / 2
        left = half + (sums[i] - sums[j]) / (2 * (k - 2))
        first, second = _lengths(left, matrix[i, j])
        edges += [(following, int(node[i]), first), (following, int(node[j]), second)]
        joined = (matrix[i] + matrix[j] - matrix[i, j]) / 2
        matrix[i], matrix[:, i] = joined, joined
        matrix[i, i] = 0.0
        kept = np.arange(k) != j
        matrix, node = matrix[np.ix_(kept, kept)], node[kept].copy()
        node[i] = following
        following += 1
    return edges + _last_three(matrix, node, following)


def _lengths(left: float, whole: float) -> tuple[float, float]:
    left = min(max(left, 0.0), max(whole, 0.0))
    return left, max(whole, 0.0) - left


def _last_three(matrix: NDArray[np.float64], node: NDArray[np.int64], centre: int) -> Edges:
    a, b, c = matrix[0, 1], matrix[0, 2], matrix[1, 2]
    lengths = ((a + b - c) / 2, (a + c - b) / 2, (b + c - a) / 2)
    return [(centre, int(n), max(float(length), 0.0)) for n, length in zip(node, lengths, strict=True)]


def _below(edges: Edges, leaves: int) -> dict[int, int]:
    """Node to the bit set of leaves below it. Children come before parents in the order of joining."""
    below = {leaf: 1 << leaf for leaf in range(leaves)}
    for parent, child, _ in edges:
        below[parent] = below.get(parent, 0) | below[child]
    return below


def splits(edges: Edges, leaves: int) -> dict[int, int]:
    """Inner child node to its split: the bit set of leaves on the side without leaf 0."""
    everything = (1 << leaves) - 1
    below = _below(edges, leaves)
    found = {child: below[child] for _, child, _ in edges if child >= leaves}
    return {child: bits if not bits & 1 else everything & ~bits for child, bits in found.items()}


def lineage_tree(comparison: Comparison, models: Sequence[str] | None = None) -> LineageTree:
    """The tree of a comparison (or of some of its models), each inner branch with its bootstrap support in [0, 1].

    Models whose distances are not estimable are named in `left_out`. Raises BadInput for an unknown model, and where
    fewer than 3 are left.
    """
    asked = _places(comparison, models)
    chosen = _estimable(comparison, asked)
    names = tuple(comparison.models[i] for i in chosen)
    square = np.ix_(chosen, chosen)
    distance = comparison.distance[square]
    edges = neighbour_joining(distance)
    own = splits(edges, len(names))
    votes: Counter[int] = Counter()
    usable = 0
    for replicate in comparison.support_distances:
        part = replicate[square]
        if np.isfinite(part).all():
            usable += 1
            votes.update(set(splits(neighbour_joining(part), len(names)).values()))
    branches = tuple(
        Branch(parent, child, length, votes[own[child]] / usable if child in own and usable else None)
        for parent, child, length in edges
    )
    left_out = tuple(comparison.models[i] for i in asked if i not in chosen)
    return LineageTree(names, branches, _newick(names, branches), usable, left_out)


def _places(comparison: Comparison, models: Sequence[str] | None) -> list[int]:
    known = {name: i for i, name in enumerate(comparison.models)}
    wanted = sorted(set(models)) if models is not None else list(comparison.models)
    if missing := [name for name in wanted if name not in known]:
        raise BadInput(f"not in this comparison: {', '.join(missing)}")
    if len(wanted) < 3:
        raise BadInput("a tree needs at least three models")
    return [known[name] for name in wanted]


def _estimable(comparison: Comparison, places: list[int]) -> list[int]:
    """The places whose distances to each other are all estimable; the model with most gaps goes first."""
    kept = list(places)
    while kept and (gaps := ~np.isfinite(comparison.distance[np.ix_(kept, kept)])).any():
        kept.pop(int(np.argmax(gaps.sum(axis=1))))
    if len(kept) < 3:
        raise BadInput("a tree needs at least three models with enough common prompts")
    return kept


def _newick(names: Sequence[str], branches: Sequence[Branch]) -> str:
    children: dict[int, list[Branch]] = {}
    for branch in branches:
        children.setdefault(branch.parent, []).append(branch)

    text: dict[int, str] = {i: "'" + name.replace("'", "''") + "'" for i, name in enumerate(names)}
    support = {b.child: b.support for b in branches}
    for parent in sorted(children):
        inner = ",".join(f"{text.pop(b.child)}:{b.length:.6g}" for b in children[parent])
        share = support.get(parent)
        text[parent] = f"({inner}){'' if share is None else round(100 * share)}"
    return text[max(children)] + ";"
