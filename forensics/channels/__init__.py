"""Kinds of evidence: one file per channel, all behind the contract below.

A channel keeps of each response set a fingerprint (cached by content hash) and says of a whole population a matrix
of scores, larger meaning more alike. It never sees a label or a model's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from forensics import registry
from forensics.folders import Folder
from forensics.records import Declaration, Prompt, ResponseSet, WeightEvidence

PACKAGE = __name__
Fingerprint = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class ChannelResult:
    """Scores of every pair of a population of m models.

    scores: name -> (m, m) symmetric float64, NaN where not estimable and on the diagonal, one per statistic that the
    channel offers; the first bears the channel's name (hyphens as underscores). cohort: names of those that mean
    something only beside the other scores of the pair's two models, and are normalised against them; scaled: of those
    that are normalised against all pairs alike. n: (m, m) int64, prompts behind
    each pair. why: a sentence for pairs that are not estimable. replicates: the same statistics as `scores` over
    bootstrap resamples of the prompts, (r, m, m), where asked for and where the channel offers it. of_wording: whether
    they rest on what is said, and so tell nothing of a model that says the same to everything. of_pairs: by places
    i < j, what is told of a pair beyond its scores, where the channel reads weights.
    """

    scores: Mapping[str, NDArray[np.float64]]
    n: NDArray[np.int64]
    why: str = ""
    cohort: frozenset[str] = frozenset()
    scaled: frozenset[str] = frozenset()
    replicates: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    of_wording: bool = True
    of_pairs: Mapping[tuple[int, int], WeightEvidence] = field(default_factory=dict)


class Channel(Protocol):
    """A plug-in.

    least_prompts: below this many common prompts a pair is not estimable. feature: what its fingerprints are, with a
    version (``tokens@1``); channels that name the same feature share one stored fingerprint.
    """

    declaration: Declaration
    least_prompts: int
    feature: str

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """Named arrays that depend on the responses alone, never on other models. Must survive a round trip by npz."""

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """Scores for every pair over the given prompts; a fingerprint may hold others, which do not count.

        `weights` (r, p) are bootstrap counts for the prompts in sorted id order.
        """


@dataclass(frozen=True, slots=True)
class Habit:
    """One n-gram that both models of a pair over-use whatever they are asked.

    order, gram: its length in tokens and its hash. part: what it adds to the score. others: other models that over-use
    it at least as much as the lesser of the two; models: how many others there are.
    """

    order: int
    gram: int
    part: float
    others: int
    models: int


@dataclass(frozen=True)
class PairCells:
    """What one score of one pair is made of: `pool` of the mean of `values`, one to a cell.

    prompt_ids: (n,) the prompt of each cell, several cells to a prompt where a channel looks closer. values: (n,)
    float64. labels: what to call each cell within its prompt, '' where it is the whole of it. pool: means to scores as
    `compare` gives them, before any cohort normalisation; what hangs on other pairs is held as it was. habits: what a
    score is made of that looks across prompts, most first.
    """

    prompt_ids: tuple[str, ...]
    values: NDArray[np.float64]
    pool: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    labels: tuple[str, ...] = ()
    habits: tuple[Habit, ...] = ()


@runtime_checkable
class Explaining(Channel, Protocol):
    """A channel some of whose scores are means over prompts, and which can say what one pair's are made of."""

    def cells(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        result: ChannelResult,
        pair: tuple[int, int],
    ) -> Mapping[str, PairCells]:
        """Score name to its cells, for one pair of the population that `result` was made of; none where it is NaN."""


@runtime_checkable
class OnRequest(Protocol):
    """What a channel offers that is too slow to run unasked: it runs on request only, on some of the prompts."""

    def prompts_read(self, prompts: Mapping[str, Prompt]) -> frozenset[str]:
        """The prompts whose responses it is given, chosen by their content so that ids and order change nothing."""


@runtime_checkable
class OfFolder(Protocol):
    """What a channel offers that reads weights: a fingerprint of a model's folder instead of its responses."""

    def fingerprint_folder(self, folder: Folder, revision: str) -> Fingerprint:
        """Of a checked folder whose weights have the hash `revision`; raises UnsafeWeights naming the file at fault."""

    def unreadable(self, why: str) -> Fingerprint:
        """The fingerprint of a folder that cannot be used; `why` is what is then said of the model's pairs."""


def weightless(columns: Iterable[str]) -> list[str]:
    """Those of the score columns that come from a channel which declares itself weightless, sorted."""
    shown: dict[str, Channel] = registry.load_all(PACKAGE)
    stems = [name.replace("-", "_") for name, channel in shown.items() if channel.declaration.weightless]
    return sorted(c for c in columns if any(c == stem or c.startswith(f"{stem}_") for stem in stems))
