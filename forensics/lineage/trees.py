"""Neighbour-joining trees with bootstrap support, rooted at an out-group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.errors import BadInput
from forensics.lineage.consensus import majority
from forensics.lineage.joining import Joined, neighbour_joining, splits
from forensics.lineage.newick import newick
from forensics.lineage.records import Branch, Comparison, LineageTree
from forensics.lineage.rooting import least_related, rooted


def lineage_tree(
    comparison: Comparison, models: Sequence[str] | None = None, outgroup: str | None = None
) -> LineageTree:
    """The tree of a comparison (or of some of its models), each inner branch with its bootstrap support in [0, 1].

    outgroup: the model at whose branch the tree is rooted; by default the one with the least evidence of kinship to
    any other. Models whose distances are not estimable are named in `left_out`. Raises BadInput for an unknown model,
    for an out-group that is not in the tree, and where fewer than 3 models are left.
    """
    asked = _places(comparison, models)
    chosen = _estimable(comparison, asked)
    left_out = tuple(comparison.models[i] for i in asked if i not in chosen)
    chosen = [chosen[i] for i in _by_content(comparison.distance[np.ix_(chosen, chosen)])]
    names = tuple(comparison.models[i] for i in chosen)
    rows, columns = np.ix_(chosen, chosen)
    distance = comparison.distance[rows, columns]
    root_at = least_related(distance) if outgroup is None else _named(names, outgroup)
    votes, usable = _votes(comparison.support_distances[:, rows, columns])
    branches = rooted(_branches(neighbour_joining(distance[None]), votes, usable), root_at)
    return LineageTree(
        names,
        branches,
        newick(names, branches),
        usable,
        left_out,
        outgroup=names[root_at],
        consensus=newick(names, majority(votes, usable, len(names), root_at), lengths=False),
    )


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


def _by_content(distance: NDArray[np.float64]) -> list[int]:
    """Places in the order of their sorted distances, so that ties do not hang on names."""
    ranked = np.sort(distance, axis=1).tolist()
    return sorted(range(len(ranked)), key=lambda i: (ranked[i], i))


def _named(names: Sequence[str], outgroup: str) -> int:
    if outgroup not in names:
        raise BadInput("no such model in the tree to root it at: not asked for, or not estimable", where=outgroup)
    return names.index(outgroup)


def _votes(replicates: NDArray[np.float32]) -> tuple[Counter[int], int]:
    """How many replicates hold each split, and how many could be joined at all."""
    usable = replicates[np.isfinite(replicates).all(axis=(1, 2))]
    votes: Counter[int] = Counter()
    for found in splits(neighbour_joining(usable)):
        votes.update(found.values())
    return votes, len(usable)


def _branches(joined: Joined, votes: Mapping[int, int], usable: int) -> list[Branch]:
    """The branches; an inner one without length, which only settles a tie, has no support."""
    (own,) = splits(joined)
    leaves = (joined.parent.size + 3) // 2
    lengths = _not_negative(joined.length[0])
    return [
        Branch(p, c, length, votes.get(own.get(c, 0), 0) / usable if usable and c >= leaves else None)
        for p, c, length in zip(joined.parent.tolist(), joined.child[0].tolist(), lengths.tolist(), strict=True)
    ]


def _not_negative(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lengths with negative ones set to 0 and taken from the sister, as usual; the last three are set to 0 only."""
    pairs = lengths[:-3].reshape(-1, 2)
    whole = np.maximum(pairs.sum(axis=1), 0.0)
    left = np.clip(pairs[:, 0], 0.0, whole)
    return np.concatenate([np.stack([left, whole - left], axis=1).ravel(), np.maximum(lengths[-3:], 0.0)])
