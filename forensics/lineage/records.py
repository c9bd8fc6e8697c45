"""The results that commands, pages, figures and reports read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROPOSITIONS = ("weights", "base", "distilled", "lineage")


@dataclass(frozen=True)
class Comparison:
    """Every pair of a population of m models, sorted by code point. All matrices are (m, m) and symmetric.

    scores: column name (``agreement``, ``style``, ...) -> float64, NaN where not estimable.
    kin, contrast: fused similarity, and same-base-against-same-recipe.
    llr, llr_raw: proposition (`PROPOSITIONS`) -> log10 LR, bounded and raw; NaN where not estimable.
    status: str objects, 'ok' or why there is no LR. relation: str objects, a `Relation` value.
    p_value: the rank of the pair's kin among all pairs, in (0, 1], never 0.
    distance: float64 >= 0 with a zero diagonal, for trees and heatmaps. support_distances: (r, m, m) bootstrap
    replicates of it. calibration: name, version, hash, origin, conditions and `no_lr_reason` ('' where it applies).
    """

    models: tuple[str, ...]
    prompts: NDArray[np.int64]
    scores: Mapping[str, NDArray[np.float64]]
    kin: NDArray[np.float64]
    contrast: NDArray[np.float64]
    llr: Mapping[str, NDArray[np.float64]]
    llr_raw: Mapping[str, NDArray[np.float64]]
    p_value: NDArray[np.float64]
    status: NDArray[np.object_]
    relation: NDArray[np.object_]
    distance: NDArray[np.float64]
    support_distances: NDArray[np.float32]
    calibration: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RankedReference:
    """One row of an identification. LLRs are log10 or None; `verbal` never exceeds the bound's band."""

    reference: str
    rank: int
    llr: Mapping[str, float | None]
    llr_raw: Mapping[str, float | None]
    p_value: float
    p_holm: float
    relation: str
    verbal: str
    status: str
    prompts: int
    score_kin: float | None


@dataclass(frozen=True, slots=True)
class Identification:
    """What a questioned model is found to descend from. `none_of_these` when no reference stands out."""

    questioned: str
    ranking: tuple[RankedReference, ...]
    none_of_these: bool
    finding: str
    calibration: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch from `parent` to `child` (node numbers; leaves are 0..m-1 in the order of the tree's models).

    support: share of bootstrap replicates that hold this split, in [0, 1]; None where every tree holds it, as on a
    leaf's branch.
    """

    parent: int
    child: int
    length: float
    support: float | None


@dataclass(frozen=True, slots=True)
class LineageTree:
    """Neighbour-joining tree; its branches lead away from one root. `newick` carries support as node labels in percent.

    models: in an order of the tree's own. replicates: of the bootstrap, those in which every pair was estimable.
    left_out: models that were asked for, and whose distances to the others are not estimable. outgroup: the model at
    whose branch the tree is rooted. consensus: the majority-rule consensus of the replicates, in Newick, no lengths.
    """

    models: tuple[str, ...]
    branches: tuple[Branch, ...]
    newick: str
    replicates: int
    left_out: tuple[str, ...] = ()
    outgroup: str = ""
    consensus: str = ""
