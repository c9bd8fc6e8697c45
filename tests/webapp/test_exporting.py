"""A case as a bundle: whole, the same twice, refused when a byte of it is changed, and recomputed from raw replies."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

import forensics.__main__ as engine
from forensics.errors import BadInput, IntegrityError
from forensics.provenance import canonical_json, sha256
from forensics.reports.bundle import stage, verify
from forensics.reports.bundle.recompute import recompute
from forensics.reports.bundle.signing import Signer, new_key
from tasks import collecting, comparing, exporting, reporting
from tests.helpers.making import scripted_model, stored_suite
from tests.helpers.people import opened_case, person, recorded_model
from webapp.accounts.teams import create_team
from webapp.casework.cases import contents, plans, runs
from webapp.casework.cases import services as cases
from webapp.casework.models import Case
from webapp.casework.reporting import services as reports
from webapp.custody.models import Entry
from webapp.exporting import services
from webapp.exporting.models import Bundle
from webapp.probing.models import Collection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Two models that were probed from here, one with a reply that failed first, and two recorded elsewhere."""
    suite = stored_suite(12)
    steps = [{"outcome": "failed", "status": 500, "error": "no"}, {"text": "=SUM(A1) after all"}]
    asked = scripted_model(
        tmp_path,
        "asked",
        journal=str(tmp_path / "asked.sent"),
        default="{prompt} I would say yes, {seed}",
        replies={"p003": steps},
    )
    other = scripted_model(tmp_path, "other", default="{prompt} Rather not.", replies={"p004": [{"text": " "}]})
    elsewhere = [recorded_model(name, suite, words=f"{name} wördy") for name in ("far", "near")]
    opened = opened_case([asked, other, *elsewhere], suite)
    contents.add_control(opened, "negative", *elsewhere, ground="made up")
    plans.freeze(opened)
    runs.collect(opened, compare=False)
    for run in opened.collections.filter(state="running"):
        while run.state == Collection.State.RUNNING:
            run.calls.update(not_before=None)
            collecting.collect_slice(str(run.pk), run.ticket)
            run.refresh_from_db()
    comparison = runs.compare(opened)
    comparing.run_comparison(str(comparison.pk))
    return opened


def exported(case: Case, out: Path, *options: str) -> Path:
    call_command("export_case", case.number, "--out", str(out), *options, verbosity=0)
    return out


