"""Reads for the custody log's page."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from webapp.custody.access import entries_for
from webapp.custody.models import Entry


def entries(user: Any, *, words: str = "", action: str = "") -> QuerySet[Entry]:
    """Entries that the user may read and that hold every word, the newest first."""
    found = entries_for(user).order_by("-sequence")
    for word in words.split():
        found = found.filter(Q(subject__icontains=word) | Q(actor__icontains=word) | Q(detail__icontains=word))
    return found.filter(action=action) if action else found


def actions(user: Any) -> list[str]:
    """Every kind of act among them."""
    return list(entries_for(user).order_by("action").values_list("action", flat=True).distinct())
