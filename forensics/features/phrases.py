"""Passages that two models share where few others do, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.features.blocks import Block, blocks
from forensics.features.spelling import Gram, stretch
from forensics.features.stock import STOCK_ORDER
from forensics.records import Prompt, ResponseSet
from forensics.stats.ngrams import cover, gram_hashes
from forensics.stats.overlap import overlap_scale, shared_by

Places = dict[Gram, list[int]]
MOST_PLACES = 8
"""Of an n-gram that a reply repeats over and over, the first places stand for all."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage of one prompt: completion and first token in the first model, tokens, and what it adds to the
    prompt's rare-phrase overlap. Each n-gram counts in the weightiest passage that holds it, once."""

    prompt_id: str
    completion: int
    start: int
    tokens: tuple[int, ...]
    overlap: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """A passage in words. overlap: its part of the sum of the pair's overlaps over all prompts. prompt_ids: where both
    say it. background: other models that say it there, of `models` that answered there."""

    text: str
    overlap: float
    prompt_ids: tuple[str, ...]
    background: int
    models: int


def passages(
    population: Sequence[Mapping[str, NDArray[Any]]],
    prompts: Mapping[str, Prompt],
    pair: tuple[int, int],
    witness: NDArray[np.float64],
    *,
    orders: Sequence[int],
    least_models: int,
    stock: NDArray[np.uint64],
) -> Iterator[Passage]:
    """Every passage of rare n-grams that the pair shares, prompt by prompt; `stock`, sorted hashes, does not count.

    Their `overlap` adds up to the pair's `rare_overlap` on the prompt.
    """
    for block in blocks(population, prompts, least_models=least_models):
        rows = [int(np.searchsorted(block.rows, model)) for model in pair]
        if all(r < block.rows.size and block.rows[r] == m for r, m in zip(rows, pair, strict=True)):
            yield from _of_block(block, (rows[0], rows[1]), witness[block.rows], orders, stock)


def _of_block(
    block: Block,
    rows: tuple[int, int],
    witness: NDArray[np.float64],
    orders: Sequence[int],
    stock: NDArray[np.uint64],
) -> Iterator[Passage]:
    weight: dict[Gram, float] = {}
    covered = cover(block.tokens, block.segment, stock, STOCK_ORDER)
    sizes = np.zeros(2)
    for order in orders:
        hashes, segment = gram_hashes(block.tokens, block.segment, order, covered)
        row = block.row_of_segment[segment]
        shared, weights, said = shared_by(rows, hashes, row, witness)
        sizes += said
        weight |= {(order, int(h)): float(w) for h, w in zip(shared, weights, strict=True) if w > 0}
    scale = overlap_scale(sizes)
    held = [_places(block, row, weight) for row in rows]
    runs = [run for a, b in _meeting(*held) for run in _runs(block, a, held[0][a], held[1][b])]
    runs.sort(key=lambda run: (-sum(weight[g] for g in run[3]), run[:3]))
    credited: set[Gram] = set()
    for completion, start, tokens, grams in runs:
        if new := grams - credited:
            credited |= new
            added = scale * sum(weight[g] for g in sorted(new))
            yield Passage(block.prompt_id, completion, start, tokens, added)


def _places(block: Block, row: int, weight: Mapping[Gram, float]) -> dict[int, Places]:
    """Completion of the row to its n-grams that have a weight, each with the tokens at which it begins."""
    held: dict[int, Places] = {}
    for segment in np.flatnonzero(block.row_of_segment == row).tolist():
        tokens = block.tokens[block.segment == segment]
        found = held.setdefault(segment, {})
        for order in sorted({order for order, _ in weight}):
            hashes, _ = gram_hashes(tokens, np.zeros(tokens.size, np.int64), order)
            for at, value in enumerate(hashes.tolist()):
                if (order, value) in weight and len(found.setdefault((order, value), [])) < MOST_PLACES:
                    found[order, value].append(at)
    return held


def _meeting(first: Mapping[int, Places], second: Mapping[int, Places]) -> list[tuple[int, int]]:
    """Pairs of completions that hold, between them, every shared n-gram: the first on each side that has it."""
    where: list[dict[Gram, int]] = [{}, {}]
    for held, side in zip((first, second), where, strict=True):
        for completion, places in held.items():
            for gram in places:
                side.setdefault(gram, completion)
    return sorted({(completion, where[1][gram]) for gram, completion in where[0].items()})


def _runs(
    block: Block, completion: int, first: Places, second: Places
) -> Iterator[tuple[int, int, tuple[int, ...], set[Gram]]]:
    """(completion of its row, start, tokens, n-grams) of the longest stretches of overlapping n-grams alike in both."""
    ways: dict[int, list[tuple[int, Gram]]] = {}
    for gram in first.keys() & second.keys():
        for at in first[gram]:
            for other in second[gram]:
                ways.setdefault(other - at, []).append((at, gram))
    tokens = block.tokens[block.segment == completion].tolist()
    sample = completion - int(np.searchsorted(block.row_of_segment, block.row_of_segment[completion]))
    for way in sorted(ways):
        start, end, grams = -1, -1, set[Gram]()
        for at, gram in sorted(ways[way]):
            if at >= end:
                if grams:
                    yield sample, start, tuple(tokens[start:end]), grams
                start, end, grams = at, at, set()
            end = max(end, at + gram[0])
            grams.add(gram)
        yield sample, start, tuple(tokens[start:end]), grams


def phrases(
    found: Sequence[Passage],
    population: Sequence[Mapping[str, NDArray[Any]]],
    prompts: Mapping[str, Prompt],
    pair: tuple[int, int],
    words: ResponseSet,
    *,
    top: int,
    least_models: int,
) -> tuple[Phrase, ...]:
    """The `top` passages that add most, the same words on several prompts taken together, most first.

    words: the responses of the first model of the pair, whose spelling is shown.
    """
    together: dict[tuple[int, ...], list[Passage]] = {}
    for passage in found:
        together.setdefault(passage.tokens, []).append(passage)
    most = sorted(together.values(), key=lambda group: (-sum(p.overlap for p in group), group[0].tokens))[:top]
    wanted = {p.prompt_id: prompts[p.prompt_id] for group in most for p in group}
    asked = {block.prompt_id: block for block in blocks(population, wanted, least_models=least_models)}
    return tuple(_phrase(group, asked, pair, words) for group in most)


def _phrase(group: Sequence[Passage], asked: Mapping[str, Block], pair: tuple[int, int], words: ResponseSet) -> Phrase:
    tokens = np.array(group[0].tokens, dtype=np.uint64)
    (wanted,), _ = gram_hashes(tokens, np.zeros(tokens.size, np.int64), tokens.size)
    sayers: set[int] = set()
    models: set[int] = set()
    prompt_ids = tuple(dict.fromkeys(p.prompt_id for p in group))
    for prompt_id in prompt_ids:
        block = asked[prompt_id]
        hashes, segment = gram_hashes(block.tokens, block.segment, tokens.size)
        sayers |= set(block.rows[block.row_of_segment[segment[hashes == wanted]]].tolist())
        models |= set(block.rows.tolist())
    first = group[0]
    text = stretch(words.by_prompt[first.prompt_id][first.completion].text, first.start, tokens.size)
    return Phrase(text, sum(p.overlap for p in group), prompt_ids, len(sayers - set(pair)), len(models - set(pair)))
