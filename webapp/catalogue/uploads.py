"""Keeps an uploaded transcript file and registers the model that it records."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from forensics.errors import CorpusError
from webapp.catalogue.models import Model
from webapp.probing.importing import register_transcripts
from webapp.probing.models import Suite

SUFFIXES = (".jsonl.gz", ".jsonl")
MOST_BYTES = 512 * 1024 * 1024


def register_upload(*, file: UploadedFile, name: str, role: str, suite: Suite, user: Any = None) -> Model:
    """The model whose replies the file holds; raises CorpusError naming file and row, and then nothing is kept."""
    path = _keep(file)
    try:
        return register_transcripts(name=name, path=path, suite=suite, role=role, user=user)
    except CorpusError as problem:
        # The kept file has a name of ours: the message names the file that the analyst sent.
        raise CorpusError(str(problem).replace(path.name, str(file.name))) from problem
    finally:
        if not Model.objects.filter(location=str(path)).exists():
            path.unlink(missing_ok=True)


def _keep(file: UploadedFile) -> Path:
    sent_as = str(file.name)
    suffix = next((s for s in SUFFIXES if sent_as.endswith(s)), None)
    if suffix is None:
        raise CorpusError("is neither .jsonl nor .jsonl.gz; nothing was stored", where=sent_as)
    if (file.size or 0) > MOST_BYTES:
        raise CorpusError(f"is larger than {MOST_BYTES // 2**20} MiB; nothing was stored", where=sent_as)
    folder = Path(settings.MEDIA_ROOT) / "transcripts"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{uuid.uuid4()}{suffix}"
    with path.open("wb") as out:
        for chunk in file.chunks():
            out.write(chunk)
    return path
