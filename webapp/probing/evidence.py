"""The digest of an attempt: what makes a change to any part of the evidence visible."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

COVERED = (
    "number", "kind", "worker", "outcome", "status", "finish_reason", "prompt_tokens", "completion_tokens",
    "returned_model", "provider", "system_fingerprint", "headers", "error", "request_sha256", "raw_sha256",
)  # fmt: skip


def digest_of(attempt: Mapping[str, Any], collection: str, prompt_id: str, sample: int) -> str:
    """Hex SHA-256 over the call that an attempt belongs to and every column of it, the bytes by their own hashes."""
    return hashlib.sha256(_canonical(covered(attempt, collection, prompt_id, sample))).hexdigest()


def covered(attempt: Mapping[str, Any], collection: str, prompt_id: str, sample: int) -> dict[str, Any]:
    """What the digest covers, as plain JSON without fractions."""
    plain = {name: attempt[name] for name in COVERED}
    plain |= {"collection": collection, "prompt_id": prompt_id, "sample": sample}
    for name in ("started_at", "received_at"):
        at = attempt[name]
        plain[name] = at.isoformat(timespec="microseconds") if at else None
    plain["elapsed_us"] = round(attempt["elapsed"] * 1e6)
    if attempt.get("url"):  # the first attempts on record have none
        plain["url"] = attempt["url"]
    return plain


def _canonical(plain: dict[str, Any]) -> bytes:
    # Without fractions this is RFC 8785 too, at a tenth of the cost: it runs once for every call that is sent.
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def hash_of_all(digests: Iterable[str]) -> str:
    """Hex SHA-256 over the digests of a collection's attempts, so that one that was removed is missed."""
    total = hashlib.sha256()
    for digest in digests:
        total.update(digest.encode())
    return total.hexdigest()
