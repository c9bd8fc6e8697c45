"""Makes a bundle's file, whole or not at all, and keeps it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from webapp.casework.cases.recording import log
from webapp.exporting.gathering import gather
from webapp.exporting.models import Bundle
from webapp.exporting.services import signer


class Made(NamedTuple):
    """A bundle beside its final place, and its SHA-256."""

    draft: Path
    sha256: str


def make(bundle: Bundle, show: Callable[[str, float], None]) -> Made:
    """The bundle's bytes, in a file beside its final place. A full disk leaves nothing behind."""
    draft = bundle.path.with_suffix(f".draft-{bundle.attempt}")
    bundle.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=f"{bundle.pk}.", dir=bundle.path.parent) as folder:
        return Made(draft, gather(bundle, Path(folder), draft, signer(), show))


def keep(row: QuerySet[Bundle], bundle: Bundle, made: Made) -> None:
    """Put the file in its place, as long as `row` still finds the bundle: somebody else may have made it meanwhile."""
    try:
        size = made.draft.stat().st_size
        with transaction.atomic():
            if row.update(
                state=Bundle.State.DONE, stage="done", progress=1.0, finished_at=timezone.now(), error="",
                sha256=made.sha256, size=size,
            ):  # fmt: skip
                # Inside the transaction: the row says done only if the file is in its place.
                made.draft.replace(bundle.path)
                told = {"version": bundle.version, "sha256": made.sha256, "bytes": size}
                log(bundle.case, "bundle-done", None, key=signer().fingerprint, **told)
    finally:
        made.draft.unlink(missing_ok=True)
