"""Repeated samples of a population, prompt by prompt."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.features.blocks import Block, blocks
from forensics.provenance import sha256_json
from forensics.records import Prompt

LEAST_SAMPLES = 2
Tables = Sequence[Mapping[str, NDArray[Any]]]


@dataclass(frozen=True)
class Samples:
    """The repeated samples of one prompt, of the k models that have at least two.

    rows: (k,) models, in an order that their samples alone decide. counts: (k,) samples of each. tokens: (t,) uint64 of
    all sum(counts) samples, one after the other in that order. lengths: (sum(counts),) tokens of each. key: a number
    that the words of the prompt decide, and not its id.
    """

    rows: NDArray[np.int64]
    counts: NDArray[np.int64]
    tokens: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    key: int


def prompt_key(prompt: Prompt) -> int:
    """A 63-bit number of what is asked, whatever id it goes by."""
    plain = {name: value for name, value in prompt.as_json().items() if name != "prompt_id"}
    return int(sha256_json(plain)[:16], 16) >> 1


def repeated_samples(
    population: Tables, prompts: Mapping[str, Prompt], *, most_samples: int, most_tokens: int
) -> Iterator[Samples]:
    """Every open prompt that at least two models answered twice: their first samples, and the first tokens of each."""
    often: Counter[str] = Counter()
    for table in population:
        if table["prompt"].size > table["prompt_ids"].size:
            often.update(table["prompt_ids"][np.bincount(table["prompt"]) >= LEAST_SAMPLES].tolist())
    chosen = {
        prompt_id: prompts[prompt_id] for prompt_id, models in often.items() if models > 1 and prompt_id in prompts
    }
    if chosen:
        for block in blocks(population, chosen, least_models=2):
            yield _samples(block, prompt_key(prompts[block.prompt_id]), most_samples, most_tokens)


def _samples(block: Block, key: int, most_samples: int, most_tokens: int) -> Samples:
    counts = np.bincount(block.row_of_segment, minlength=block.rows.size)
    lengths = np.bincount(block.segment, minlength=block.row_of_segment.size)
    first, ends = np.cumsum(counts) - counts, np.cumsum(lengths)
    held: list[tuple[bytes, int, list[NDArray[np.uint64]]]] = []
    for row in np.flatnonzero(counts >= LEAST_SAMPLES).tolist():
        spans = range(first[row], first[row] + min(int(counts[row]), most_samples))
        texts = [block.tokens[ends[s] - lengths[s] : ends[s]][:most_tokens] for s in spans]
        digest = hashlib.blake2b(b"".join(np.int64(t.size).tobytes() + t.tobytes() for t in texts)).digest()
        held.append((digest, row, texts))
    held.sort(key=lambda item: item[0])
    texts = [text for _, _, group in held for text in group]
    return Samples(
        block.rows[[row for _, row, _ in held]],
        np.array([len(group) for _, _, group in held], dtype=np.int64),
        np.concatenate(texts),
        np.array([text.size for text in texts], dtype=np.int64),
        key,
    )
