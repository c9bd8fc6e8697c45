"""How far collections are, as rows of plain values for a page and for its live updates."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone

from webapp import presenting
from webapp.probing import budgets, queries
from webapp.probing.access import collections_for
from webapp.probing.models import Collection, Completion

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


def rows(collections: Iterable[Collection]) -> list[dict[str, Any]]:
    """A row for each collection, at the cost of two statements for all."""
    listed, now = list(collections), timezone.now()
    tallies, paces = queries.tallies(listed), _paces(listed, now)
    return [_row(c, tallies[c.pk], paces.get(c.pk, 0.0)) for c in listed]


def row(collection: Collection) -> dict[str, Any]:
    """One collection's state, counts, pace, what holds it up, what it has used, and time and money left."""
    return rows([collection])[0]


def _paces(collections: Sequence[Collection], now: datetime) -> dict[Any, float]:
    """Completions a second of those that run, over the last half minute, or since the start where that is shorter."""
    running = {c.pk: c for c in collections if c.state == Collection.State.RUNNING}
    if not running:
        return {}
    recent = Completion.objects.filter(collection__in=running, received_at__gte=now - WINDOW).order_by()
    counts = dict(recent.values_list("collection").annotate(Count("pk")))
    return {pk: counts.get(pk, 0) / _seconds(c, now) for pk, c in running.items()}


def _seconds(collection: Collection, now: datetime) -> float:
    return max(1.0, (now - max(collection.created_at, now - WINDOW)).total_seconds())


def _row(collection: Collection, tally: queries.Tally, pace: float) -> dict[str, Any]:
    running = collection.state == Collection.State.RUNNING
    held = collection.held_seconds if running else 0.0
    left = tally.unsent / pace + held if pace else None
    good = sum(tally.outcomes.get(name, 0) for name in ("completed", "truncated"))
    return {
        "id": str(collection.pk),
        "collection": collection,
        "state": presenting.state(collection.state),
        "planned": tally.planned,
        "done": tally.done,
        "good": good,
        "other": tally.done - good,
        "leased": tally.leased,
        "waiting": tally.waiting,
        "unsent": tally.unsent,
        "whole": tally.is_whole,
        "pace": pace,
        "rate": f"{pace:.1f} / s" if running else "–",
        "left": presenting.duration(left) if running else "–",
        "held": _held_words(collection, held) if running else "",
        "used": _used(collection),
        "money_left": _money_left(collection, tally.done, tally.unsent),
        "share": round(100 * tally.share),
        "outcomes": presenting.outcomes_in_order(tally.outcomes),
        "error": collection.error,
    }


def _held_words(collection: Collection, seconds: float) -> str:
    """Until when and why nothing is sent, and what else is unusual about the pace; '' where calls go as they should."""
    held = f"Nothing is sent for {presenting.duration(seconds)}: {collection.held_why}." if seconds >= 1 else ""
    note = f"{collection.pace_note[0].upper()}{collection.pace_note[1:]}." if collection.pace_note else ""
    return f"{held} {note}".strip()


def _used(collection: Collection) -> str:
    """Sends, tokens and money so far, each beside its limit."""
    use, limits = budgets.spent(collection), budgets.budget(collection)
    parts = [_beside(use.calls, limits.calls, "sends"), _beside(use.tokens, limits.tokens, "tokens")]
    if collection.price_in or collection.price_out:
        parts.append(_beside(round(use.money, 4), limits.money, "money"))
    return ", ".join(parts)


def _beside(used: Any, limit: Any, word: str) -> str:
    return f"{used:,} {word}" if limit is None else f"{used:,} of {limit:,} {word}"


def _money_left(collection: Collection, done: int, unsent: int) -> str:
    """What the rest will cost if it costs what the calls so far did."""
    use = budgets.spent(collection)
    return f"{use.money / done * unsent:,.2f}" if done and use.money else "–"


def total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The rows' sums, the time left, and whether none of them is running."""
    sums = {key: sum(r[key] for r in rows) for key in ("planned", "done", "good", "other", "leased", "unsent", "pace")}
    running = [r for r in rows if r["collection"].state == Collection.State.RUNNING]
    left = sum(r["unsent"] for r in running)
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
