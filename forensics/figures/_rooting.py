"""Where the nodes of a tree stand on paper: geometry only. The tree says itself where it is rooted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forensics.figures._style import finite
from forensics.lineage.records import Branch, LineageTree

Neighbours = Mapping[int, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class Placed:
    """A rooted drawing: node -> (x, y), and for every node but the root its parent in the drawing."""

    places: Mapping[int, tuple[float, float]]
    parents: Mapping[int, int]
    leaves: tuple[int, ...]


def _neighbours(branches: tuple[Branch, ...]) -> dict[int, dict[int, float]]:
    found: dict[int, dict[int, float]] = {}
    for branch in branches:
        # Neighbour joining may give slightly negative lengths; a line cannot be shorter than nothing.
        length = max(0.0, finite([branch.length], "the tree's branch lengths")[0])
        found.setdefault(branch.parent, {})[branch.child] = length
        found.setdefault(branch.child, {})[branch.parent] = length
    return found


def _walk(start: int, near: Neighbours) -> tuple[dict[int, float], dict[int, int]]:
    """Path length from `start` to every node, and the node before each on that path, in visiting order."""
    far, before, stack = {start: 0.0}, dict[int, int](), [start]
    while stack:
        node = stack.pop()
        for other in sorted(near.get(node, {})):
            if other not in far:
                far[other] = far[node] + near[node][other]
                before[other] = node
                stack.append(other)
    return far, before


def place(tree: LineageTree) -> Placed:
    """x is the path length from the root of the tree, y the leaf's row; an inner node stands amid its children."""
    near = _neighbours(tree.branches)
    if not near:
        return Placed({i: (0.0, float(i)) for i in range(len(tree.models))}, {}, tuple(range(len(tree.models))))
    (root,) = {b.parent for b in tree.branches} - {b.child for b in tree.branches}
    far, parents = _walk(root, near)
    children: dict[int, list[int]] = {}
    for node, parent in parents.items():
        children.setdefault(parent, []).append(node)
    sizes = dict.fromkeys(far, 1)
    for node in sorted(parents, key=lambda n: -len(_path(n, parents))):
        sizes[parents[node]] += sizes[node]
    rows: dict[int, float] = {}
    leaves: list[int] = []
    _rows(root, children, sizes, rows, leaves)
    return Placed({n: (far[n], rows[n]) for n in far}, parents, tuple(leaves))


def _path(node: int, parents: Mapping[int, int]) -> list[int]:
    path = [node]
    while path[-1] in parents:
        path.append(parents[path[-1]])
    return path


def _rows(
    root: int, children: Mapping[int, list[int]], sizes: Mapping[int, int], rows: dict[int, float], leaves: list[int]
) -> None:
    """Leaves get rows from the top down, small branches first; parents the mean of their children's rows."""
    stack = [(root, False)]
    while stack:
        node, done = stack.pop()
        below = sorted(children.get(node, ()), key=lambda n: (sizes[n], n))
        if not below:
            rows[node] = float(len(leaves))
            leaves.append(node)
        elif done:
            rows[node] = sum(rows[n] for n in below) / len(below)
        else:
            stack.append((node, True))
            stack.extend((n, False) for n in reversed(below))
