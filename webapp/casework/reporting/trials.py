"""The blind trials on record here, for a report's section on validation: see `python -m forensics proficiency`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from forensics.errors import BadInput, IntegrityError
from forensics.provenance import sha256_file
from forensics.reports.signed_record import read_signed
from forensics.studies.proficiency import OUTCOMES, RECORD

FOLDER = "proficiency"
MOST = 3


def on_record() -> list[dict[str, Any]]:
    """The newest records of FILIATION_HOME/proficiency, newest first. One that does not hold says why, and no count."""
    files = [(path, path.stat()) for path in (Path(settings.FILIATION_HOME) / FOLDER).glob("*.json")]
    newest = sorted(files, key=lambda one: (-one[1].st_mtime_ns, one[0].name))[:MOST]
    return [_read(path, stat.st_mtime_ns, stat.st_size) for path, stat in newest]


@lru_cache(maxsize=2 * MOST)
def _read(path: Path, _written: int, _size: int) -> dict[str, Any]:
    """What a report says of one record; kept in memory while the file stays as it is."""
    told: dict[str, Any] = {"file": path.name, "sha256": sha256_file(path), "fault": ""}
    try:
        record, key = read_signed(path, RECORD)
        return told | {"key": key} | _plain(record)
    except (BadInput, IntegrityError) as problem:
        return told | {"fault": str(problem)}
    except (KeyError, TypeError, AttributeError):
        return told | {"fault": "is signed, but is no record of a trial"}


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {"decoy": row["decoy"], "relation": row["relation"], "n": row["n"], "without_lr": row["without_lr"],
         **{name: row[name]["n"] for name in OUTCOMES}, "false_interval": row["false_claims"]["interval"]}
        for row in record["tallies"]
    ]  # fmt: skip
    corpus, calibration = record["corpus"], record["calibration"]
    return {
        "corpus": corpus["name"], "corpus_sha256": corpus["sha256"], "models": corpus["taking_part"],
        "seed": record["seed"], "calibration_sha256": calibration.get("hash"), "code_sha256": record["code"]["sha256"],
        "truth_sha256": record["truth_sha256"], "rows": rows,
    }  # fmt: skip
