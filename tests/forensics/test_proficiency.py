"""A blind trial: names are hidden, the truth is sealed first, decoys are caught, and the record says so under a key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forensics.__main__ import main
from forensics.commands import proficiency as command
from forensics.corpora import open_corpus
from forensics.evaluation.labels import read_labels
from forensics.provenance import sha256_file
from forensics.records import Completion, NextToken, Outcome, ResponseSet
from forensics.reports.bundle.signing import Signer, new_key
from forensics.reports.signed_record import read_signed, signed
from forensics.studies import proficiency
from tests.forensics import worlds


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled recording of 24 models in twelve families, two families to a developer."""
    return worlds.write_labelled(tmp_path_factory.mktemp("recordings") / "small", of_one_developer=4)


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "c.json"
    path.write_text(json.dumps(worlds.covering()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trial(corpus: Path, calibration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a trial, made through the command."""
    return held(corpus, calibration, tmp_path_factory.mktemp("trial") / "one.json")


def held(corpus: Path, calibration: Path, out: Path) -> Path:
    key = corpus.parent / "signing.key"
    told = ["--seed", "7", "--calibration", str(calibration), "--signing-key", str(key), "--jobs", "1"]
    assert main(["proficiency", str(corpus), "--out", str(out), *told]) == 0
    return out


def rows(record: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["decoy"], row["relation"]): row for row in record["tallies"]}


def test_the_engine_finds_kin_and_copies_and_claims_nothing_of_what_is_planted_against_it(trial: Path) -> None:
    record, _ = read_signed(trial, proficiency.RECORD)
    found = rows(record)
    assert found["", "parent_child"]["hits"]["n"] == found["", "parent_child"]["n"] == 12
    assert found["relabelled", "its original"]["hits"]["n"] == found["relabelled", "its original"]["n"] == 2
    assert found["rewritten", "its original"]["n"] == 2
    # Two constant models against all 24 members; what repeats itself is compared with nobody.
    assert (found["constant", "unrelated"]["n"], found["constant", "unrelated"]["without_lr"]) == (48, 48)
    assert found["constant", "unrelated"]["hits"]["n"] == 48
    assert found["same-data", "same_recipe"]["n"] == 24
    assert sum(row["false_claims"]["n"] for (decoy, _), row in found.items() if decoy) == 0
    for row in found.values():
        assert sum(row[name]["n"] for name in proficiency.OUTCOMES) == row["n"]
        assert all(0 <= row[o]["interval"][0] <= row[o]["n"] / row["n"] <= row[o]["interval"][1] <= 1
                   for o in proficiency.OUTCOMES)  # fmt: skip
    low, high = found["", "parent_child"]["hits"]["interval"]
    assert (low, high) == (pytest.approx(0.025 ** (1 / 12)), 1.0)


def test_an_engine_that_claims_too_much_has_it_in_its_record(corpus: Path, tmp_path: Path) -> None:
    plain, chosen = worlds.covering(), tmp_path / "bad.json"
    plain["propositions"]["weights"] |= {"intercept": 9.0, "coefficients": [0.0], "bounds": [-1.0, 2.5]}
    chosen.write_text(json.dumps(plain), encoding="utf-8")
    record, _ = read_signed(held(corpus, chosen, tmp_path / "bad-trial.json"), proficiency.RECORD)
    unrelated = rows(record)["", "unrelated"]
    assert unrelated["false_claims"]["n"] > 0.7 * unrelated["n"]
    assert unrelated["false_claims"]["n"] + unrelated["inconclusive"]["n"] == unrelated["n"]


def test_no_name_is_in_the_record_and_it_says_what_made_it(trial: Path, corpus: Path, calibration: Path) -> None:
    record, _ = read_signed(trial, proficiency.RECORD)
    names = [path.name.removesuffix(".jsonl.gz") for path in (corpus / "responses").iterdir()]
    codes = {code for call in record["calls"] for code in call[:2]}
    assert len(names) == 24 and len(codes) == 30 and not codes & set(names)
    assert not [name for name in names if f'"{name}"' in trial.read_text(encoding="utf-8")]
    assert record["pairs"] == {"compared": 435, "judged": 24 * 23 // 2 + 6 * 24, "undocumented": 0}
    assert record["command"] == "python -m forensics proficiency small --seed 7 --decoys 2 --calibration c.json"
    assert record["corpus"]["taking_part"] == record["corpus"]["models"] == 24 and record["seed"] == 7
    assert {len(record[part]["sha256"]) for part in ("corpus", "code")} == {64}
    assert record["calibration"]["hash"] and record["calibration"]["name"] == "t"
    assert record["truth_sha256"] == sha256_file(trial.with_suffix(".truth"))


def test_the_same_trial_gives_the_same_bytes_and_none_is_written_over(
    trial: Path, corpus: Path, calibration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = held(corpus, calibration, tmp_path / "two.json")
    assert again.read_bytes() == trial.read_bytes()
    assert again.with_suffix(".truth").read_bytes() == trial.with_suffix(".truth").read_bytes()
    assert main(["proficiency", str(corpus), "--out", str(again), "--signing-key", str(tmp_path / "k")]) == 2
    assert "never replaced" in capsys.readouterr().err


def test_check_holds_and_notices_a_changed_count_a_changed_truth_and_another_key(
    trial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, key = read_signed(trial, proficiency.RECORD)
    assert main(["proficiency", "--check", str(trial), "--key", key]) == 0
    assert "Signature, truth and counts hold" in capsys.readouterr().out
    assert main(["proficiency", "--check", str(trial), "--key", "0" * 64]) == 5

    doctored, truth = tmp_path / "d.json", tmp_path / "d.truth"
    doctored.write_bytes(trial.read_bytes().replace(b'"false_claims":{"interval"', b'"false_claimz":{"interval"', 1))
    assert main(["proficiency", "--check", str(doctored)]) == 5
    doctored.write_bytes(trial.read_bytes())
    assert main(["proficiency", "--check", str(doctored)]) == 2  # the truth is not beside it
    truth.write_bytes(trial.with_suffix(".truth").read_bytes().replace(b"parent_child", b"same_weights", 1))
    assert main(["proficiency", "--check", str(doctored)]) == 5
    assert "not the truth that was sealed" in capsys.readouterr().err
    doctored.write_bytes(signed({"format": proficiency.RECORD}, Signer.of(new_key())))
    assert main(["proficiency", "--check", str(doctored)]) == 2
    assert "is signed, but is no record of a trial" in capsys.readouterr().err
    doctored.write_text("{}", encoding="utf-8")
    assert main(["proficiency", "--check", str(doctored)]) == 2
    assert main(["proficiency"]) == 2


def test_a_truth_that_changes_while_the_engine_compares_is_not_judged_by(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, seen = tmp_path / "t.json", []

    def meddled(blind: proficiency.Blind, *_: object) -> None:
        seen.extend(blind.models)
        out.with_suffix(".truth").write_bytes(b"{}")

    monkeypatch.setattr(command, "compared", meddled)
    assert main(["proficiency", str(corpus), "--out", str(out), "--signing-key", str(tmp_path / "k")]) == 5
    assert seen and not out.exists()
    assert "judge nothing by it" in capsys.readouterr().err


def test_decoys_follow_the_seed_and_each_is_made_of_another_member(corpus: Path) -> None:
    source, labels = open_corpus(corpus), read_labels(corpus)
    one, two = (proficiency.planted(source, labels, seed=seed, decoys=3) for seed in (1, 2))
    assert one.units == proficiency.planted(source, labels, seed=1, decoys=3).units != two.units
    made_of = [unit.member for unit in one.units.values() if unit.decoy]
    assert len(set(made_of)) == len(made_of) == 9
    few = proficiency.planted(source, labels, seed=1, decoys=3, sample=4)
    assert sum(unit.decoy == "" for unit in few.units.values()) == 4 and len(few.units) == 7
    told = proficiency.truth(few, labels)
    assert sum(relation == proficiency.ORIGINAL for *_, relation, _ in told["pairs"]) == 2


def test_a_disguise_changes_words_alone() -> None:
    seen = (NextToken(3, (("a", -0.1),)),)
    said = Completion("p1", "# Well\n\n* It's **so**, we'll see it go on and on", next_tokens=seen, completion_tokens=9)
    lost = Completion("p2", "", outcome=Outcome.FAILED)
    own = ResponseSet.of("m", [said, lost, Completion("p3", "No.")], "t")
    assert proficiency.disguised(own, proficiency.RELABELLED) == own
    bare = replace(said, next_tokens=(), completion_tokens=None)
    filtered = proficiency.disguised(own, proficiency.REWRITTEN)
    assert filtered.completions == (
        replace(bare, text="Well It's so, we will see it go on on"), lost, own.completions[2]
    )  # fmt: skip
    constant = proficiency.disguised(own, proficiency.CONSTANT)
    assert [c.text for c in constant.completions] == [said.text, "", said.text] and constant.completions[1] == lost


@pytest.mark.parametrize(
    ("relation", "decoy", "word", "told"),
    [
        ("parent_child", "", "derived", "hits"),
        ("parent_child", "", "unrelated", "misses"),
        ("parent_child", "", "distilled", "other_relation"),
        ("parent_child", "", "not-determined", "inconclusive"),
        ("unrelated", "", "unrelated", "hits"),
        ("unrelated", "", "not-determined", "inconclusive"),
        ("unrelated", "", "distilled", "false_claims"),
        ("same_recipe", "same-data", "common-source", "false_claims"),
        ("unrelated", "constant", "not-determined", "hits"),
        ("unrelated", "constant", "same", "false_claims"),
        ("its original", "rewritten", "derived", "hits"),
    ],
)
def test_what_becomes_of_a_pair(relation: str, decoy: str, word: str, told: str) -> None:
    assert proficiency.outcome(relation, decoy, word) == told
