"""Checks stored evidence against its hashes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from forensics.provenance import sha256
from webapp.probing import queries
from webapp.probing.evidence import digest_of
from webapp.probing.models import Attempt, Collection, Suite


def problems() -> Iterator[str]:
    """A sentence for each suite, attempt or collection that does not match what was written down of it."""
    for suite in Suite.objects.all():
        if queries.suite_record(suite).suite_hash != suite.suite_hash:
            yield f"suite {suite} ({suite.pk}) was changed after it was stored"
    for attempt in Attempt.objects.select_related("call__probe").order_by("pk").iterator(chunk_size=500):
        yield from _attempt_changed(attempt)
    for collection in Collection.objects.select_related("model", "suite"):
        yield from _collection_changed(collection)


def _attempt_changed(attempt: Attempt) -> Iterator[str]:
    for name in ("request", "raw"):
        try:
            found = getattr(attempt, name)
        except zlib.error:
            found = None
        expected = getattr(attempt, f"{name}_sha256")
        if found is None or (sha256(found) if found else "") != expected:
            yield f"attempt {attempt.pk}: its {name} bytes do not match their hash"
    call = attempt.call
    if digest_of(vars(attempt), str(call.collection_id), call.probe.prompt_id, call.sample) != attempt.digest:
        yield f"attempt {attempt.pk}: it was changed after it was stored"


def _collection_changed(collection: Collection) -> Iterator[str]:
    name = f"collection {collection} ({collection.pk})"
    tally = queries.counted(collection)
    if not tally.is_whole:
        yield f"{name}: its outcomes and unsent calls do not add up to what was planned"
    if missing := queries.without_evidence(collection):
        yield f"{name}: {missing} completions have no attempt, or another call's"
    if collection.state != Collection.State.DONE:
        return
    if queries.content_hash(collection) != collection.content_hash:
        yield f"{name}: its completions are not those that were stored"
    if tally.outcomes != collection.counts:
        yield f"{name}: its counts are not those of its completions"
    # One that was begun by an earlier version has no such hash: only its attempts' own digests speak for it.
    if collection.evidence_hash and queries.evidence_hash(collection) != collection.evidence_hash:
        yield f"{name}: its attempts are not those that were stored"
