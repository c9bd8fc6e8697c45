"""The hash that chains custody entries."""

from __future__ import annotations

from datetime import UTC

from forensics.provenance import canonical_json, sha256
from webapp.custody.models import Entry


def entry_hash(entry: Entry) -> str:
    """Hex SHA-256 over an entry's body."""
    return sha256(body(entry))


def body(entry: Entry) -> bytes:
    """The canonical JSON of all fields of an entry but its own hash."""
    return canonical_json(
        {
            "sequence": entry.sequence,
            "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "detail": entry.detail,
            "previous_hash": entry.previous_hash,
        }
    )
