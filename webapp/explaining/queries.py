"""Reads of explanations."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from forensics.lineage.explanation import Explanation as Told
from forensics.lineage.explanation_file import read
from forensics.lineage.observed import ONE_WORD
from forensics.records import Completion, Outcome, Prompt, ResponseSet
from webapp.casework.models import Comparison
from webapp.casework.queries import collection_of
from webapp.explaining.models import Explanation
from webapp.probing.models import Collection
from webapp.probing.queries import in_segment


def explanation_of(comparison: Comparison, pair: tuple[str, str]) -> Explanation | None:
    """What was asked of this pair, whichever of the two is named first; None where nobody has asked."""
    first, second = sorted(pair)
    return comparison.explanations.filter(model_a=first, model_b=second).first()


def told(explanation: Explanation) -> Told:
    """A finished explanation, kept in memory between requests: it never changes."""
    return _read(explanation.path)


@lru_cache(maxsize=16)
def _read(path: Path) -> Told:
    return read(path)


def one_word_sets(comparison: Comparison, pair: tuple[str, str]) -> list[ResponseSet]:
    """What the two answered to the suite's one-word questions, and nothing else."""
    return [_one_word_set(collection_of(comparison, name)) for name in pair]


def _one_word_set(collection: Collection) -> ResponseSet:
    found = in_segment(collection, collection.segment).filter(probe__family=ONE_WORD)
    rows = found.values_list("probe__prompt_id", "text", "sample", "outcome")
    told = [Completion(prompt_id, text, sample, Outcome(outcome)) for prompt_id, text, sample, outcome in rows]
    return ResponseSet.of(collection.model.name, told)


def one_word_prompts(comparison: Comparison) -> dict[str, Prompt]:
    """The suite's one-word questions."""
    return {probe.prompt_id: probe.prompt for probe in comparison.suite.probes.filter(family=ONE_WORD)}
