"""Who may see which bundles: whoever may see their case. Every look-up of a page goes through here."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from webapp.casework.cases import access
from webapp.exporting.models import Bundle


def bundles_for(user: Any) -> QuerySet[Bundle]:
    """Bundles that exist for this user."""
    return Bundle.objects.filter(case__in=access.cases_for(user)).select_related("case", "created_by")


def bundle_or_404(user: Any, bundle_id: object) -> Bundle:
    """The bundle, or Http404 whether it is absent or hidden."""
    return get_object_or_404(bundles_for(user), pk=bundle_id)
