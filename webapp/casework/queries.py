"""Reads of comparisons and their results."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from forensics.errors import BadInput
from forensics.lineage import storage
from forensics.lineage.records import Comparison as Result
from webapp.casework.models import Comparison
from webapp.probing.models import Collection, Completion


def result(comparison: Comparison) -> Result:
    """The stored result of a finished comparison, kept in memory between requests; raises BadInput before that."""
    if comparison.state != Comparison.State.DONE:
        raise BadInput(f"this comparison is {comparison.state}: it has no result yet")
    # A finished result never changes, and the attempt names which one it is.
    return _load(comparison.folder, comparison.attempt)


@lru_cache(maxsize=8)
def _load(folder: Path, _attempt: int) -> Result:
    return storage.load(folder)


def collection_of(comparison: Comparison, model_name: str) -> Collection:
    """The collection that speaks for a model in this comparison; raises Collection.DoesNotExist."""
    return comparison.collections.select_related("model", "suite").get(model__name=model_name)


def completions(comparison: Comparison, model_name: str, prompt_id: str) -> list[Completion]:
    """A model's completions of one prompt in this comparison, in sample order, for the drill-down."""
    chosen = collection_of(comparison, model_name)
    return list(chosen.completions.filter(probe__prompt_id=prompt_id).order_by("sample"))
