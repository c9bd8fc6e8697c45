"""Recordings of other tools: what they say is read, what is wrong is named by file and row, and bombs do not go off."""

from __future__ import annotations

import copy
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard

from forensics.corpora import _archive, _rows, open_corpus
from forensics.errors import BadInput, CorpusError
from forensics.records import Outcome, ResponseSet

DATA = Path(__file__).resolve().parents[1] / "data" / "foreign"
LOG: dict[str, Any] = json.loads((DATA / "inspect_log.json").read_text(encoding="utf-8"))
RESULTS: dict[str, Any] = json.loads((DATA / "promptfoo_results.json").read_text(encoding="utf-8"))


def eval_log(path: Path, log: dict[str, Any], method: int = _archive.ZSTANDARD, header: str = "header.json") -> Path:
    """The log as an .eval file, laid out as inspect lays it out; it packs with Zstandard unless told otherwise."""
    told = {header: {key: value for key, value in log.items() if key != "samples"}}
    told |= {f"samples/{s['id']}_epoch_{s['epoch']}.json": s for s in log["samples"]}
    return archive(path, {name: json.dumps(value).encode() for name, value in told.items()}, method)


def archive(path: Path, files: dict[str, bytes], method: int) -> Path:
    """A zip file whose members are packed in one way, also in those that Python itself does not write."""
    packed = {name: _packed(raw, method) for name, raw in files.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        for name, raw in packed.items():
            out.writestr(name, raw)
    data, start = bytearray(path.read_bytes()), 0
    for name, raw in files.items():
        for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            skip = 30 if at == 8 else 46
            place = data.index(mark, start if at == 8 else data.index(b"PK\x01\x02"))
            while data[place + skip : place + skip + len(name)] != name.encode():
                place = data.index(mark, place + 1)
            struct.pack_into("<H", data, place + at, method)
            struct.pack_into("<L", data, place + at + 6, zlib.crc32(raw))
            struct.pack_into("<L", data, place + at + 14, len(raw))
    path.write_bytes(bytes(data))
    return path


def _packed(raw: bytes, method: int) -> bytes:
    if method == _archive.ZSTANDARD:
        return zstandard.ZstdCompressor().compress(raw)
    if method == _archive.DEFLATED:
        packer = zlib.compressobj(wbits=-15)
        return packer.compress(raw) + packer.flush()
    return raw


def read(path: Path) -> dict[str, ResponseSet]:
    """Every model's response set."""
    corpus = open_corpus(path)
    assert {p for m in corpus.models for p in corpus.responses(m).by_prompt} <= corpus.prompts.keys()
    return {model: corpus.responses(model) for model in corpus.models}


def texts(responses: ResponseSet) -> list[tuple[str, int, Outcome, str]]:
    """What tells two response sets apart."""
    return [(c.prompt_id, c.sample, c.outcome, c.text) for c in responses.completions]


def test_a_log_of_inspect_is_read_sample_by_sample() -> None:
    corpus = open_corpus(DATA / "inspect_log.json")
    ids = {p.messages[-1].content[:9]: i for i, p in corpus.prompts.items()}
    assert [m.role for m in corpus.prompts[ids["Name a fr"]].messages] == ["system", "user"]
    found = {(c.prompt_id, c.sample): c for c in corpus.responses("mockllm/model").completions}
    told = {
        ("Name a fr", 0): (Outcome.COMPLETED, "A fig.", "stop"),
        ("Name a fr", 1): (Outcome.COMPLETED, "A plum.", "stop"),
        ("Tell a st", 0): (Outcome.TRUNCATED, "A long", "max_tokens"),
        ("What is 3", 0): (Outcome.COMPLETED, "Nine.", "stop"),
        ("Something", 0): (Outcome.FILTERED, "", "content_filter"),
    }
    for (begins, sample), expected in told.items():
        kept = found[ids[begins], sample]
        assert (kept.outcome, kept.text, kept.finish_reason) == expected
        assert kept.prompt_tokens == 5
    assert len(found) == 8


@pytest.mark.parametrize("method", [_archive.ZSTANDARD, _archive.DEFLATED, _archive.STORED])
def test_an_eval_file_says_what_the_json_log_says(tmp_path: Path, method: int) -> None:
    plain = read(DATA / "inspect_log.json")["mockllm/model"]
    file = eval_log(tmp_path / "a.eval", LOG, method)
    assert texts(read(file)["mockllm/model"]) == texts(plain)
    assert texts(read(tmp_path)["mockllm/model"]) == texts(plain), "a folder of them is read as well"
    interrupted = eval_log(tmp_path / "b.eval", LOG, method, header="_journal/start.json")
    assert texts(read(interrupted)["mockllm/model"]) == texts(plain)


def test_attachments_failures_and_distributions_of_a_log_are_read(tmp_path: Path) -> None:
    log = copy.deepcopy(LOG)
    first, second, third = log["samples"][:3]
    first["messages"][-2]["content"] = "attachment://abc"
    first["attachments"] = {"abc": "A long question?"}
    top = [{"token": "N", "logprob": -0.5}, {"token": "T", "logprob": float("-inf")}]
    first["output"]["choices"][0]["logprobs"] = {"content": [{"token": "N", "logprob": -0.5, "top_logprobs": top}]}
    second["output"]["choices"], second["error"] = [], {"message": "no server"}
    third["output"]["choices"] *= 2
    (tmp_path / "log.json").write_text(json.dumps(log), encoding="utf-8")
    corpus = open_corpus(tmp_path / "log.json")
    (asked,) = [i for i, p in corpus.prompts.items() if p.text == "A long question?"]
    found = corpus.responses("mockllm/model").completions
    (answered,) = [c for c in found if c.prompt_id == asked]
    assert [(n.chars, n.top) for n in answered.next_tokens] == [(16, (("N", -0.5),))]
    assert [c.outcome for c in found].count(Outcome.FAILED) == 1
    assert len(found) == 9


def with_tools(log: dict[str, Any]) -> None:
    """A sample that called a tool."""
    log["samples"][2]["messages"].insert(1, {"role": "tool", "content": "42"})


def with_image(log: dict[str, Any]) -> None:
    """A sample that shows a picture."""
    log["samples"][2]["messages"][1]["content"] = [{"type": "image", "image": "data:"}]


def without_output(log: dict[str, Any]) -> None:
    """A sample without its output."""
    del log["samples"][2]["output"]


def without_attachment(log: dict[str, Any]) -> None:
    """A sample whose attachment is gone."""
    log["samples"][2]["messages"][1]["content"] = "attachment://gone"


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (with_tools, "uses tools"),
        (with_image, "more than text: image"),
        (without_output, "KeyError\\('output'\\)"),
        (without_attachment, "KeyError\\('gone'\\)"),
        (lambda log: log["samples"].__setitem__(2, "text"), "not a sample"),
        (lambda log: log["samples"].__setitem__(2, {"epoch": 1, "input": [], "output": {}}), "not a sample"),
    ],
    ids=["tools", "image", "no output", "no attachment", "another type", "no message"],
)
def test_a_bad_sample_is_named(tmp_path: Path, damage: Any, why: str) -> None:
    log = copy.deepcopy(LOG)
    damage(log)
    (tmp_path / "log.json").write_text(json.dumps(log), encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"log\.json, sample 3: .*{why}"):
        read(tmp_path / "log.json")


