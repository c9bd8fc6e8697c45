"""Who may read which custody entries. Every look-up of a page goes through here."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from webapp.accounts.access import visible
from webapp.custody.models import Entry


def entries_for(user: Any) -> QuerySet[Entry]:
    """Entries on what exists for this user. The chain itself is one for all: its length, its head and its breaks."""
    return visible(Entry.objects.all(), user)
