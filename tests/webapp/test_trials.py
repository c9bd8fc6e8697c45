"""Blind trials in a report: the newest records are told, one that does not hold says why, and none is said too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from forensics.provenance import canonical_json, sha256_file
from forensics.reports.bundle.signing import Signer, new_key
from forensics.reports.chapters_found import validation
from forensics.reports.signed_record import signed
from forensics.studies.proficiency import RECORD, tallies
from webapp.casework.reporting import trials

CASE = Path(__file__).parents[1] / "data" / "case-record-1.json"


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.FILIATION_HOME = tmp_path
    (tmp_path / trials.FOLDER).mkdir()
    return tmp_path / trials.FOLDER


def write(path: Path, seed: int, signer: Signer) -> Path:
    """A record of one unrelated pair, of which a kinship was claimed, `seed` seconds old in the order of time."""
    opened = {"pairs": [["a", "b", "unrelated", ""]]}
    record = {
        "format": RECORD, "corpus": {"name": "zoo", "sha256": "0" * 64, "taking_part": 2}, "seed": seed,
        "code": {"sha256": "1" * 64}, "calibration": {"hash": "2" * 64}, "truth_sha256": "3" * 64,
        "tallies": tallies(opened, [["a", "b", "derived", "ok", {}]]),
    }  # fmt: skip
    path.write_bytes(signed(record, signer))
    os.utime(path, (seed, seed))
    return path


def words(found: list[dict[str, Any]]) -> str:
    case = json.loads(CASE.read_text(encoding="utf-8"))
    return "\n".join(map(str, validation(case | {"validation": case["validation"] | {"trials": found}})))


def test_the_newest_records_are_told_with_their_hash_and_key(folder: Path) -> None:
    signer = Signer.of(new_key())
    files = [write(folder / f"t{seed}.json", seed, signer) for seed in (1, 2, 3, 4)]
    found = trials.on_record()
    assert [one["seed"] for one in found] == [4, 3, 2]
    assert (found[0]["sha256"], found[0]["key"]) == (sha256_file(files[3]), signer.fingerprint)
    assert (found[0]["rows"][0]["false_claims"], found[0]["rows"][0]["hits"]) == (1, 0)
    assert canonical_json(found)
    told = words(found)
    assert signer.fingerprint in told and "Blind trial t4.json" in told and "t1.json" not in told


def test_a_record_that_was_changed_gives_its_fault_and_no_count(folder: Path) -> None:
    path = write(folder / "t.json", 5, Signer.of(new_key()))
    assert not trials.on_record()[0]["fault"]
    path.write_bytes(path.read_bytes().replace(b'"seed":5', b'"seed":55'))
    (one,) = trials.on_record()
    assert "does not fit its signature" in one["fault"] and "rows" not in one
    assert "does not fit its signature" in words([one])
    path.write_bytes(signed({"format": RECORD}, Signer.of(new_key())))
    assert trials.on_record()[0]["fault"] == "is signed, but is no record of a trial"


def test_none_on_record_is_said(folder: Path) -> None:
    assert trials.on_record() == []
    assert "None on record." in words([])
