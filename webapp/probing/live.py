"""How far collections are, as rows of plain values for a page and for its live updates."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from webapp import presenting
from webapp.probing import queries
from webapp.probing.access import collections_for
from webapp.probing.models import Collection

WINDOW = timedelta(seconds=30)


def chosen(user: Any, ids: str) -> QuerySet[Collection]:
    """The collections with these comma-separated ids that the user may see; what is no id is passed over."""
    return collections_for(user).filter(pk__in=list(_uuids(ids.split(","))))


def _uuids(texts: Iterable[str]) -> Iterable[uuid.UUID]:
    for text in texts:
        try:
            yield uuid.UUID(text)
        except ValueError:
            continue


def rate(collection: Collection, now: datetime) -> float:
    """Completions a second over the last half minute, or since the start where that is shorter."""
    since = max(collection.created_at, now - WINDOW)
    recent = collection.completions.filter(received_at__gte=since).count()
    return recent / max(1.0, (now - since).total_seconds())


def row(collection: Collection) -> dict[str, Any]:
    """One collection's state, counts, pace and time left."""
    progress = queries.progress(collection)
    running = collection.state == Collection.State.RUNNING
    pace = rate(collection, timezone.now()) if running else 0.0
    left = (progress.planned - progress.done) / pace if pace else None
    good = sum(progress.outcomes.get(name, 0) for name in ("completed", "truncated"))
    return {
        "id": str(collection.pk),
        "collection": collection,
        "state": presenting.state(collection.state),
        "planned": progress.planned,
        "done": progress.done,
        "good": good,
        "other": progress.done - good,
        "leased": progress.leased,
        "waiting": max(0, progress.planned - progress.done - progress.leased),
        "pace": pace,
        "rate": f"{pace:.1f} / s" if running else "–",
        "left": presenting.duration(left) if running else "–",
        "share": round(100 * progress.share),
        "outcomes": presenting.outcomes_in_order(progress.outcomes),
        "error": collection.error,
    }


def total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The rows' sums, the time left, and whether none of them is running."""
    sums = {key: sum(r[key] for r in rows) for key in ("planned", "done", "good", "other", "leased", "pace")}
    running = [r for r in rows if r["collection"].state == Collection.State.RUNNING]
    left = sum(r["planned"] - r["done"] for r in running)
    pace = sums["pace"]
    return sums | {
        "finished": not running,
        "rate": f"{pace:.1f} / s" if running else "–",
        "left": presenting.duration(left / pace if pace else None) if running else "–",
        "share": round(100 * sums["done"] / sums["planned"]) if sums["planned"] else 100,
    }


def as_json(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a live page asks for: the sums, and each row with its outcomes as named fields."""
    plain = []
    for values in rows:
        kept = {key: value for key, value in values.items() if key not in ("collection", "outcomes")}
        plain.append(kept | {f"outcome-{name}": count for name, count in values["outcomes"]})
    return total(rows) | {"rows": plain}
