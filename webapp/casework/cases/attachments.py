"""Files that belong to a case: kept under their hash, of limited size, never trusted in their type."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from forensics.errors import BadInput
from webapp.casework.cases.recording import log, require_open
from webapp.casework.models import Attachment, Case

MOST_BYTES = 20 * 1024 * 1024


def attach(case: Case, file: UploadedFile, *, user: Any = None) -> Attachment:
    """The stored file; raises BadInput where it is empty or larger than 20 MiB, and then nothing is kept."""
    require_open(case)
    part, sha256, size = _received(file)
    try:
        name = Path(str(file.name)).name[:255] or "file"
        record = Attachment(case=case, name=name, size=size, sha256=sha256, by=user)
        with transaction.atomic():
            record.save()
            log(case, "case-attachment", user, name=name, size=size, sha256=sha256)
            record.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.replace(record.path)
    finally:
        part.unlink(missing_ok=True)
    return record


def _received(file: UploadedFile) -> tuple[Path, str, int]:
    """A file beside its final place, with hash and size of the bytes that really came."""
    folder = Path(settings.MEDIA_ROOT) / "attachments"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
    digest, size = hashlib.sha256(), 0
    with os.fdopen(handle, "wb") as out:
        for chunk in file.chunks():
            size += len(chunk)
            digest.update(chunk)
            if size <= MOST_BYTES:
                out.write(chunk)
    if not 0 < size <= MOST_BYTES:
        Path(name).unlink()
        what = "is empty" if not size else f"is larger than {MOST_BYTES // 2**20} MiB"
        raise BadInput(f"{str(file.name)[:80]} {what}; nothing was stored")
    return Path(name), digest.hexdigest(), size
