"""What the local adapter refuses, before anything in a folder can run."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forensics.errors import UnsafeWeights
from forensics.folders import inspect_folder, tokenizer_hash


def safetensors_bytes() -> bytes:
    header = json.dumps({"w": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}))
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"b": 1, "a": 0}}, "added_tokens": []}))
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes())
    return tmp_path


def pickled_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def remote_code(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "evil.Model"}}))


def remote_tokenizer(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": ["evil.T", None]}}))


def truncated(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(safetensors_bytes()[:-3])


def cut_in_the_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(safetensors_bytes()[:30])


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"architectures": [')


def missing_shard(folder: Path) -> None:
    index = {"weight_map": {"w": "model.safetensors", "v": "model-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def nothing_left(name: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        (folder / name).unlink()

    return remove


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (pickled_only, "pytorch_model.bin"),
        (remote_code, "config.json"),
        (remote_tokenizer, "tokenizer_config.json"),
        (truncated, "model.safetensors"),
        (cut_in_the_header, "model.safetensors"),
        (broken_config, "config.json"),
        (missing_shard, "model-00002.safetensors"),
        (nothing_left("config.json"), "config.json"),
        (nothing_left("tokenizer.json"), "tokenizer.json"),
        (nothing_left("model.safetensors"), "model.safetensors"),
    ],
)
def test_an_unsafe_or_broken_folder_is_refused_by_the_name_of_the_file(
    folder: Path, spoil: Callable[[Path], None], named: str
) -> None:
    spoil(folder)
    with pytest.raises(UnsafeWeights) as refusal:
        inspect_folder(folder)
    assert refusal.value.where == str(folder / named)
    assert "Nothing was executed" in str(refusal.value)


@pytest.mark.parametrize("name", ["absent", "config.json"])
def test_what_is_no_folder_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(UnsafeWeights, match=name):
        inspect_folder(folder / name)


def test_a_good_folder_tells_size_and_dtype_from_the_header(folder: Path) -> None:
    found = inspect_folder(folder)
    assert (found.parameters, found.dtype, found.architecture) == (6, "F16", "LlamaForCausalLM")
    assert len(found.weights_hash()) == 64


def test_the_tokenizer_hash_depends_on_the_vocabulary_and_not_on_its_order(folder: Path) -> None:
    before = tokenizer_hash(folder / "tokenizer.json")
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"a": 0, "b": 1}}}))
    assert tokenizer_hash(folder / "tokenizer.json") == before
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"a": 1, "b": 0}}}))
    assert tokenizer_hash(folder / "tokenizer.json") != before


def test_checking_a_folder_loads_no_model_library(folder: Path) -> None:
    script = (
        "import sys; from forensics.adapters import Target; from forensics.adapters.huggingface import PLUGIN;"
        f"told = PLUGIN.check(Target({str(folder)!r})); assert told['parameters'] == '6';"
        "assert not {'torch', 'transformers', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_folder_that_the_system_will_not_open_is_refused_in_words() -> None:
    with pytest.raises(UnsafeWeights, match="cannot be read: File name too long"):
        inspect_folder("x" * 900)
