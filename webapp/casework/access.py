"""Who may see and change which comparisons. Every look-up of a page goes through here."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from webapp.accounts.access import require_work, visible
from webapp.casework.models import Comparison


def comparisons_for(user: Any) -> QuerySet[Comparison]:
    """Comparisons that exist for this user, with their suite at hand."""
    return visible(Comparison.objects.all(), user).select_related("suite")


def comparison_or_404(user: Any, comparison_id: object) -> Comparison:
    """The comparison, or Http404 whether it is absent or hidden."""
    return get_object_or_404(comparisons_for(user), pk=comparison_id)


def comparison_to_change(user: Any, comparison_id: object) -> Comparison:
    """The comparison; Http404 where it is absent or hidden, PermissionDenied for those who may only read it."""
    comparison = comparison_or_404(user, comparison_id)
    require_work(user, comparison.team_id)
    return comparison
