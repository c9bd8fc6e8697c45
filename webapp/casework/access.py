"""Who may see which comparisons. Every look-up of a page goes through here."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from webapp.casework.models import Comparison


def comparisons_for(user: Any) -> QuerySet[Comparison]:
    """Comparisons that this user may see, with their suite at hand."""
    visible = Comparison.objects.all() if user.is_authenticated and user.is_active else Comparison.objects.none()
    return visible.select_related("suite")


def comparison_or_404(user: Any, comparison_id: object) -> Comparison:
    """The comparison, or Http404 whether it is absent or hidden."""
    return get_object_or_404(comparisons_for(user), pk=comparison_id)
