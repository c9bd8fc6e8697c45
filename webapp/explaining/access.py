"""Who may see which explanations: whoever may see their comparison. Every look-up of a page goes through here."""

from __future__ import annotations

from typing import Any

from django.http import Http404

from webapp.casework import access, queries
from webapp.casework.models import Comparison

Pair = tuple[str, str]


def finished_or_404(user: Any, comparison_id: object) -> Comparison:
    """The comparison, or Http404 where it is absent, hidden, or has no result yet."""
    comparison = access.comparison_or_404(user, comparison_id)
    if comparison.state != Comparison.State.DONE:
        raise Http404("this comparison has no result yet")
    return comparison


def pair_or_404(comparison: Comparison, a: str, b: str) -> Pair:
    """The two names, as they were given; Http404 where either is not in the result, or by now has another name."""
    known = queries.result(comparison).models
    there = comparison.collections.filter(model__name__in=(a, b)).count()
    if a == b or a not in known or b not in known or there != 2:
        raise Http404("a pair is two models of this comparison")
    return a, b
