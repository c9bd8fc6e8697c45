"""A population's token tables, seen prompt by prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.records import Message, Mode, Prompt


@dataclass(frozen=True)
class Block:
    """All completions of one prompt.

    rows: (k,) int64, the models that answered, ascending. tokens: (t,) uint64. segment: (t,) int64, the completion that
    each token belongs to. name: (t,) bool, tokens that may be names. row_of_segment: (s,) int64, the position in
    `rows` of each completion's model.
    """

    prompt_id: str
    rows: NDArray[np.int64]
    tokens: NDArray[np.uint64]
    segment: NDArray[np.int64]
    name: NDArray[np.bool_]
    row_of_segment: NDArray[np.int64]


CLOSED = frozenset({"one-word", "self-identification", "tokenizer-bands"})


def open_prompts(prompts: Mapping[str, Prompt]) -> frozenset[str]:
    """Ids of the chat prompts that ask for an answer in the model's own words, each wording once.

    Wording is compared on these alone: calibrations are fitted on such answers, a raw continuation or a single word is
    another kind of evidence, and what a model says of its own identity must never move a likelihood ratio. A prompt
    asked again under another id is no second witness.
    """
    first: dict[tuple[Message, ...], str] = {}
    for prompt_id in sorted(prompts):
        prompt = prompts[prompt_id]
        if prompt.mode is Mode.CHAT and prompt.family not in CLOSED:
            first.setdefault(prompt.messages, prompt_id)
    return frozenset(first.values())


def blocks(
    population: Sequence[Mapping[str, NDArray[Any]]], prompts: Mapping[str, Prompt], *, least_models: int
) -> Iterator[Block]:
    """One block for each open prompt that at least `least_models` answered, in sorted id order."""
    chosen = open_prompts(prompts)
    where: dict[str, list[tuple[int, int]]] = {}
    for model, table in enumerate(population):
        for index, prompt_id in enumerate(table["prompt_ids"].tolist()):
            where.setdefault(prompt_id, []).append((model, index))
    bounds = [np.searchsorted(t["prompt"], np.arange(t["prompt_ids"].size + 1)) for t in population]
    for prompt_id in sorted(where):
        if prompt_id in chosen and len(where[prompt_id]) >= least_models:
            yield _block(prompt_id, where[prompt_id], population, bounds)


def _block(
    prompt_id: str,
    answered: list[tuple[int, int]],
    population: Sequence[Mapping[str, NDArray[Any]]],
    bounds: list[NDArray[np.int64]],
) -> Block:
    pieces: list[NDArray[np.uint64]] = []
    names: list[NDArray[np.bool_]] = []
    owner: list[int] = []
    for position, (model, index) in enumerate(answered):
        table = population[model]
        for completion in range(bounds[model][index], bounds[model][index + 1]):
            span = slice(table["offsets"][completion], table["offsets"][completion + 1])
            pieces.append(table["tokens"][span])
            names.append(table["name"][span])
            owner.append(position)
    lengths = np.array([piece.size for piece in pieces], dtype=np.int64)
    return Block(
        prompt_id,
        np.array([model for model, _ in answered], dtype=np.int64),
        np.concatenate(pieces),
        np.repeat(np.arange(lengths.size), lengths),
        np.concatenate(names),
        np.array(owner, dtype=np.int64),
    )
