"""python -m forensics suite: list, show, check and draw."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from forensics.__main__ import main
from forensics.probes import load_suite


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What the command prints as JSON; it must end well."""
    assert main(["suite", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def written(tmp_path: Path, **changes: Any) -> tuple[Path, dict[str, Any]]:
    """A suite of three good probes in a file, changed."""
    config = {"max_tokens": 20}
    rows: list[dict[str, Any]] = [
        {
            "prompt_id": f"p{i}",
            "family": "decoys",
            "messages": [{"role": "user", "content": f"Word {i}?"}],
            "config": config,
        }
        for i in range(3)
    ]
    rows[1] |= changes
    plain = {"name": "mine", "version": "1", "title": "Mine", "probes": rows}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(plain), encoding="utf-8")
    return path, plain


def test_the_list_names_every_suite_with_its_hash(capsys: pytest.CaptureFixture[str]) -> None:
    rows = told(capsys, "list")
    assert [r["name"] for r in rows] == ["core", "deep", "quick", "standard"]
    assert all(r["hash"] == load_suite(r["name"]).suite_hash for r in rows)
    assert main(["suite", "list"]) == 0
    assert "standard" in capsys.readouterr().out


def test_a_suite_is_shown_with_its_channels_and_its_cost(capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys, "show", "quick", "--estimate", "--price-in", "1", "--price-out", "4", "--rate", "2")
    assert sum(row["calls"] for row in shown["families"]) == shown["calls"] == shown["estimate"]["calls"]
    assert shown["estimate"]["cost"] > 0
    assert {row["channel"] for row in shown["channels"]} >= {"agreement", "errors", "one-word"}
    assert main(["suite", "show", "quick", "--estimate", "--price-in", "1", "--price-out", "4", "--rate", "2"]) == 0
    printed = capsys.readouterr().out
    assert "costing at most" in printed
    assert "minutes at this rate" in printed


def test_a_good_file_passes_the_check_and_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = written(tmp_path)
    assert told(capsys, "check", str(path)) == {"file": str(path), "kind": "suite", "wrong": []}
    assert told(capsys, "show", str(path))["calls"] == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"messages": []}, "the last turn must be the user's"),
        ({"messages": [{"role": "robot", "content": "hum"}]}, "robot"),
        ({"config": {"max_tokens": 0}}, "impossible generation settings"),
        ({"config": {"maximum": 3}}, "maximum"),
        ({"family": "palmistry"}, "no probe family 'palmistry'"),
        ({"family": "one-word"}, "names its cell"),
        ({"answer": "---"}, "cannot be found again"),
        ({"answer": 7}, "answer must be a text"),
        ({"mode": "raw"}, "cannot be put in raw mode"),
        ({"mode": "song"}, "song"),
        ({"tier": "quick"}, "unknown field tier"),
        ({"language": ""}, "language must be a text"),
    ],
)
def test_a_fault_is_told_with_the_probe_that_has_it(
    change: dict[str, Any], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = written(tmp_path, **change)
    assert main(["suite", "check", str(path)]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "p1" in error
    assert "p0" not in error


def test_all_faults_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, plain = written(tmp_path, prompt_id="p0")
    plain["probes"][2]["messages"] = "hello"
    del plain["version"]
    path.write_text(json.dumps(plain), encoding="utf-8")
    assert main(["suite", "check", str(path), "--json"]) == 2
    wrong = json.loads(capsys.readouterr().out)["wrong"]
    assert len(wrong) == 3
    assert any("'p0' appears twice" in line for line in wrong)


@pytest.mark.parametrize("content", ["[]", "{}", '{"probes": []}', "not json", '{"family": "decoys"}'])
def test_what_is_no_suite_is_refused_in_words(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odd.json"
    path.write_text(content, encoding="utf-8")
    assert main(["suite", "check", str(path)]) == 2
    assert "odd.json" in capsys.readouterr().err


def test_a_pool_of_ones_own_is_checked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trick-questions.json"
    rows = [{"id": "t1", "text": "One and one?", "answer": "2"}, {"id": "t2", "text": "Two and two?", "answer": "..."}]
    path.write_text(json.dumps({"family": "trick-questions", "version": "1", "probes": rows}), encoding="utf-8")
    assert main(["suite", "check", str(path)]) == 2
    assert "(t2)" in capsys.readouterr().err
    path.write_text(json.dumps({"family": "trick-questions", "version": "1", "probes": rows[:1]}), encoding="utf-8")
    assert told(capsys, "check", str(path))["kind"] == "pool"


def test_a_draw_is_written_for_its_owner_alone_with_secrets_from_the_usual_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = tmp_path / "pools"
    pools.mkdir()
    rows = [{"id": f"own-{i}", "text": f"What is there to say of hill {i}?"} for i in range(40)]
    (pools / "decoys.json").write_text(json.dumps({"family": "decoys", "probes": rows}), encoding="utf-8")
    monkeypatch.setenv("FILIATION_HOME", str(tmp_path))
    out = tmp_path / "drawn.json"
    drawn = told(capsys, "draw", "standard", "--seed", "case 9", "--out", str(out))
    assert drawn["secret"] == 25
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert told(capsys, "check", str(out))["wrong"] == []
    assert told(capsys, "show", str(out))["hash"] == drawn["hash"]
    monkeypatch.delenv("FILIATION_HOME")
    again = told(capsys, "draw", "standard", "--seed", "case 9", "--out", str(out), "--pool", str(pools))
    assert again["hash"] == drawn["hash"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["show"],
        ["show", "nonesuch"],
        ["check", "nonesuch.json"],
        ["draw", "quick", "--out", "x.json"],
        ["draw", "quick", "--seed", "s"],
        ["draw", "core", "--seed", "s", "--out", "x.json"],
        ["draw", "quick", "--seed", "s", "--out", "x.json", "--pool", "nowhere"],
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["suite", *arguments]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []
