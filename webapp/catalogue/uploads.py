"""Keeps an uploaded file of transcripts or of another tool's results, and registers the models that it records."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from forensics.corpora import open_corpus
from forensics.errors import BadInput, CorpusError
from webapp.catalogue.models import Model
from webapp.probing.importing import import_source, register_transcripts
from webapp.probing.models import Suite

SUFFIXES = (".jsonl.gz", ".jsonl")
CORPUS_SUFFIXES = (".csv", ".json", ".eval")
UNUSUAL = re.compile(r"[^\w.-]+")
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


def import_upload(*, file: UploadedFile, role: str, user: Any = None) -> list[Model]:
    """The recorded models of a file that another tool wrote, those of before left alone.

    Raises CorpusError naming file and row, or BadInput where some models failed: their neighbours are then stored.
    """
    path = _keep(file, CORPUS_SUFFIXES, named=True)
    before = set(Model.objects.values_list("pk", flat=True))
    try:
        report = import_source(open_corpus(path), user=user)
    finally:
        if not Model.objects.filter(location=str(path.resolve())).exists():
            shutil.rmtree(path.parent)
    new = Model.objects.filter(name__in=[model.name for model in report.models]).exclude(pk__in=before)
    new.update(role=role)
    failed = [f"{model.name}: {model.error}" for model in report.models if model.status == "failed"]
    if failed:
        raise BadInput(f"{len(failed)} of {len(report.models)} models were not stored, the others were. {failed[0]}")
    if not new:
        raise BadInput(f"all {len(report.models)} models in it are stored already; nothing was changed")
    return list(new.order_by("name"))


def _keep(file: UploadedFile, suffixes: Sequence[str] = SUFFIXES, *, named: bool = False) -> Path:
    """The stored file. `named`: under its own name, made harmless, which then names the suite."""
    sent_as = str(file.name)
    suffix = next((s for s in suffixes if sent_as.lower().endswith(s)), None)
    if suffix is None:
        raise CorpusError(f"does not end in {' or '.join(suffixes)}; nothing was stored", where=sent_as)
    if (file.size or 0) > MOST_BYTES:
        raise CorpusError(f"is larger than {MOST_BYTES // 2**20} MiB; nothing was stored", where=sent_as)
    folder = Path(settings.MEDIA_ROOT) / "transcripts"
    own = UNUSUAL.sub("-", sent_as[: -len(suffix)]).strip(".-")[-80:] or "results"
    path = folder / str(uuid.uuid4()) / f"{own}{suffix}" if named else folder / f"{uuid.uuid4()}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("wb") as out:
        for chunk in file.chunks():
            out.write(chunk)
    return path
