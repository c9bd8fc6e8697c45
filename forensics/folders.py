"""What a weights folder holds, told from its headers; unsafe folders are refused before anything in them runs."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.errors import UnsafeWeights
from forensics.provenance import canonical_json, sha256_file

PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
LONGEST_HEADER = 100 << 20
HELP = "Nothing was executed. Give a Hugging Face folder with config.json, tokenizer.json and *.safetensors."
BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16}
BITS |= {"BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64}
"""Bits of one number, by the dtypes of safetensors that this version knows."""
READABLE = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a tensor lies: `size` bytes from `start` of `file`."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A weights folder that passed every check. `tensors` is by name."""

    path: Path
    config: dict[str, Any]
    files: tuple[Path, ...]
    tensors: dict[str, Stored]

    @property
    def parameters(self) -> int:
        """Numbers stored in all tensors."""
        return sum(math.prod(stored.shape) for stored in self.tensors.values())

    def tensor(self, name: str, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """One tensor as float32, or chosen rows of it, with nothing else read.

        Raises UnsafeWeights where it is stored in a dtype that is not read here, or holds a number that is not finite.
        """
        stored = self.tensors[name]
        if stored.dtype not in READABLE:
            raise _refuse(stored.file, f"stores {name} as {stored.dtype}, which is not read here")
        kind = READABLE[stored.dtype]
        held = np.memmap(stored.file, dtype=kind, mode="r", offset=stored.start, shape=stored.shape)
        part = np.asarray(held if rows is None else held[rows])
        if stored.dtype == "BF16":
            part = (part.astype(np.uint32) << 16).view(np.float32)
        made = part.astype(np.float32)
        if not np.isfinite(made).all():
            raise _refuse(stored.file, f"holds a number in {name} that is not finite")
        return made

    @property
    def dtype(self) -> str:
        """The dtypes stored, most numbers first, as in 'F16' or 'BF16, F32'."""
        held: dict[str, int] = {}
        for stored in self.tensors.values():
            held[stored.dtype] = held.get(stored.dtype, 0) + math.prod(stored.shape)
        return ", ".join(sorted(held, key=lambda name: (-held[name], name)))

    @property
    def architecture(self) -> str:
        """The first architecture that config.json names, else its model type."""
        named = self.config.get("architectures") or [self.config.get("model_type", "")]
        return str(named[0])

    def weights_hash(self) -> str:
        """Hex SHA-256 of the one weights file, or of the canonical list of (name, SHA-256) of several."""
        hashes = {path.name: sha256_file(path) for path in self.files}
        if len(hashes) == 1:
            return next(iter(hashes.values()))
        return hashlib.sha256(canonical_json(hashes)).hexdigest()


def _refuse(path: Path, why: str) -> UnsafeWeights:
    return UnsafeWeights(f"{why}. {HELP}", where=str(path))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise _refuse(path, f"cannot be read as JSON ({problem})") from problem
    if not isinstance(plain, dict):
        raise _refuse(path, "is not a JSON object")
    return plain


def read_header(path: Path) -> dict[str, Stored]:
    """The tensors of a safetensors file by name; raises UnsafeWeights where header, shapes and size disagree."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        first = handle.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
        if not 0 < length <= min(LONGEST_HEADER, size - 8):
            raise _refuse(path, "is truncated or no safetensors file (its header does not fit)")
        try:
            header = json.loads(handle.read(length))
            header.pop("__metadata__", None)
            tensors = {name: _stored(path, row, 8 + length) for name, row in header.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise _refuse(path, f"has no safetensors header ({problem!r})") from problem
    for name, stored in tensors.items():
        bits = BITS.get(stored.dtype)
        if bits is not None and stored.size * 8 != bits * math.prod(stored.shape):
            raise _refuse(path, f"gives {name} {stored.size} bytes, which do not hold its shape {list(stored.shape)}")
    end = max((stored.start + stored.size for stored in tensors.values()), default=8 + length)
    if end != size:
        raise _refuse(path, f"is truncated: its header promises {end} bytes, the file has {size}")
    return tensors


def _stored(path: Path, row: dict[str, Any], data: int) -> Stored:
    first, last = (int(offset) for offset in row["data_offsets"])
    shape = tuple(int(side) for side in row["shape"])
    if not 0 <= first <= last or min(shape, default=0) < 0:
        raise ValueError(f"impossible offsets or shape: {row}")
    return Stored(path, str(row["dtype"]), shape, data + first, last - first)


def _weights_files(path: Path) -> tuple[Path, ...]:
    files = tuple(sorted(path.glob("*.safetensors")))
    index = path / "model.safetensors.index.json"
    if index.is_file():
        promised = {path / name for name in _read_json(index).get("weight_map", {}).values()}
        if missing := sorted(promised - set(files)):
            raise _refuse(missing[0], "is missing though model.safetensors.index.json names it")
    elif len(files) == 1 and files[0].name != "model.safetensors":
        raise _refuse(files[0], "is not named model.safetensors, so nothing would load it")
    elif len(files) > 1:
        raise _refuse(index, "is missing though the folder holds several safetensors files")
    return files


def inspect_folder(location: str | Path) -> Folder:
    """A weights folder's checked contents; raises UnsafeWeights naming the file at fault. Imports no model library."""
    path = Path(location)
    try:
        return _inspected(path)
    except OSError as problem:
        raise UnsafeWeights(f"cannot be read: {problem.strerror}. {HELP}", where=str(path)[:200]) from problem


def _inspected(path: Path) -> Folder:
    if not path.is_dir():
        raise _refuse(path, "is not a folder" if path.exists() else "does not exist")
    files = _weights_files(path)
    pickled = sorted(p for p in path.iterdir() if p.suffix in PICKLED and p.name != "training_args.bin")
    if not files and pickled:
        raise _refuse(pickled[0], "holds pickled weights, which can run code when loaded, and there is no safetensors")
    if not files:
        raise _refuse(path / "model.safetensors", "is missing")
    if not (path / "config.json").is_file():
        raise _refuse(path / "config.json", "is missing")
    config = _read_json(path / "config.json")
    _refuse_remote_code(path / "config.json", config)
    if not (path / "tokenizer.json").is_file():
        raise _refuse(path / "tokenizer.json", "is missing: without a tokenizer no prompt can be put")
    settings = path / "tokenizer_config.json"
    if settings.is_file():
        _refuse_remote_code(settings, _read_json(settings))
    tensors: dict[str, Stored] = {}
    for file in files:
        tensors |= read_header(file)
    return Folder(path, config, files, tensors)


def _refuse_remote_code(path: Path, plain: dict[str, Any]) -> None:
    if "auto_map" in plain:
        raise _refuse(path, "asks for code of its own (auto_map), which is never run here")


def open_model(folder: Folder) -> tuple[Any, Any]:
    """The transformers model of a checked folder, ready to run where torch runs best, and its tokenizer.

    No code of the folder is run, and nothing is fetched. Raises what transformers raises where it cannot load it.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # a worker's log is no terminal
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        # One process serves one model: more threads only fight with the other workers of the machine.
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    safe = {"trust_remote_code": False, "local_files_only": True}
    kind: Any = "auto" if device == "cuda" else torch.float32
    model: Any = AutoModelForCausalLM.from_pretrained(folder.path, use_safetensors=True, dtype=kind, **safe)
    return model.to(device).eval(), AutoTokenizer.from_pretrained(folder.path, **safe)


def vocabulary(path: Path) -> dict[str, int]:
    """Token to id of a tokenizer.json, added tokens included; raises UnsafeWeights where it holds none."""
    plain = _read_json(path)
    told = (plain.get("model") or {}).get("vocab")
    if isinstance(told, list):  # Unigram keeps (token, score) in id order
        pairs = {str(row[0]): place for place, row in enumerate(told)}
    elif isinstance(told, dict):
        pairs = dict(told)
    else:
        raise _refuse(path, "holds no vocabulary")
    return pairs | {row["content"]: row["id"] for row in plain.get("added_tokens") or ()}


def tokenizer_hash(path: Path) -> str:
    """Hex SHA-256 of a tokenizer.json's vocabulary: the canonical sorted list of (token, id), added tokens included."""
    return hashlib.sha256(canonical_json(sorted(vocabulary(path).items()))).hexdigest()
