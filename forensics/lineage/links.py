"""Who is linked to whom: the pairs found to have lineage, their bootstrap support, and their direction where told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.lineage.records import FROM_QUESTIONED, FROM_REFERENCE, Comparison, Identification
from forensics.records import Relation

LINEAGE = frozenset({Relation.SAME, Relation.DERIVED, Relation.DISTILLED, Relation.COMMON_SOURCE})
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Link:
    """A pair found to have lineage. support: the share of bootstrap replicates in which either of the two is nearer to
    the other than to every model that it is not linked to; None without replicates. parent: the model that the other
    descends from, '' where no evidence decides the direction."""

    model_a: str
    model_b: str
    relation: str
    distance: float
    support: float | None
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """The linked models of a comparison, nearest links first, and those that are linked to none.

    places: model to where it stands so that distances on paper are near those measured, in the unit of the distance.
    """

    links: tuple[Link, ...]
    places: Mapping[str, tuple[float, float]]
    alone: tuple[str, ...]
    replicates: int


def network(comparison: Comparison, directions: Mapping[tuple[str, str], str] | None = None) -> Network:
    """The links of a comparison. directions: (model_a, model_b), the first by code point, to the parent of the two."""
    m = len(comparison.models)
    linked = np.isin(comparison.relation.astype(str), sorted(r.value for r in LINEAGE))
    linked &= np.isfinite(comparison.distance) & ~np.eye(m, dtype=bool)
    holds, replicates = _support(comparison, linked)
    known = directions or {}
    found = [
        Link(
            comparison.models[i],
            comparison.models[j],
            str(comparison.relation[i, j]),
            float(comparison.distance[i, j]),
            float(holds[i, j]) if replicates else None,
            known.get((comparison.models[i], comparison.models[j]), ""),
        )
        for i, j in np.argwhere(np.triu(linked)).tolist()
    ]
    members = np.flatnonzero(linked.any(axis=1)).tolist()
    placed = _placed(comparison.distance[np.ix_(members, members)])
    return Network(
        tuple(sorted(found, key=lambda link: (link.distance, link.model_a, link.model_b))),
        {comparison.models[i]: (float(x), float(y)) for i, (x, y) in zip(members, placed, strict=True)},
        tuple(comparison.models[i] for i in range(m) if i not in members),
        replicates,
    )


def directions_of(found: Identification) -> dict[tuple[str, str], str]:
    """The pairs of an inquiry whose direction is decided, by code point, with the parent of each."""
    told: dict[tuple[str, str], str] = {}
    for pair in found.pairs:
        parents = {FROM_REFERENCE: pair.reference, FROM_QUESTIONED: found.questioned}
        if parent := parents.get(pair.direction.answer):
            first, second = sorted((pair.reference, found.questioned))
            told[first, second] = parent
    return told


def _support(comparison: Comparison, linked: NDArray[np.bool_]) -> tuple[Matrix, int]:
    """(m, m) shares of replicates in which a link stands out from what is not linked, and how many replicates told."""
    m = len(comparison.models)
    strangers = ~linked & ~np.eye(m, dtype=bool)
    holds, told = np.zeros((m, m)), 0
    for distance in comparison.support_distances:
        known = np.isfinite(distance)
        nearest = np.where(strangers & known, distance, np.inf).min(axis=1)
        holds += known & (distance < np.maximum(nearest[:, None], nearest[None]))
        told += 1
    return holds / max(told, 1), told


def _placed(distance: Matrix, rounds: int = 100) -> Matrix:
    """(k, 2) places by stress majorisation (Gansner, Koren and North 2005) from the principal coordinates; a distance
    that is not estimable counts for next to nothing. Deterministic."""
    k = len(distance)
    known = np.isfinite(distance) & ~np.eye(k, dtype=bool)
    if k < 2 or not known.any():
        return np.zeros((k, 2))
    far = np.where(known, np.maximum(distance, 1e-3), float(distance[known].max()))
    np.fill_diagonal(far, 0.0)
    at = _principal(far)
    # Next to nothing, and not nothing: what hangs together by no estimable distance would otherwise have no place.
    weight = np.where(known, 1.0, 1e-6) / np.maximum(far, 1e-3) ** 2
    np.fill_diagonal(weight, 0.0)
    # The Laplacian is singular along a common shift; one more constant takes that away and moves nothing.
    inverse = np.linalg.inv(np.diag(weight.sum(axis=1)) - weight + 1.0 / k)
    for _ in range(rounds):
        square = (at**2).sum(axis=1)
        apart = np.sqrt(np.maximum(square[:, None] + square[None] - 2 * at @ at.T, 1e-18))
        pull = weight * far / apart
        moved = inverse @ (pull.sum(axis=1)[:, None] * at - pull @ at)
        still = np.abs(moved - at).max() < 1e-4 * np.abs(moved).max()
        at = moved
        if still:
            break
    return at


def _principal(far: Matrix) -> Matrix:
    """(k, 2) principal coordinates (Torgerson 1952), the sign of each axis fixed by its largest entry."""
    k = len(far)
    centre = np.eye(k) - 1 / k
    values, vectors = np.linalg.eigh(-0.5 * centre @ far**2 @ centre)
    axes = vectors[:, -2:][:, ::-1] * np.sqrt(np.maximum(values[-2:][::-1], 1e-9))
    return np.asarray(axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]))
