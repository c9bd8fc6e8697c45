"""Where a tree is rooted: the one place that decides."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from forensics.lineage.records import Branch


def least_related(distance: NDArray[np.floating]) -> int:
    """The place, in (m, m) finite distances, of the model with the least evidence of kinship to any other.

    The one whose closest other model is farthest away; then the one farther from all, taken together. What is equal in
    every distance goes to the lowest place.
    """
    others = np.where(np.eye(len(distance), dtype=bool), np.inf, distance)
    ranked = np.sort(others, axis=1)[:, :-1]
    keys = [tuple(row) for row in np.column_stack([ranked[:, 0], ranked.sum(axis=1), ranked]).tolist()]
    return max(range(len(keys)), key=lambda i: (keys[i], -i))


def rooted(branches: Iterable[Branch], outgroup: int) -> tuple[Branch, ...]:
    """The branches turned away from a root in the middle of the out-group's own branch, parents before children.

    Support belongs to a branch, not to a node, and stays with it. The root takes the next free number.
    """
    near: dict[int, list[Branch]] = {}
    for branch in branches:
        near.setdefault(branch.parent, []).append(branch)
        near.setdefault(branch.child, []).append(Branch(branch.child, branch.parent, branch.length, branch.support))
    root, (stem,) = max(near) + 1, near[outgroup]
    half = stem.length / 2
    found = [Branch(root, outgroup, half, None), Branch(root, stem.child, half, stem.support)]
    stack = [(stem.child, outgroup)]
    while stack:
        node, before = stack.pop()
        for branch in near[node]:
            if branch.child != before:
                found.append(branch)
                stack.append((branch.child, node))
    return tuple(found)
