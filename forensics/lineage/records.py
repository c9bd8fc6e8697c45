"""The results that commands, pages, figures and reports read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROPOSITIONS = ("weights", "base", "distilled", "lineage")


@dataclass(frozen=True)
class Background:
    """What a frozen background gives a comparison of m models, none of which need be its own.

    models: how many it holds. unrelated_p: (m, m), the row being questioned: how often an unrelated pair is as
    strongly indicated as this one, beside the background alone; see `forensics.lineage.openset`.
    """

    models: int
    unrelated_p: NDArray[np.float64]


@dataclass(frozen=True)
class Refusals:
    """What m models decline, by topic. shares: (m, t) of the prompts of a topic, NaN where none was answered; n: (m, t)
    prompts answered."""

    topics: tuple[str, ...]
    shares: NDArray[np.float64]
    n: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DatedScore:
    """One score of a series, such as the distance of a scan from the first one. at: ISO 8601. low, high: its interval,
    None where it is not estimable. note: what happened then, in words."""

    at: str
    score: float
    low: float | None = None
    high: float | None = None
    note: str = ""


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
    background: where one was given, each pair was measured beside it alone; else beside all models here. refusals:
    what each declines; None in a comparison that was stored before that was kept.
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
    background: Background | None = None
    refusals: Refusals | None = None

    @property
    def population(self) -> int:
        """How many models a pair was measured among, itself included."""
        return self.background.models + 2 if self.background else len(self.models)


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
    p_related: float | None = None
    candidate: bool = False
    stands_out: bool = False


FROM_REFERENCE, FROM_QUESTIONED, UNTOLD = "questioned-from-reference", "reference-from-questioned", "not determined"


@dataclass(frozen=True, slots=True)
class Direction:
    """answer: `FROM_REFERENCE`, `FROM_QUESTIONED` or `UNTOLD`, with the reason and every piece of evidence."""

    answer: str
    reason: str
    evidence: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """The third model that explains a pair best: the share of the pair's rare phrases that it says too, ln of its
    smaller overlap with the two over theirs (margin) with its error, and whether it explains them as well or better."""

    model: str
    share: float
    margin: float
    error: float
    as_good: bool
    better: bool


@dataclass(frozen=True, slots=True)
class Mixture:
    """Whether replies divide among sources. shares: source -> share of prompts; gain: held-out ln likelihood of one
    source a prompt over sources that show independently, per prompt, with z; verbatim: source -> share of prompts on
    which the questioned model says all but the same."""

    recognised: bool
    shares: Mapping[str, float]
    gain: float | None
    z: float | None
    prompts: int
    verbatim: Mapping[str, float]
    words: str


@dataclass(frozen=True, slots=True)
class PairInquiry:
    """What is said of one reference beside its likelihood ratios; none of it moves them."""

    reference: str
    direction: Direction
    alternative: Alternative | None
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identification:
    """What a questioned model is found to descend from. `none_of_these` when no reference stands out.

    candidates: references that cannot be excluded. pairs, mixture: the inquiry, where one was made.
    """

    questioned: str
    ranking: tuple[RankedReference, ...]
    none_of_these: bool
    finding: str
    calibration: Mapping[str, Any]
    candidates: tuple[str, ...] = ()
    pairs: tuple[PairInquiry, ...] = ()
    mixture: Mixture | None = None


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