def verified(bundle: Path, *options: str, of: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What the script in the bundle says of it, or of another, run by an interpreter that sees nothing of ours."""
    script = bundle.with_suffix(".py")
    script.write_bytes(zipfile.ZipFile(bundle).read("verify.py"))
    command = [sys.executable, "-I", str(script), str(of or bundle), *options]
    return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)


def changed(bundle: Path, out: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The same zip with other bytes in some files; a checksum of the zip itself shows nothing."""
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out


def test_a_bundle_verifies_with_python_alone_and_every_changed_byte_is_named(case: Case, tmp_path: Path) -> None:
    bundle = exported(case, tmp_path / "a.zip")
    good = verified(bundle, "--key", services.signer().fingerprint, "--head", Entry.objects.get(sequence=3).entry_hash)
    assert (good.returncode, good.stderr) == (0, ""), good.stdout
    assert f"case {case.number}, version 1" in good.stdout
    names = zipfile.ZipFile(bundle).namelist()
    assert names == sorted(names)
    assert len(names) >= 25
    for name in names:
        for place in (0, -2):

            def flip(path: str, data: bytes, name: str = name, place: int = place) -> bytes:
                at = place % len(data)
                return data if path != name else data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

            told = verify.verify(str(changed(bundle, tmp_path / "flipped.zip", flip)))
            assert any(name in fault for fault in told["faults"]), (name, place, told)
    last = verified(bundle, of=tmp_path / "flipped.zip")
    assert (last.returncode, names[-1] in last.stdout) == (1, True)
    assert verified(bundle, "--key", "0" * 64).returncode == 1
    assert verified(bundle, "--head", "0" * 64).returncode == 1


def test_two_exports_of_a_version_are_the_same_bytes_whatever_happened_since(case: Case, tmp_path: Path) -> None:
    first = exported(case, tmp_path / "a.zip").read_bytes()
    cases.add_note(case, "a remark", user=None)
    contents.explain_control(case.controls.get(), "it was made up")
    again = exported(case, tmp_path / "b.zip", "--case-version", "1")
    assert again.read_bytes() == first
    assert exported(case, tmp_path / "c.zip").read_bytes() != first
    assert Bundle.objects.filter(case=case, state="done").count() == 2
    assert Entry.objects.filter(action="bundle-done").count() == 3
    with zipfile.ZipFile(tmp_path / "c.zip") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        (told,) = json.loads(archive.read("case/excluded.json"))["attempts_not_read"]
        assert (told["attempts"], told["kind"]) == (1, "answered")


def test_recompute_makes_every_score_again_from_raw_replies(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = exported(case, tmp_path / "a.zip")
    found = recompute(bundle)
    assert (found.holds, found.models, found.reread, found.recorded) == (True, 4, 24, 24)
    assert {column.state for column in found.columns} == {"equal"}
    assert {"score agreement", "LLR distilled", "relation", "bootstrap"} <= {column.name for column in found.columns}
    assert engine.main(["recompute", str(bundle)]) == 0
    assert engine.main(["verify", str(bundle), "--json"]) == 0
    assert "came out as stored" in capsys.readouterr().out


def resealed(bundle: Path, out: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A forger's bundle: files changed, and every hash and the signature made anew by another key."""
    with zipfile.ZipFile(bundle) as old:
        manifest = json.loads(old.read(verify.MANIFEST))
        made = stage.Stage(out.with_suffix(".stage"))
        for name in sorted(set(old.namelist()) - {verify.MANIFEST, verify.SIGNATURE}):
            made.add(name, change(name, old.read(name)))
    made.seal(out, Signer.of(new_key()), manifest)
    return out


def lines_with(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    rows = [json.loads(line) for line in data.splitlines()]
    for row in rows:
        change(row)
    return b"".join(map(stage.json_line, rows))


def forged(bundle: Path, out: Path, model: str, change: Callable[[dict[str, Any]], None]) -> Path:
    """The forger changes one model's lines, and makes the collection's own hashes fit."""
    with zipfile.ZipFile(bundle) as old:
        index = json.loads(old.read(verify.INDEX))
        told = next(one for one in index["collections"] if one["model"] == model)
        data = lines_with(old.read(told["file"]), change)
    digests = [json.loads(line) for line in data.splitlines()]
    told["evidence_hash"] = sha256("".join(row["digest"] or "" for row in digests).encode())
    new = {told["file"]: data, verify.INDEX: canonical_json(index)}
    return resealed(bundle, out, lambda name, old: new.get(name, old))


def test_a_doctored_reply_fails_also_where_every_hash_was_made_again(case: Case, tmp_path: Path) -> None:
    bundle = exported(case, tmp_path / "a.zip")

    def words(row: dict[str, Any]) -> None:
        if row["completion"] and row["completion"]["prompt_id"] == "p002":
            row["completion"]["response"] = "I never said that"

    def raw(row: dict[str, Any]) -> None:
        if row["completion"] and row["completion"]["prompt_id"] == "p002":
            data = canonical_json({"text": "I never said that"})
            row["raw"], row["attempt"]["raw_sha256"] = base64.b64encode(data).decode(), sha256(data)
            row["completion"]["response"] = "I never said that"
            row["digest"] = sha256(canonical_json(row["attempt"]))

    said = forged(bundle, tmp_path / "said.zip", "asked", words)
    assert verify.verify(str(said))["faults"] == []
    assert verify.verify(str(said), services.signer().fingerprint)["faults"] != []
    told = recompute(said)
    assert (told.holds, len(told.doctored)) == (False, 1)
    assert "p002" in told.doctored[0]
    assert engine.main(["recompute", str(said)]) == IntegrityError.exit_code
    sent = forged(bundle, tmp_path / "sent.zip", "asked", raw)
    assert verify.verify(str(sent))["faults"] == []
    told = recompute(sent)
    assert not told.holds
    assert any("another content hash" in line for line in told.doctored)
    assert any(column.name.startswith("score") for column in told.differs)


def test_sealed_probes_stay_out_and_open_with_their_own_file_alone(case: Case, tmp_path: Path) -> None:
    bundle = exported(case, tmp_path / "sealed.zip", "--sealed")
    assert verified(bundle).returncode == 0
    with zipfile.ZipFile(bundle) as archive:
        everything = {name: archive.read(name) for name in archive.namelist()}
        assert "probes/suite.json" not in everything
        lines = b"".join(data for name, data in everything.items() if name.startswith("responses/") and name[-1] == "l")
        assert {json.loads(line)["request"] for line in lines.splitlines()} == {None}
    with pytest.raises(BadInput, match="sealed"):
        recompute(bundle)
    with zipfile.ZipFile(exported(case, tmp_path / "open.zip")) as archive:
        (tmp_path / "suite.json").write_bytes(archive.read("probes/suite.json"))
        (tmp_path / "wrong.json").write_bytes(archive.read("probes/suite.json").replace(b"Question 1?", b"Query 1?"))
    assert recompute(bundle, probes=tmp_path / "suite.json").holds
    with pytest.raises(IntegrityError, match="another one"):
        recompute(bundle, probes=tmp_path / "wrong.json")


def test_entries_of_other_cases_are_in_the_chain_as_hashes_alone(case: Case, tmp_path: Path) -> None:
    cases.open_case(title="Not for them", question="A secret matter?")
    with zipfile.ZipFile(exported(case, tmp_path / "a.zip")) as archive:
        chain = archive.read(verify.CHAIN)
    rows = [json.loads(line) for line in chain.splitlines()]
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    assert b"secret matter" not in chain
    told = [json.loads(row["body"])["action"] for row in rows if row["body"]]
    assert {"case-opened", "case-plan-frozen", "comparison-done"} <= set(told)


def test_a_worker_makes_a_bundle_that_those_who_see_the_case_download_and_the_log_says_so(case: Case) -> None:
    client, user = Client(), person("reader")
    client.force_login(user)
    asked = client.post(f"/cases/{case.pk}/do/export/", {})
    assert asked.status_code == 302
    bundle = Bundle.objects.get(case=case)
    assert client.get(f"/cases/{case.pk}/exports/bundles.json").json()["finished"] is False
    assert client.get(f"/cases/bundles/{bundle.pk}/").status_code == 404
    exporting.run_export(str(bundle.pk))
    bundle.refresh_from_db()
    assert (bundle.state, bundle.error, bundle.attempt) == ("done", "", 1)
    page = client.get(f"/cases/{case.pk}/exports/").content.decode()
    assert bundle.sha256 in page and services.signer().fingerprint in page
    answer = client.get(f"/cases/bundles/{bundle.pk}/")
    assert answer["Content-Disposition"] == f'attachment; filename="case-{case.number}-version-1.zip"'
    assert sha256(b"".join(answer)) == bundle.sha256
    assert Entry.objects.get(action="bundle-downloaded").detail["sha256"] == bundle.sha256
    assert [path.name for path in bundle.path.parent.glob(f"{bundle.pk}*")] == [bundle.path.name]
    outsider = Client()
    Case.objects.filter(pk=case.pk).update(team=create_team("elsewhere"))
    outsider.force_login(person("outsider"))
    assert outsider.get(f"/cases/bundles/{bundle.pk}/").status_code == 404


def test_what_is_not_ready_is_refused_in_words(case: Case, tmp_path: Path) -> None:
    cases.blind(case)
    with pytest.raises(BadInput, match="who is who"):
        services.ask(case)
    with pytest.raises(CommandError) as refused:
        exported(case, tmp_path / "a.zip")
    assert refused.value.returncode == BadInput.exit_code
    with pytest.raises(CommandError, match="no case"):
        call_command("export_case", "1999-0001", "--out", str(tmp_path / "b.zip"))


def test_a_full_disk_leaves_no_half_a_bundle(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    bundle = services.ask(case)
    monkeypatch.setattr(stage.Stage, "_store", full)
    exporting.run_export(str(bundle.pk))
    bundle.refresh_from_db()
    assert (bundle.state, "No space left" in bundle.error) == ("failed", True)
    assert list(bundle.path.parent.glob(f"{bundle.pk}*")) == []
    monkeypatch.undo()
    assert services.again(bundle)
    exporting.run_export(str(bundle.pk))
    bundle.refresh_from_db()
    assert bundle.state == "done"


def test_tables_come_in_three_forms_and_say_the_same(case: Case, tmp_path: Path) -> None:
    call_command("export_case", case.number, "--tables", str(tmp_path / "t"), verbosity=0)
    plain = [json.loads(line) for line in (tmp_path / "t/responses.jsonl").read_text().splitlines()]
    assert len(plain) == 48
    assert parquet.read_table(tmp_path / "t/responses.parquet").to_pylist() == plain
    said = next(row for row in plain if row["model"] == "asked" and row["prompt_id"] == "p003")
    assert said["text"] == "=SUM(A1) after all"
    assert "'=SUM(A1) after all" in (tmp_path / "t/responses.csv").read_text()
    scores = [json.loads(line) for line in (tmp_path / "t/scores.jsonl").read_text().splitlines()]
    pairs = {(row["model_a"], row["model_b"]) for row in scores}
    assert (len(pairs), parquet.read_table(tmp_path / "t/scores.parquet").num_rows) == (6, len(scores))
    client = Client()
    client.force_login(person("reader"))
    cases.blind(case)
    answer = client.get(f"/cases/{case.pk}/exports/responses.csv")
    text = b"".join(answer).decode()
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "asked" not in text and "Q1" in text
    assert Entry.objects.get(action="table-exported").detail["rows"] == 48


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # WeasyPrint leaves a file open
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_newest_report_goes_along_and_one_that_was_changed_on_disk_does_not(case: Case, tmp_path: Path) -> None:
    report = reports.make_draft(case, "memo")
    reporting.make_report(str(report.pk))
    report.refresh_from_db()
    bundle = exported(case, tmp_path / "a.zip")
    names = {name for name in zipfile.ZipFile(bundle).namelist() if name.startswith("report/")}
    assert names == {f"report/{name}" for name in report.files}
    assert verified(bundle).returncode == 0
    (report.folder / "report.pdf").write_bytes(b"another one")
    with pytest.raises(CommandError, match="not the file that was made"):
        exported(case, tmp_path / "b.zip", "--case-version", "1")
