"""Two models' unit profiles set side by side: which units are the same, block by block, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.features.unit_profiles import Arrays
from forensics.records import LayerEvidence, WeightEvidence
from forensics.stats.cka import unbiased_cka
from forensics.stats.symmetry import both_log_p, in_place_log_p, matching, signs_log_p

LEAST_TOKENS = 64
LN10 = float(np.log(10))
SMALLEST = 1e-3
"""Of the largest singular value: smaller ones are rounding."""
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class _Side:
    """One model's profiles on the tokens that both were read on, at `places` of its own; told: those with Gram entries
    in both."""

    arrays: Arrays
    places: NDArray[np.int64]
    told: NDArray[np.int64]

    def rows(self, name: str, block: int) -> Matrix:
        """Profiles (u, t) of a block, centred and of unit length: their products are correlations. Zero where flat."""
        held = self.arrays[name][block][:, self.places].astype(np.float64)
        held -= held.mean(axis=1, keepdims=True)
        size = np.linalg.norm(held, axis=1, keepdims=True)
        return np.where(size > 0, held / np.where(size > 0, size, 1), 0.0)

    def gram(self, name: str, block: int) -> Matrix:
        """The Gram matrix (t, t) of a block's query or key weights."""
        held = self.arrays[name][block]
        return np.asarray(held[np.ix_(self.told, self.told)], dtype=np.float64)


@dataclass(frozen=True)
class _Block:
    """One block of a pair. signed: similarities of matched units whose signs are coins if the two were made apart.

    matched: feed-forward units matched where both sides have equally many (`units`), in_place: of them in one place.
    """

    signed: Matrix
    matched: int
    units: int
    in_place: int
    cka: float | None
    spectra: float | None

    @property
    def agreeing(self) -> int:
        """Matched units of one sign."""
        return int((self.signed > 0).sum())


def weigh(one: Arrays, other: Arrays) -> WeightEvidence:
    """What the unit profiles of two models say of the pair; the same whichever comes first.

    A unit is matched by what no change of sign alters: gate profiles as they are, up profiles and value rows by size.
    The signs of the matches, and the places of the matched, are then free of the choice, and their p-values exact.
    """
    first, second = sorted((one, other), key=_order)
    sides = _sides(first, second)
    if isinstance(sides, str):
        return WeightEvidence(None, None, None, None, reason=sides)
    rng = np.random.default_rng(0)
    found = [_block(*sides, number, rng) for number in range(len(first["unit"]))]
    signed = np.concatenate([block.signed for block in found])
    return WeightEvidence(
        _log10_p(found),
        float(signed.mean()) if signed.size else None,
        _mean([block.cka for block in found]),
        _mean([block.spectra for block in found]),
        tuple(_layer(number, block) for number, block in enumerate(found)),
        identical=str(first["revision"][0]) == str(second["revision"][0]),
        tokens=len(sides[0].places),
    )


def _order(arrays: Arrays) -> tuple[str, str]:
    return str(arrays["why"][0]), str(arrays["revision"][0]) if "revision" in arrays else ""


def _sides(first: Arrays, second: Arrays) -> tuple[_Side, _Side] | str:
    """Both on their common tokens, or why they cannot be set side by side."""
    for arrays in (first, second):
        if why := str(arrays["why"][0]):
            return why
    deep, wide = len(first["unit"]), len(second["unit"])
    if deep != wide:
        return f"one has {min(deep, wide)} blocks, the other {max(deep, wide)}"
    if bool(first["gated"][0]) != bool(second["gated"][0]):
        return "one has gated feed-forward parts, the other plain ones"
    _, a, b = np.intersect1d(first["tokens"], second["tokens"], assume_unique=True, return_indices=True)
    if len(a) < LEAST_TOKENS:
        return f"their tokenizers share {len(a)} of the sampled tokens, and {LEAST_TOKENS} are needed"
    both = (a < first["query"].shape[-1]) & (b < second["query"].shape[-1])
    return _Side(first, a, a[both]), _Side(second, b, b[both])


def _block(one: _Side, other: _Side, number: int, rng: np.random.Generator) -> _Block:
    firsts, seconds = one.rows("match", number), other.rows("match", number)
    likeness, signed = firsts @ seconds.T, None
    if "sign" in one.arrays:
        signed = one.rows("sign", number) @ other.rows("sign", number).T
        likeness = likeness + np.abs(signed)
    rows, columns = _pairs(likeness, firsts, seconds, rng)
    values, their = one.rows("values", number), other.rows("values", number)
    between = values @ their.T
    coins = [between[_pairs(np.abs(between), values, their, rng)]]
    if signed is not None:
        coins.append(signed[rows, columns])
    told = np.concatenate(coins)
    units = int(one.arrays["units"][number])
    comparable = units == int(other.arrays["units"][number])
    same = one.arrays["unit"][number][rows] == other.arrays["unit"][number][columns]
    grams = [(one.gram(role, number), other.gram(role, number)) for role in ("query", "key")]
    return _Block(
        told[told != 0],
        len(rows) if comparable else 0,
        units,
        int(same.sum()) if comparable else 0,
        _mean([unbiased_cka(a, b) for a, b in grams]),
        _spectra(one, other, number),
    )


def _pairs(
    likeness: Matrix, firsts: Matrix, seconds: Matrix, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The matching without units that respond to nothing: which of them goes with which says nothing."""
    rows, columns = matching(likeness, rng)
    told = firsts[rows].any(axis=1) & seconds[columns].any(axis=1)
    return rows[told], columns[told]


def _spectra(one: _Side, other: _Side, number: int) -> float | None:
    """Minus the root mean square difference of log10 singular values, each over its largest; 0 at most. None where the
    two were not read on the very same tokens."""
    first, second = (side.arrays["spectra"][number].astype(np.float64) for side in (one, other))
    size = first.shape[-1]
    if not np.array_equal(one.arrays["tokens"][:size], other.arrays["tokens"][: second.shape[-1]]):
        return None
    both = (first > SMALLEST) & (second > SMALLEST)
    return -float(np.sqrt(np.mean((np.log10(first[both]) - np.log10(second[both])) ** 2))) if both.any() else None


def _log10_p(found: Sequence[_Block]) -> float:
    """log10 of the p-value of signs and places together; 0 where nothing was matched."""
    signs, agreeing = sum(block.signed.size for block in found), sum(block.agreeing for block in found)
    coins = signs_log_p(agreeing, signs)
    ordered = [(block.matched, block.units) for block in found if block.matched]
    if not ordered:
        return coins / LN10
    places = in_place_log_p(sum(block.in_place for block in found), ordered)
    return (both_log_p(coins, places) if signs else places) / LN10


def _layer(number: int, block: _Block) -> LayerEvidence:
    return LayerEvidence(
        f"block {number}",
        float(block.signed.mean()) if block.signed.size else None,
        _log10_p([block]),
        block.signed.size,
        block.agreeing,
        block.matched,
        block.in_place,
        block.cka,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean of what is estimable, None where nothing is."""
    told = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(told)) if told else None
