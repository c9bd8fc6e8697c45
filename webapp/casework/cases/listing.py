"""Reads for the list of cases."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet

from webapp.casework.cases.access import cases_for
from webapp.casework.models import Case, Tag

SORTS = ("number", "title", "state", "changed_at")


def listed(
    user: Any, *, words: str = "", state: str = "", tag: str = "", mine: bool = False, sort: str = ""
) -> QuerySet[Case]:
    """Cases that hold every word, in the order asked for, the newest first by default, with counts of their parts."""
    found = cases_for(user)
    for word in words.split():
        told = Q(number__icontains=word) | Q(title__icontains=word) | Q(question__icontains=word)
        found = found.filter(told | Q(commissioned_by__icontains=word))
    if state in Case.State.values:
        found = found.filter(state=state)
    if tag:
        found = found.filter(tags__word=tag)
    if mine:
        found = found.filter(pk__in=_mine(user).values("pk"))
    counted = found.annotate(
        models=Count("items", filter=Q(items__withdrawn_at=None), distinct=True),
        departures=Count("deviations", distinct=True),
    )
    return counted.order_by(sort if sort.lstrip("-") in SORTS else "-number", "-number").prefetch_related("tags")


def _mine(user: Any) -> QuerySet[Case]:
    return Case.objects.filter(Q(analyst=user) | Q(roles__user=user))


def tags_for(user: Any) -> list[str]:
    """Every tag of a case that exists for this user."""
    found = Tag.objects.filter(case__in=cases_for(user).values("pk"))
    return list(found.order_by("word").values_list("word", flat=True).distinct())
