"""Checks stored evidence against its hashes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from forensics.provenance import sha256
from webapp.probing import queries
from webapp.probing.models import Collection, Completion, Suite


def problems() -> Iterator[str]:
    """A sentence for each suite, completion or collection that does not match what was written down of it."""
    for suite in Suite.objects.all():
        if queries.suite_record(suite).suite_hash != suite.suite_hash:
            yield f"suite {suite} ({suite.pk}) was changed after it was stored"
    for completion in Completion.objects.exclude(raw_sha256="", request_sha256="").iterator(chunk_size=500):
        yield from _bytes_changed(completion)
    for collection in Collection.objects.filter(state=Collection.State.DONE).select_related("model", "suite"):
        if queries.response_set(collection).content_hash != collection.content_hash:
            yield f"collection {collection} ({collection.pk}): its completions are not those that were stored"
        if queries.outcome_counts(collection) != collection.counts:
            yield f"collection {collection} ({collection.pk}): its counts are not those of its completions"


def _bytes_changed(completion: Completion) -> Iterator[str]:
    for name in ("request", "raw"):
        try:
            found = getattr(completion, name)
        except zlib.error:
            found = None
        expected = getattr(completion, f"{name}_sha256")
        if found is None or (sha256(found) if found else "") != expected:
            yield f"completion {completion.pk}: its {name} bytes do not match their hash"
