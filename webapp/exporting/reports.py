"""The report that goes into a bundle: the newest finished version of the case's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings

from forensics.errors import IntegrityError
from forensics.provenance import sha256_file
from webapp.casework.models import Case


def newest(case: Case) -> dict[str, Any] | None:
    """Number, kind, place and the hash of every file of the newest finished version; None where there is none."""
    found = case.reports.filter(state="done").order_by("-number").first()
    if found is None:
        return None
    return {"id": str(found.pk), "number": found.number, "kind": found.kind, "files": dict(sorted(found.files.items()))}


def files(report: dict[str, Any] | None) -> dict[str, Path]:
    """Path in the bundle to file on disk; raises IntegrityError for one that is not what was made then."""
    if report is None:
        return {}
    folder, told = Path(settings.FILIATION_HOME) / "reports" / report["id"], {}
    for name, digest in report["files"].items():
        if not (folder / name).is_file() or sha256_file(folder / name) != digest:
            what = f"{name} of report version {report['number']}"
            raise IntegrityError(f"{what} is not the file that was made then: make another version of the report")
        told[f"report/{name}"] = folder / name
    return told
