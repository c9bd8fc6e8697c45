"""How two weights folders differ in what stands beside the weights: settings and vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forensics.folders import Folder, tokenizer_hash, vocabulary

PASSING = frozenset({"_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache", "architectures"})
"""Settings that say how a folder was saved, and nothing of the model; the architecture is told apart."""


@dataclass(frozen=True, slots=True)
class TokenizerDifference:
    """Two vocabularies. identical: the same tokens with the same ids; shared, same_id: tokens that both hold, and
    those of them that have one id."""

    identical: bool
    sizes: tuple[int, int]
    shared: int
    same_id: int


def config_differences(one: Folder, other: Folder) -> list[tuple[str, Any, Any]]:
    """(setting, its value in each), by name, of settings that differ; None where one does not have it."""
    names = sorted((one.config.keys() | other.config.keys()) - PASSING)
    told = ((name, one.config.get(name), other.config.get(name)) for name in names)
    return [(name, a, b) for name, a, b in told if a != b]


def tokenizer_difference(one: Folder, other: Folder) -> TokenizerDifference:
    """How the two vocabularies differ; raises UnsafeWeights where a tokenizer.json holds none."""
    files = [folder.path / "tokenizer.json" for folder in (one, other)]
    first, second = (vocabulary(file) for file in files)
    return TokenizerDifference(
        tokenizer_hash(files[0]) == tokenizer_hash(files[1]),
        (len(first), len(second)),
        len(first.keys() & second.keys()),
        len(first.items() & second.items()),
    )
