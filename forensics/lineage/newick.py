"""Trees as text: Newick for other programs, lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forensics.lineage.records import Branch, LineageTree
from forensics.tables import printable

Children = Mapping[int, Sequence[Branch]]


def children_of(branches: Sequence[Branch]) -> dict[int, list[Branch]]:
    """Node to the branches that leave it, smaller sides first, then in the order given."""
    found: dict[int, list[Branch]] = {}
    for branch in branches:
        found.setdefault(branch.parent, []).append(branch)
    size: dict[int, int] = {}
    for node in reversed(_downwards(found)):
        size[node] = sum(size[b.child] for b in found[node]) if node in found else 1
    return {node: sorted(below, key=lambda b: size[b.child]) for node, below in found.items()}


def _downwards(children: Children) -> list[int]:
    """Every node, parents before children."""
    order = sorted(children.keys() - {b.child for below in children.values() for b in below})
    for node in order:
        order.extend(branch.child for branch in children.get(node, ()))
    return order


def quoted(name: str) -> str:
    """A name as a Newick label: always in quotes, quotes doubled, so that any name survives."""
    return "'" + name.replace("'", "''") + "'"


def newick(names: Sequence[str], branches: Sequence[Branch], *, lengths: bool = True) -> str:
    """The tree in Newick; an inner branch's support stands in percent as the label of the node at its far end."""
    children = children_of(branches)
    order = _downwards(children)
    above = {branch.child: branch for branch in branches}
    text = {i: quoted(name) for i, name in enumerate(names)}
    for node in reversed(order):
        if node in children:
            support = above[node].support if node in above else None
            inner = ",".join(text.pop(b.child) for b in children[node])
            text[node] = f"({inner}){'' if support is None else round(100 * support)}"
        if lengths and node in above:
            text[node] += f":{above[node].length:.6g}"
    return text[order[0]] + ";"


def sketch(tree: LineageTree, *, ascii_only: bool = False) -> str:
    """The tree as lines of text, from its root to the right: support at each inner branch, lengths at the leaves."""
    corner, tee, bar, dash, down = ("`", "|", "|", "-", "+") if ascii_only else ("└", "├", "│", "─", "┬")
    children = children_of(tree.branches)
    root = _downwards(children)[0]
    lines: list[str] = [down]
    stack: list[tuple[Branch, str, bool]] = []

    def push(node: int, margin: str) -> None:
        below = children.get(node, [])
        stack.extend((branch, margin, k == len(below) - 1) for k, branch in reversed(list(enumerate(below))))

    push(root, "")
    while stack:
        branch, margin, last = stack.pop()
        head = margin + (corner if last else tee)
        if branch.child in children:
            lines.append(f"{head}{down} {'' if branch.support is None else f'{branch.support:.0%}'}".rstrip())
            push(branch.child, margin + (" " if last else bar))
        else:
            name = printable(tree.models[branch.child])
            mark = " (out-group)" if tree.models[branch.child] == tree.outgroup else ""
            lines.append(f"{head}{dash} {name}  {branch.length:.3g}{mark}")
    return "\n".join(lines)
