"""Which of two kin came from the other: release dates, and who keeps more of what everybody else says.

Text leans and never decides: on recordings of real models the one-sided sharing pointed the right way for most parents
and children, but it spoke as loudly of siblings, between which there is no direction (docs/validation.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.lineage.records import FROM_QUESTIONED, FROM_REFERENCE, UNTOLD, Alternative, Comparison, Direction
from forensics.lineage.sharing import Sharing
from forensics.records import Relation
from forensics.stats.jackknife import block_sums, jackknife
from forensics.stats.overlap import SMOOTHING

OUTSIDE = 1.0
LEAST_OUTSIDE = 8
LEAST_Z = 3.0
LEAST_CONTRAST = 0.05
Catalogue = Mapping[str, Mapping[str, str]]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class OneSided:
    """contrast: (first - second) / (first + second), in [-1, 1], with its jackknife error; NaN where untold."""

    contrast: float
    error: float

    @property
    def z(self) -> float:
        """Contrast over error; NaN where there is none."""
        return self.contrast / self.error if self.error > 0 else float("nan")


def contrast_of(first: NDArray[np.floating], second: NDArray[np.floating]) -> OneSided:
    """The contrast of two columns over prompts, with an error by blocks of prompts."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value, error = jackknife(lambda a, b: np.asarray((a - b) / (a + b)), block_sums(first), block_sums(second))
    return OneSided(float(value), float(error))


def one_sided(told: Sharing, k: int, outgroup: NDArray[np.int64]) -> OneSided:
    """Phrases that outsiders share with the reference alone against those with the questioned model alone.

    k: place of the reference in `told.focus`. Each per phrase said, so that length drops out (the ABBA-BABA contrast,
    Green et al. 2010, on rare phrases). Positive: the reference keeps more of what others say, as a parent does.
    """
    if outgroup.size < LEAST_OUTSIDE:
        return OneSided(float("nan"), float("nan"))
    q, r = int(told.focus[0]), int(told.focus[k])
    both = told.answered[:, q] & told.answered[:, r]
    three = told.three[both, k][:, outgroup].sum(axis=1)
    of_reference = (told.both[both, k][:, outgroup].sum(axis=1) - three) / (told.said[both, r] + SMOOTHING)
    of_questioned = (told.both[both, 0][:, outgroup].sum(axis=1) - three) / (told.said[both, q] + SMOOTHING)
    return contrast_of(of_reference, of_questioned)


def containment(told: Sharing, k: int) -> OneSided:
    """How much more of the reference's rare phrases the questioned model holds than the reverse, per phrase said."""
    q, r = int(told.focus[0]), int(told.focus[k])
    both = told.answered[:, q] & told.answered[:, r]
    own = told.both[both, 0, q] / (told.said[both, q] + SMOOTHING)
    other = told.both[both, k, r] / (told.said[both, r] + SMOOTHING)
    return contrast_of(own, other)


def outsiders(comparison: Comparison, q: int, r: int, heard: int = 0) -> NDArray[np.int64]:
    """Models that are little alike to both, as places in the comparison, and those of a background behind them.

    heard: how many models there are with those of the background.
    """
    with np.errstate(invalid="ignore"):
        far = (comparison.kin[q] < OUTSIDE) & (comparison.kin[r] < OUTSIDE)
    far[[q, r]] = False
    return np.append(np.flatnonzero(far), np.arange(far.size, heard))


def by_date(catalogue: Catalogue | None, questioned: str, reference: str) -> str:
    """What the releases leave possible if one descends from the other; `UNTOLD` where they are unknown or equal."""
    own, other = ((catalogue or {}).get(name, {}).get("release", "") for name in (questioned, reference))
    least = min(len(own), len(other))
    if not least or own[:least] == other[:least]:
        return UNTOLD
    return FROM_REFERENCE if other < own else FROM_QUESTIONED


def direction(
    told: Sharing,
    k: int,
    comparison: Comparison,
    catalogue: Catalogue | None,
    relation: str,
    alternative: Alternative | None,
) -> Direction:
    """The direction between the questioned model and the k-th focus model, with all evidence whatever it says.

    Decided only where the release dates and the one-sided sharing agree, and no third model explains the pair as well.
    """
    q, r = int(told.focus[0]), int(told.focus[k])
    sharing, held = one_sided(told, k, outsiders(comparison, q, r, told.answered.shape[1])), containment(told, k)
    dates = by_date(catalogue, comparison.models[q], comparison.models[r])
    evidence = (
        {"kind": "release dates", "leans": dates},
        _row("one-sided sharing with outsiders", sharing, _lean(sharing)),
        _row("containment of rare phrases", held, UNTOLD),
    )
    lean = _lean(sharing)
    if relation == Relation.SAME.value:
        return Direction(UNTOLD, "the same weights have no direction", evidence)
    if alternative is not None and alternative.as_good:
        return Direction(UNTOLD, f"{alternative.model} explains the pair as well", evidence)
    if dates == UNTOLD:
        return Direction(UNTOLD, "no release dates tell, and wording alone cannot tell descent from kinship", evidence)
    if lean != dates:
        return Direction(UNTOLD, "the release dates and the wording do not agree", evidence)
    return Direction(dates, "the release dates allow it alone, and the wording agrees", evidence)


def _lean(sharing: OneSided) -> str:
    if not (abs(sharing.contrast) >= LEAST_CONTRAST and abs(sharing.z) >= LEAST_Z):
        return UNTOLD
    return FROM_REFERENCE if sharing.contrast > 0 else FROM_QUESTIONED


def _row(kind: str, told: OneSided, leans: str) -> dict[str, str | float | None]:
    numbers = {"contrast": told.contrast, "error": told.error, "z": told.z}
    return {"kind": kind, "leans": leans} | {k: v if np.isfinite(v) else None for k, v in numbers.items()}
