"""A collection as the lines of a bundle: every attempt with its bytes, and the completion that was read from it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from django.db.models import F

from webapp.probing import queries
from webapp.probing.evidence import covered
from webapp.probing.models import Attempt, Collection, Completion

Row = dict[str, Any]
AT_ONCE = 500


def index_row(collection: Collection, lines: int, *, compared: bool) -> Row:
    """What the bundle's index says of a collection. content_hash: of what is compared."""
    model = collection.model
    return {
        "collection": str(collection.pk), "file": file_of(collection), "lines": lines, "compared": compared,
        "model": model.name, "adapter": model.adapter, "remote_name": model.remote_name, "preset": model.preset,
        "stream": model.stream, "recorded": collection.recorded, "state": collection.state,
        "planned": collection.planned, "counts": collection.counts, "tokenizer_hash": collection.tokenizer_hash,
        "content_hash": collection.compared_hash, "evidence_hash": collection.evidence_hash,
        "suite_hash": collection.suite.suite_hash, "seed": collection.seed, "identities": collection.identities,
        "identity": None if collection.segment is None else collection.identities[collection.segment],
    }  # fmt: skip


def file_of(collection: Collection) -> str:
    """Where its lines lie in a bundle."""
    return f"responses/{collection.pk}.jsonl"


def lines(collection: Collection, *, sealed: bool) -> Iterator[Row]:
    """Attempts in the order of the ledger, a few hundred in memory at a time, then completions that have none.

    sealed: requests, which hold the probes, are there as their hashes alone.
    """
    found = queries.attempts(collection).select_related("completion")
    told = found.annotate(prompt_id=F("call__probe__prompt_id"), nth=F("call__sample"))
    for attempt in told.iterator(chunk_size=AT_ONCE):
        yield _line(attempt, str(collection.pk), sealed=sealed)
    # A stable order, whatever the database thinks of letters.
    loose = collection.completions.filter(evidence=None).order_by("probe__ordinal", "sample").select_related("probe")
    for completion in loose.iterator(chunk_size=AT_ONCE):
        plain = queries.reading(completion, completion.probe.prompt_id).as_json()
        yield {"attempt": None, "digest": None, "request": None, "raw": None, "completion": plain}


def _line(attempt: Any, collection: str, *, sealed: bool) -> Row:
    return {
        "attempt": covered(vars(attempt), collection, attempt.prompt_id, attempt.nth),
        "digest": attempt.digest,
        "request": None if sealed else _packed(attempt.request),
        "raw": _packed(attempt.raw),
        "completion": _completion(attempt, attempt.prompt_id),
    }


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _completion(attempt: Attempt, prompt_id: str) -> Row | None:
    """What was read from it, None where nothing was: an attempt that failed and was made up for."""
    try:
        return queries.reading(attempt.completion, prompt_id).as_json()
    except Completion.DoesNotExist:
        return None