def test_an_eval_file_that_is_damaged_or_a_bomb_is_refused_in_words(tmp_path: Path, monkeypatch: Any) -> None:
    good = eval_log(tmp_path / "good.eval", LOG).read_bytes()
    path = tmp_path / "bad.eval"
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(CorpusError, match=r"bad\.eval: not a readable zip"):
        read(path)
    place = good.index(b"\x28\xb5\x2f\xfd") + 20
    path.write_bytes(good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :])
    with pytest.raises(CorpusError, match=r"bad\.eval, .*\.json: (cannot be unpacked|does not match)"):
        read(path)
    for method in (_archive.ZSTANDARD, _archive.DEFLATED, _archive.STORED):
        bomb = archive(path, {"header.json": b"{}", "samples/a_epoch_1.json": bytes(70 << 20)}, method)
        assert method == _archive.STORED or bomb.stat().st_size < 1 << 20
        with pytest.raises(CorpusError, match=r"samples/a_epoch_1\.json: unpacks to more than is read"):
            read(bomb)
    with pytest.raises(CorpusError, match="method 14"):
        read(archive(path, {"header.json": b"{}"}, 14))
    monkeypatch.setattr(_archive, "MOST_MEMBERS", 3)
    with pytest.raises(CorpusError, match="more than 3 files"):
        read(tmp_path / "good.eval")


def test_results_of_promptfoo_are_read_with_their_repeats_and_failures() -> None:
    corpus = open_corpus(DATA / "promptfoo_results.json")
    assert corpus.models == ("echo one", "second")
    fruit = next(i for i, p in corpus.prompts.items() if p.text == "Name a fruit.")
    brief = next(i for i, p in corpus.prompts.items() if p.text == "What is a river?")
    assert [m.role for m in corpus.prompts[brief].messages] == ["system", "user"]
    echoed = [c for c in corpus.responses("echo one").completions if c.prompt_id == fruit]
    assert [(c.sample, c.text) for c in echoed] == [(0, "Name a fruit."), (1, "Name a fruit.")]
    second = corpus.responses("second").completions
    assert [c.outcome for c in second if c.prompt_id == brief] == [Outcome.FAILED, Outcome.FAILED]
    assert {c.prompt_tokens for c in second if c.outcome.has_text} == {3}
    assert [c.outcome for c in second].count(Outcome.TRUNCATED) == 2


