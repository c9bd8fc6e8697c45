"""A case's responses, scores and findings as rows, for those who count for themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.db.models import F

from forensics.errors import BadInput
from forensics.table_files import COUNT, FLAG, KINDS, NUMBER, TEXT, Columns, write_table
from webapp.casework import queries
from webapp.casework.cases import runs
from webapp.casework.cases.blinding import Mask
from webapp.casework.cases.findings import findings
from webapp.casework.models import Case
from webapp.probing.models import Completion

Row = dict[str, Any]
RESPONSES = {
    "collection": TEXT, "model": TEXT, "prompt_id": TEXT, "sample": COUNT, "outcome": TEXT, "finish_reason": TEXT,
    "prompt_tokens": COUNT, "completion_tokens": COUNT, "received_at": TEXT, "status": COUNT, "returned_model": TEXT,
    "raw_sha256": TEXT, "text": TEXT,
}  # fmt: skip
SCORES = {"model_a": TEXT, "model_b": TEXT, "column": TEXT, "value": NUMBER, "relation": TEXT, "status": TEXT}
FINDINGS = {
    "questioned": TEXT, "reference": TEXT, "hp": TEXT, "hd": TEXT, "log10_lr": NUMBER, "log10_lr_unbounded": NUMBER,
    "verbal": TEXT, "relation": TEXT, "prompts": COUNT, "contrary": FLAG, "sentence": TEXT,
}  # fmt: skip


def _responses(case: Case, mask: Mask) -> Iterator[Row]:
    found = Completion.objects.filter(collection__cases=case).order_by("collection", "probe__ordinal", "sample")
    told = found.annotate(
        model=F("collection__model__name"), prompt_id=F("probe__prompt_id"), status=F("evidence__status"),
        returned_model=F("evidence__returned_model"), raw_sha256=F("evidence__raw_sha256"),
    )  # fmt: skip
    for row in told.values(*RESPONSES).iterator(chunk_size=2000):
        at, hidden = row["received_at"], {"returned_model": None} if mask.on else {}
        yield row | hidden | {
            "collection": str(row["collection"]), "model": mask.name(row["model"]), "text": mask.text(row["text"]),
            "received_at": at.isoformat() if at else None,
        }  # fmt: skip


def _scores(case: Case, mask: Mask) -> Iterator[Row]:
    """Every score and LR (log10, bounded and not) of every pair of the newest comparison; None: not estimable."""
    comparison = runs.latest(case)
    if comparison is None:
        raise BadInput("there is no finished comparison yet, and so no score")
    result = queries.result(comparison)
    columns: Row = {f"score_{name}": matrix for name, matrix in result.scores.items()}
    columns |= {f"log10_lr_{name}": matrix for name, matrix in result.llr.items()}
    columns |= {f"log10_lr_unbounded_{name}": matrix for name, matrix in result.llr_raw.items()}
    for i, a in enumerate(result.models):
        for j, b in enumerate(result.models[i + 1 :], start=i + 1):
            words = {"relation": str(result.relation[i, j]), "status": str(result.status[i, j])}
            for name, matrix in columns.items():
                value = float(matrix[i, j])
                told = value if math.isfinite(value) else None
                yield {"model_a": mask.name(a), "model_b": mask.name(b), "column": name, "value": told} | words


def _findings(case: Case, mask: Mask) -> Iterator[Row]:
    for row in findings(case, mask).rows:
        yield {
            "questioned": row.names[0], "reference": row.names[1], "hp": row.hp, "hd": row.against,
            "log10_lr": row.value, "log10_lr_unbounded": row.raw, "verbal": row.verbal, "relation": row.relation,
            "prompts": row.prompts, "contrary": row.contrary, "sentence": row.sentence,
        }  # fmt: skip


TABLES: dict[str, tuple[Columns, Callable[[Case, Mask], Iterator[Row]]]] = {
    "responses": (RESPONSES, _responses),
    "scores": (SCORES, _scores),
    "findings": (FINDINGS, _findings),
}


def write(case: Case, name: str, path: Path) -> int:
    """Write one table in the form that the file's name ends with; while the case is blinded codes stand for names."""
    columns, rows = TABLES[name]
    return write_table(columns, rows(case, Mask(case)), path)


def write_all(case: Case, folder: Path) -> list[Path]:
    """Write every table in every form; the files that were written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{name}.{kind}" for name in TABLES for kind in KINDS]
    for path in written:
        write(case, path.stem, path)
    return written
