"""A pair's likelihood ratio without some of its probes, all that hangs on other pairs held as it was."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.channels import PairCells
from forensics.evaluation.calibration import PropositionModel
from forensics.evaluation.verbal import verbal

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Removal:
    """The fewest probes, taken out one after the other by what each carries, without which the words change.

    prompt_ids: those taken out, in that order; empty where the words never change. of: probes there are. before,
    after: the words, and llr the bounded log10 LR that the last are said of, or None. why: '' or why none was found.
    """

    prompt_ids: tuple[str, ...]
    of: int
    before: str
    after: str
    llr: float | None
    why: str

    @property
    def share(self) -> float:
        """Share of the pair's probes; NaN where there are none to take out."""
        return len(self.prompt_ids) / self.of if self.of and self.prompt_ids else float("nan")


@dataclass(frozen=True)
class Weighing:
    """One proposition's raw log10 LR as a function of which probes are left.

    sums, counts: (f, p) sums and numbers of cells of each feature on each prompt. fixed: scores that are no mean over
    prompts.
    """

    model: PropositionModel
    prompt_ids: tuple[str, ...]
    features: tuple[str, ...]
    cells: Mapping[str, PairCells]
    rows: Mapping[str, tuple[float, float]]
    sums: Values
    counts: Values
    fixed: Mapping[str, float]

    @classmethod
    def of(
        cls,
        model: PropositionModel,
        scores: Mapping[str, float],
        cells: Mapping[str, PairCells],
        rows: Mapping[str, tuple[float, float]],
    ) -> Weighing:
        """The weighing of one pair under one fusion. scores: of the pair, by feature."""
        ids = tuple(sorted({i for told in cells.values() for i in told.prompt_ids}))
        place = {prompt_id: k for k, prompt_id in enumerate(ids)}
        sums, counts = np.zeros((len(cells), len(ids))), np.zeros((len(cells), len(ids)))
        for f, told in enumerate(cells.values()):
            at = [place[i] for i in told.prompt_ids]
            np.add.at(sums[f], at, told.values)
            np.add.at(counts[f], at, 1.0)
        fixed = {name: value for name, value in scores.items() if name not in cells}
        return cls(model, ids, tuple(cells), cells, rows, sums, counts, fixed)

    def llr(self, sums: Values, counts: Values) -> Values:
        """(n,) raw log10 LRs from (f, n) sums and counts of cells; NaN where a feature has none left."""
        scores = {name: np.full(sums.shape[1], value) for name, value in self.fixed.items()}
        for f, name in enumerate(self.features):
            slope, offset = self.rows[name]
            with np.errstate(invalid="ignore", divide="ignore"):
                mean = np.where(counts[f] > 0, sums[f] / counts[f], np.nan)
            scores[name] = slope * self.cells[name].pool(mean) + offset
        return self.model.llr_raw(scores, (sums.shape[1],))

    def whole(self) -> float:
        """The raw log10 LR of all probes, which is that of the comparison."""
        return float(self.llr(self.sums.sum(axis=1, keepdims=True), self.counts.sum(axis=1, keepdims=True))[0])

    def carried(self) -> Values:
        """(p,) how far the raw log10 LR falls without each probe alone."""
        return self.whole() - self._without(np.ones(len(self.prompt_ids), dtype=bool))

    def without_cell(self, feature: str, values: Values) -> Values:
        """(n,) raw log10 LRs without each single cell of one feature."""
        f = self.features.index(feature)
        sums = np.repeat(self.sums.sum(axis=1, keepdims=True), values.size, axis=1)
        counts = np.repeat(self.counts.sum(axis=1, keepdims=True), values.size, axis=1)
        sums[f] -= values
        counts[f] -= 1
        return self.llr(sums, counts)

    def _without(self, left: NDArray[np.bool_]) -> Values:
        """(p,) raw log10 LRs of the probes that are left, but for each one of them; NaN for one that is not."""
        total = self.sums[:, left].sum(axis=1, keepdims=True), self.counts[:, left].sum(axis=1, keepdims=True)
        one = np.where(left, self.sums, 0.0), np.where(left, self.counts, 0.0)
        return np.where(left, self.llr(total[0] - one[0], total[1] - one[1]), np.nan)

    def removals(self, sign: float) -> Iterator[tuple[int, float]]:
        """(prompt, raw log10 LR after), greedily: each time the probe whose loss moves the LR most by `sign`."""
        left = np.ones(len(self.prompt_ids), dtype=bool)
        while left.sum() > 1:
            after = self._without(left)
            if not np.isfinite(after).any():
                return
            worst = int(np.nanargmax(sign * after))
            left[worst] = False
            yield worst, float(after[worst])


def fewest(weighing: Weighing, proposition: str, spare: int, counted: Collection[str]) -> Removal:
    """The shortest greedy way out of the words of a bounded LR: towards none, and both ways where there are none yet.

    spare: prompts that the pair may lose before its calibration no longer covers it; those count that a score of
    `counted` has cells on, or all where none has.
    """
    prompts = len(weighing.prompt_ids)
    if not prompts:
        return Removal((), 0, "", "", None, "none of its scores is a mean over prompts")
    start = float(weighing.model.bounded(np.array(weighing.whole())))
    before, neutral = verbal(start, proposition), verbal(0.0, proposition)
    held = np.isin(weighing.features, list(counted))
    counting = np.ones(prompts, dtype=bool)
    if held.any():
        counting &= (weighing.counts[held] > 0).any(axis=0)
    signs = (-1.0, 1.0) if before == neutral else (-float(np.sign(start)),)
    ways = [_way(weighing, proposition, sign, spare, counting) for sign in signs]
    if crossed := [way for way in ways if way]:
        taken, llr = min(crossed, key=lambda way: len(way[0]))
        return Removal(taken, prompts, before, verbal(llr, proposition), llr, "")
    return Removal((), prompts, before, before, start, "it never crosses while the calibration covers the pair")


def _way(
    weighing: Weighing, proposition: str, sign: float, spare: int, counting: NDArray[Any]
) -> tuple[tuple[str, ...], float] | None:
    """Probes taken out until the words change, and the bounded LR then; None where they do not in time."""
    before = verbal(float(weighing.model.bounded(np.array(weighing.whole()))), proposition)
    taken: list[str] = []
    for place, raw in weighing.removals(sign):
        spare -= int(counting[place])
        if spare < 0:
            return None
        taken.append(weighing.prompt_ids[place])
        bounded = float(weighing.model.bounded(np.array(raw)))
        if verbal(bounded, proposition) != before:
            return tuple(taken), bounded
    return None