def test_outputs_that_promptfoo_parsed_are_no_words_of_the_model(tmp_path: Path) -> None:
    results = copy.deepcopy(RESULTS)
    results["results"]["results"][0]["response"]["output"] = {"fruit": "fig"}
    (tmp_path / "r.json").write_text(json.dumps(results), encoding="utf-8")
    outcomes = [c.outcome for c in read(tmp_path / "r.json")["second"].completions]
    assert outcomes.count(Outcome.MALFORMED) == 1


def test_a_bad_result_of_promptfoo_is_named(tmp_path: Path) -> None:
    for damage in ({"prompt": None}, {"provider": 3}, {"prompt": {"raw": 3}}):
        results = copy.deepcopy(RESULTS)
        results["results"]["results"][4] |= damage
        (tmp_path / "r.json").write_text(json.dumps(results), encoding="utf-8")
        with pytest.raises(CorpusError, match=r"r\.json, result 5: not a result"):
            read(tmp_path / "r.json")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_whatever_divides_its_cells(tmp_path: Path, separator: str) -> None:
    lines = [["model", "prompt", "response", "finish"], ["b", "Hello?", '"Hi, you; there"', "stop"]]
    lines += [["a", '"Two\nlines?"', "Ye", "length"], ["a", "Hello?", "", ""], ["a", "Hello?", "Again", ""]]
    file = tmp_path / "said.csv"
    file.write_text("\ufeff" + "\n".join(separator.join(line) for line in lines) + "\n", encoding="utf-8")
    found = read(file)
    assert [c.text for c in found["b"].completions] == ["Hi, you; there"]
    outcomes = sorted((c.sample, c.outcome) for c in found["a"].completions)
    assert outcomes == [(0, Outcome.EMPTY), (0, Outcome.TRUNCATED), (1, Outcome.COMPLETED)]
    (tmp_path / "solo.csv").write_text("prompt,response\nHello?,Hi\n", encoding="utf-8")
    assert list(read(tmp_path / "solo.csv")) == ["solo"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("model,prompt,response\na,Hello?\n", r"said\.csv, row 2: has 2 cells where the header has 3"),
        ("model,prompt,response\na,b,c\na,b,c,d\n", r"said\.csv, row 3: has 4 cells"),
        ("model,prompt,response\na, ,c\n", r"row 2: the prompt is empty"),
        ("model,prompt,response\n ,b,c\n", r"row 2: names no model"),
        ('model,prompt,response\na,b,"c\n', r"after row 1: not CSV"),
        ("model,prompt,response\n", r"said\.csv: holds no reply"),
    ],
)
def test_a_bad_row_of_a_table_is_named(tmp_path: Path, body: str, why: str) -> None:
    (tmp_path / "said.csv").write_text(body, encoding="utf-8")
    with pytest.raises(CorpusError, match=why):
        read(tmp_path / "said.csv")


def test_a_table_in_another_encoding_or_without_end_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "said.csv"
    file.write_bytes("prompt,response\nGrüße?,Ja\n".encode("latin-1"))
    with pytest.raises(CorpusError, match="not UTF-8 at byte"):
        read(file)
    file.write_text("prompt,response\n" + "a,b\n" * 50, encoding="utf-8")
    monkeypatch.setattr(_rows, "MOST_ROWS", 20)
    with pytest.raises(CorpusError, match=r"row 22: holds more than 20 rows"):
        read(file)
    monkeypatch.setattr(_rows, "MOST_BYTES", 100)
    with pytest.raises(CorpusError, match="larger than"):
        read(file)


def test_one_file_of_alpaca_eval_is_read_under_its_generators_name(tmp_path: Path) -> None:
    rows = [{"instruction": "Hello?", "output": "Hi", "generator": "m-7b"}]
    file = tmp_path / "model_outputs.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    assert [c.text for c in read(file)["m-7b"].completions] == ["Hi"]
    file.write_text(json.dumps([*rows, rows[0] | {"generator": "other"}]), encoding="utf-8")
    with pytest.raises(CorpusError, match="several generators"):
        read(file)


@pytest.mark.parametrize("begins", ['{"results": ', '{"eval": {}, "status": ', '[{"instruction": '])
def test_json_nested_too_deeply_or_cut_is_refused_in_words(tmp_path: Path, begins: str) -> None:
    file = tmp_path / "deep.json"
    for rest, why in (("[" * 100_000, "nested too deeply|not JSON"), ("", "not JSON")):
        file.write_text(begins + rest, encoding="utf-8")
        with pytest.raises(BadInput, match=why):
            read(file)
