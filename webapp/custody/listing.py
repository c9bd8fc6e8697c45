"""Reads for the custody log's page."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from webapp.custody.models import Entry


def entries(*, words: str = "", action: str = "") -> QuerySet[Entry]:
    """Entries that hold every word, the newest first."""
    found = Entry.objects.order_by("-sequence")
    for word in words.split():
        found = found.filter(Q(subject__icontains=word) | Q(actor__icontains=word) | Q(detail__icontains=word))
    return found.filter(action=action) if action else found


def actions() -> list[str]:
    """Every kind of act in the log."""
    return list(Entry.objects.order_by("action").values_list("action", flat=True).distinct())
