"""Bad recordings get an error that names the file and the row."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from forensics.__main__ import main
from forensics.corpora import open_corpus
from forensics.errors import CorpusError
from forensics.features.cache import FingerprintCache
from forensics.records import Outcome
from forensics.transcripts import read_responses
from tests.forensics import worlds


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A sound corpus of three models and six prompts."""
    return worlds.write_corpus(tmp_path / "c", worlds.population(3, 6), worlds.prompts(6))


def damaged(corpus: Path, change: Callable[[list[str]], list[str]]) -> Path:
    file = corpus / "responses" / "m01.jsonl.gz"
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    file.write_bytes(gzip.compress("\n".join(change(lines)).encode("utf-8", "surrogateescape")))
    return corpus


def read(corpus: Path) -> None:
    source = open_corpus(corpus)
    for model in source.models:
        source.responses(model)


def test_a_sound_corpus_is_read_in_the_order_of_code_points(corpus: Path) -> None:
    source = open_corpus(corpus)
    assert source.models == ("m00", "m01", "m02")
    assert list(source.prompts) == [f"p{i:03d}" for i in range(6)]
    assert len(source.responses("m00").completions) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [*rows[:3], "{not json", *rows[3:]], r"m01\.jsonl\.gz, line 4: not JSON"),
        (lambda rows: [*rows, '["a list"]'], r"line 7: a JSON object was expected, not list"),
        (lambda rows: [*rows, json.dumps({"sample": 0, "response": "x"})], r"line 7: the field 'prompt_id' is missing"),
        (
            lambda rows: [*rows, json.dumps({"prompt_id": "zz", "response": "x"})],
            r"line 7: prompt id 'zz' is not among",
        ),
        (
            lambda rows: [*rows, json.dumps({"prompt_id": "p000", "response": 5})],
            r"line 7: .*'response' must be a string",
        ),
        (lambda rows: [*rows, rows[2]], r"line 7: prompt 'p002' sample 0 was already given in .*line 3"),
        (lambda rows: [rows[0].replace("p000", "p\udcff")], r"line 1: not UTF-8 at byte"),
        (lambda rows: [*rows, json.dumps({"prompt_id": "p000", "sample": -1, "response": "x"})], r"'sample' must be"),
        (lambda rows: [], r"m01\.jsonl\.gz: holds no response"),
    ],
)
def test_a_bad_row_is_named(corpus: Path, change: Callable[[list[str]], list[str]], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read(damaged(corpus, change))


def test_a_truncated_gzip_is_named_with_the_last_good_row(corpus: Path) -> None:
    file = corpus / "responses" / "m01.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(CorpusError, match=r"m01\.jsonl\.gz, after line \d+: the gzip file is truncated"):
        read(corpus)


def test_a_file_that_is_not_gzip_at_all_is_named(corpus: Path) -> None:
    (corpus / "responses" / "m01.jsonl.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(CorpusError, match=r"m01\.jsonl\.gz: not a readable gzip file"):
        read(corpus)


def test_an_empty_corpus_and_a_foreign_folder_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "e" / "responses").mkdir(parents=True)
    (tmp_path / "e" / "prompts.jsonl").write_text("")
    with pytest.raises(CorpusError, match=r"responses: holds no"):
        read(tmp_path / "e")
    (tmp_path / "f").mkdir()
    with pytest.raises(CorpusError, match="not a recorded corpus that is known here"):
        read(tmp_path / "f")
    with pytest.raises(CorpusError, match="does not exist"):
        read(tmp_path / "g")


def test_prompts_may_be_lists_of_messages_and_labels_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    (folder / "responses").mkdir(parents=True)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name a river."}]
    (folder / "prompts.jsonl").write_text(json.dumps({"prompt_id": "a", "prompt": json.dumps(turns)}) + "\n")
    row = {"prompt_id": "a", "sample": 0, "response": "The Tay", "refusal": "DENIAL", "finish": "length"}
    (folder / "responses" / "x.jsonl").write_text(json.dumps(row) + "\n")
    source = open_corpus(folder)
    assert [m.role for m in source.prompts["a"].messages] == ["system", "user"]
    (completion,) = source.responses("x").completions
    assert completion.outcome is Outcome.TRUNCATED
    assert "DENIAL" not in json.dumps(completion.as_json())


def test_an_alpaca_eval_results_folder_is_read(tmp_path: Path) -> None:
    for name, tail in (("alpha", "one"), ("beta", "")):
        (tmp_path / "results" / name).mkdir(parents=True)
        rows = [{"instruction": f"Ask {i}", "output": tail and f"{tail} {i}", "dataset": "d"} for i in range(3)]
        (tmp_path / "results" / name / "model_outputs.json").write_text(json.dumps([*rows, rows[0]]))
    source = open_corpus(tmp_path / "results")
    assert source.models == ("alpha", "beta")
    assert len(source.prompts) == 3
    assert {c.outcome for c in source.responses("beta").completions} == {Outcome.EMPTY}
    (tmp_path / "results" / "beta" / "model_outputs.json").write_text('[{"instruction": "Ask"}]')
    with pytest.raises(CorpusError, match=r"beta/model_outputs\.json, row 1: the field 'output' is missing"):
        source.responses("beta")


@pytest.mark.parametrize(
    "row",
    [
        '{"prompt_id": "p", "response": "x", "next_tokens": [{"chars": 1, "top": [["a", NaN]]}]}',
        '{"prompt_id": "p", "response": "x", "next_tokens": [{"chars": 1e400, "top": []}]}',
        '{"prompt_id": "p", "response": "x", "prompt_tokens": 1152921504606846976}',
        '{"prompt_id": "p", "response": "x", "completion_tokens": "many"}',
        '{"prompt_id": "p", "response": "x", "finish": NaN}',
        '{"prompt_id": "p", "response": "x", "tokenizer": null}',
        '{"prompt_id": "p", "response": "x", "sample": true}',
        '{"prompt_id": "p\\u0000", "response": "x"}',
        '{"prompt_id": "p", "response": "x", "sample": ' + "1" * 5000 + "}",
    ],
)
def test_a_value_that_could_not_be_hashed_or_stored_is_an_error_that_names_the_row(tmp_path: Path, row: str) -> None:
    (tmp_path / "m.jsonl").write_text(row + "\n")
    with pytest.raises(CorpusError, match=r"m\.jsonl, line 1: "):
        read_responses(tmp_path / "m.jsonl", known=None)


def test_a_lone_surrogate_is_mended_so_that_the_set_can_be_hashed(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"prompt_id": "p", "response": "a\\ud800b"}\n')
    responses = read_responses(tmp_path / "m.jsonl", known=None)
    assert responses.completions[0].text == "a\ufffdb"
    assert len(responses.content_hash) == 64


def test_one_model_in_two_files_is_refused_rather_than_dropped(corpus: Path) -> None:
    (corpus / "responses" / "m01.jsonl").write_text('{"prompt_id": "p000", "response": "other"}\n')
    with pytest.raises(CorpusError, match=r"the same model twice; remove m01\.jsonl or m01\.jsonl\.gz"):
        read(corpus)


def test_bad_arguments_and_places_end_in_a_sentence_and_status_2(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(corpus), "--out", str(tmp_path / "none" / "pairs.csv")]) == 2
    assert "No such file or directory" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["compare", str(corpus), "--out", str(tmp_path / "p.csv"), "--jobs", "0"])
    assert "must be at least 1" in capsys.readouterr().err
    (corpus / "lineage.csv").write_text("developer\nx\n")
    (corpus / "pairs.csv").write_text("model_a,model_b\n")
    assert main(["validate", str(corpus)]) == 2
    assert "lineage.csv: lacks the columns" in capsys.readouterr().err


def test_a_fingerprint_cut_to_nothing_by_a_crash_is_made_again(tmp_path: Path) -> None:
    cache = FingerprintCache(tmp_path)
    made = {"a": np.arange(3)}
    cache.get({"k": 1}, lambda: made)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"")
    assert np.array_equal(cache.get({"k": 1}, lambda: made)["a"], made["a"])
