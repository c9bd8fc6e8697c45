"""Writes to the custody log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from webapp.custody.chain import entry_hash
from webapp.custody.models import GENESIS, Entry

# Any constant of ours: it names the lock under which PostgreSQL writers line up for the chain's head.
CHAIN_LOCK = 0x46494C49


def append(*, actor: object, action: str, subject: object, team: UUID | None = None, **detail: Any) -> Entry:
    """The new head of the chain, written in the caller's transaction or in one of its own. Call it last in a long one.

    `detail` is JSON and must hold no secret. `actor` may be a user, None (a worker) or a name. `team`: the id of
    the team that alone may read it; None: everybody who signs in.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
        head = Entry.objects.order_by("-sequence").first()
        entry = Entry(
            sequence=head.sequence + 1 if head else 1,
            at=timezone.now(),
            actor=str(actor or "system"),
            action=action,
            subject=str(subject)[:300],
            team_id=team,
            detail=detail,
            previous_hash=head.entry_hash if head else GENESIS,
        )
        entry.entry_hash = entry_hash(entry)
        entry.save()
    return entry
