"""A part of a labelled recording that several studies look at: about every fourth prompt, fingerprinted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from forensics.corpora import ResponseSource
from forensics.evaluation.calibration import Calibration
from forensics.evaluation.labels import Labels
from forensics.features import tokens
from forensics.lineage.comparison import fingerprinted
from forensics.lineage.fingerprints import Fingerprinted
from forensics.lineage.records import Comparison
from forensics.records import Prompt, ResponseSet

EVERY, LEAST = 4, 40
"""One prompt in so many is kept, more where fewer than so many would be left."""


@dataclass(frozen=True)
class Sample:
    """A recording's comparison and labels, and of a part of its prompts the responses and the fingerprints.

    result is of all prompts, its models in the order of `found`. prompts: those kept. calibration: the one that covers
    the recording, with the channels that it rests on.
    """

    corpus: str
    labels: Labels
    result: Comparison
    calibration: Calibration | None
    channels: frozenset[str]
    prompts: Mapping[str, Prompt]
    sets: Mapping[str, ResponseSet]
    found: Sequence[Fingerprinted]

    @property
    def tables(self) -> list[Mapping[str, NDArray[Any]]]:
        """The models' token tables."""
        return [item.prints[tokens.FEATURE] for item in self.found]

    def relation(self, i: int, j: int) -> str:
        """The documented relation of two models by place; '' where it is left out."""
        return self.labels.relation(self.result.models[i], self.result.models[j])

    def groups(self, pairs: Iterable[tuple[int, int]]) -> tuple[tuple[str, str], ...]:
        """The lineages of the two sides of each pair."""
        of = [self.labels.lineage_group(model) for model in self.result.models]
        return tuple((of[i], of[j]) for i, j in pairs)


def sampled(
    corpus: str,
    source: ResponseSource,
    labels: Labels,
    result: Comparison,
    calibration: Calibration | None,
    ordered: Sequence[str],
    channels: frozenset[str],
    *,
    jobs: int = 1,
) -> Sample:
    """The sample of a recording; `ordered` are its prompts, the most answered first."""
    kept = frozenset(ordered[:: max(1, min(EVERY, len(ordered) // LEAST))])
    sets = {model: source.responses(model).on(kept) for model in result.models}
    prompts = {i: source.prompts[i] for i in kept}
    found = fingerprinted(sets.values(), prompts, channels, jobs=jobs)
    return Sample(corpus, labels, result, calibration, channels, prompts, sets, found)
