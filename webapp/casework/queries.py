"""Reads of comparisons and their results."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from forensics.errors import BadInput
from forensics.lineage import storage
from forensics.lineage.records import Comparison as Result
from webapp.casework.access import comparisons_for
from webapp.casework.models import Comparison
from webapp.probing.access import suites_for
from webapp.probing.models import Collection, Completion, Suite

SORTS = ("title", "suite__name", "size", "state", "created_at", "finished_at")
_Member = Comparison.collections.through


def listed(
    user: Any, *, words: str = "", state: str = "", suite: str = "", sort: str = "-created_at"
) -> QuerySet[Comparison]:
    """Comparisons whose title, suite or models hold every word, each with its `size`, in the order asked for."""
    members = _Member.objects.filter(comparison=OuterRef("pk")).order_by()
    counted = members.values("comparison").annotate(n=Count("pk")).values("n")  # type: ignore[misc]
    found = comparisons_for(user).annotate(size=Coalesce(Subquery(counted), 0))
    for word in words.split():
        named = Exists(members.filter(collection__model__name__icontains=word))
        found = found.filter(Q(title__icontains=word) | Q(suite__name__icontains=word) | Q(named))
    if state in Comparison.State.values:
        found = found.filter(state=state)
    if suite:
        found = found.filter(suite__in=[s.pk for s in suites_compared(user) if str(s.pk) == suite])
    return found.order_by(sort if sort.lstrip("-") in SORTS else "-created_at", "pk")


def suites_compared(user: Any) -> list[Suite]:
    """The suites of comparisons that the user may see."""
    used = comparisons_for(user).order_by().values("suite")
    return list(suites_for(user).filter(pk__in=used))


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
