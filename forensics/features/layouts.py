"""Where the tensors of a transformer's blocks lie in a weights folder, for the architectures that are read here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.errors import UnsafeWeights
from forensics.folders import Folder

Matrix = NDArray[np.float32]
Cut = Callable[[Matrix, Mapping[str, Any]], Matrix]
BLOCK = re.compile(r"^(?P<stem>(?:.*\.)?(?:layers|h)\.)(?P<number>\d+)\.")
EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "embed_in.weight")
KNOWN = "llama and its kin (Mistral, Qwen, Gemma), phi3, gpt2, gpt_neox"


def _whole(matrix: Matrix, _: Mapping[str, Any]) -> Matrix:
    return matrix


def _turned(matrix: Matrix, _: Mapping[str, Any]) -> Matrix:
    return matrix.T


def _half(number: int) -> Cut:
    return lambda matrix, _: np.split(matrix, 2)[number]


def _third(number: int) -> Cut:
    return lambda matrix, _: np.split(matrix.T, 3)[number]


def _stacked(number: int) -> Cut:
    """Query, key and value heads one below the other, as many of each as config.json says."""

    def cut(matrix: Matrix, config: Mapping[str, Any]) -> Matrix:
        heads, groups = int(config["num_attention_heads"]), int(config["num_key_value_heads"])
        size = len(matrix) // (heads + 2 * groups)
        return np.split(matrix, [heads * size, (heads + groups) * size])[number]

    return cut


def _by_head(number: int) -> Cut:
    """Query, key and value of each head in turn."""

    def cut(matrix: Matrix, config: Mapping[str, Any]) -> Matrix:
        heads = int(config["num_attention_heads"])
        parts = matrix.reshape(heads, 3, len(matrix) // heads // 3, -1)
        return parts[:, number].reshape(-1, matrix.shape[1])

    return cut


def _attention(number: int, name: str) -> tuple[tuple[str, Cut], ...]:
    return (
        (f"self_attn.{name}_proj", _whole),
        ("self_attn.qkv_proj", _stacked(number)),
        ("attn.c_attn", _third(number)),
        ("attention.query_key_value", _by_head(number)),
    )


ROLES: Mapping[str, tuple[tuple[str, Cut], ...]] = {
    "gate": (("mlp.gate_proj", _whole), ("mlp.gate_up_proj", _half(0))),
    "up": (("mlp.up_proj", _whole), ("mlp.gate_up_proj", _half(1))),
    "plain": (("mlp.c_fc", _turned), ("mlp.dense_h_to_4h", _whole)),
    "query": _attention(0, "q"),
    "key": _attention(1, "k"),
    "value": _attention(2, "v"),
}
"""What a matrix does in its block -> the names that it has, and how it is cut out as (outputs, inputs)."""
ATTENTION_NORMS = ("input_layernorm", "ln_1")
FORWARD_NORMS = ("pre_feedforward_layernorm", "post_attention_layernorm", "ln_2")


@dataclass(frozen=True)
class Blocks:
    """The blocks of a folder: tensor names begin with `stem` and the block's number. gated: its feed-forward part."""

    folder: Folder
    stem: str
    numbers: tuple[int, ...]
    embedding: str
    gated: bool

    def matrix(self, number: int, role: str) -> Matrix:
        """The matrix (outputs, inputs) of one block that has this role."""
        found = self._found(number, role)
        if found is None:
            raise UnsafeWeights(f"block {number} has no {role} weights", where=str(self.folder.path))
        name, cut = found
        try:
            return cut(self.folder.tensor(name), self.folder.config)
        except (KeyError, ValueError, IndexError) as problem:
            why = f"{name} has not the shape that config.json promises ({problem})"
            raise UnsafeWeights(why, where=str(self.folder.tensors[name].file)) from problem

    def _found(self, number: int, role: str) -> tuple[str, Cut] | None:
        names = ((f"{self.stem}{number}.{name}.weight", cut) for name, cut in ROLES[role])
        return next(((name, cut) for name, cut in names if name in self.folder.tensors), None)

    def has(self, role: str) -> bool:
        """Whether every block has such a matrix."""
        return all(self._found(number, role) for number in self.numbers)

    def seen_through(self, inputs: Matrix, number: int, norms: tuple[str, ...]) -> Matrix:
        """Inputs (n, width) as that block's norm gives them on: to unit size, times its gain.

        A norm that stands behind its part, as in OLMo 2, changes nothing of what the part reads.
        """
        before = f"{self.stem}{number}."
        if norms is FORWARD_NORMS and not any(f"{before}{n}.weight" in self.folder.tensors for n in ATTENTION_NORMS):
            return inputs
        name = next((before + n for n in norms if f"{before}{n}.weight" in self.folder.tensors), "")
        if not name:
            return inputs
        if f"{name}.bias" in self.folder.tensors:
            inputs = inputs - inputs.mean(axis=1, keepdims=True)
        size = np.sqrt((inputs.astype(np.float64) ** 2).mean(axis=1, keepdims=True))
        gain = self.folder.tensor(f"{name}.weight").astype(np.float64)
        if str(self.folder.config.get("model_type", "")).startswith("gemma"):
            gain = gain + 1.0
        return (inputs / np.where(size > 0, size, 1) * gain).astype(np.float32)


def blocks(folder: Folder) -> Blocks | str:
    """The blocks of a folder, or why they are not read here. Where there are several towers, that with most tensors."""
    stems: dict[str, list[int]] = {}
    for name in folder.tensors:
        if found := BLOCK.match(name):
            stems.setdefault(found["stem"], []).append(int(found["number"]))
    for stem in sorted(stems, key=lambda one: (-len(stems[one]), one)):
        numbers = tuple(sorted(set(stems[stem])))
        root = stem.removesuffix("layers.").removesuffix("h.")
        embedding = next((root + name for name in EMBEDDINGS if root + name in folder.tensors), "")
        made = [Blocks(folder, stem, numbers, embedding, gated) for gated in (True, False)]
        for one in made:
            roles = ("gate", "up") if one.gated else ("plain",)
            if embedding and all(one.has(role) for role in (*roles, "query", "key", "value")):
                return one
    return f"the tensors of {folder.architecture} are not laid out as in {KNOWN}"
