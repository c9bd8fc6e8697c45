"""What a few models share with every other, prompt by prompt: the ground of direction, alternatives and mixtures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.channels.agreement import LEAST_MODELS, ORDERS
from forensics.features.blocks import Block, blocks
from forensics.features.copies import copy_weights
from forensics.lineage.content import content_hash
from forensics.records import Prompt
from forensics.stats.ngrams import gram_hashes
from forensics.stats.overlap import SMOOTHING, rare_limit

# In a small population too, a phrase of two models and a third that explains them must count.
LEAST_LIMIT = 4.0
SLOTS = np.uint64(1 << 17)
Table = Mapping[str, NDArray[Any]]
Cube = NDArray[np.float32]


@dataclass(frozen=True)
class Sharing:
    """Rare phrases of f models in focus (the questioned one first) over p prompts (in order of their content) of a
    population of m.

    focus: (f,) places in the population. answered: (p, m). said: (p, m) all phrases of a reply. both:
    (p, f, m) weight of the rare phrases that a focus model and each other model share; its own place holds all of its
    rare phrases. three: (p, f, m) weight of those that the questioned model, the focus model and each model share.
    Zero where one of them did not answer.
    """

    focus: NDArray[np.int64]
    answered: NDArray[np.bool_]
    said: Cube
    both: Cube
    three: Cube

    def overlap(self) -> Cube:
        """(p, f, m) shared weight over what the two say at all; NaN where one did not answer."""
        scale = 1 / np.sqrt(self.said + SMOOTHING)
        told = self.answered[:, self.focus, None] & self.answered[:, None, :]
        return np.where(told, self.both * scale[:, self.focus, None] * scale[:, None, :], np.nan).astype(np.float32)


def sharing(population: Sequence[Table], prompts: Mapping[str, Prompt], focus: Sequence[int]) -> Sharing:
    """The sharing of the focus models (the questioned one first) with everybody, over token tables.

    A phrase is a 3- or 4-gram of tokens; it is rare where at least two and at most a tenth of those who answered say
    it (four, in a small population; copies of one model counting once), and weighs ln((k + 1) / df), as in the channel
    *agreement*.
    """
    return sharings(population, prompts, [focus])[0]


def sharings(
    population: Sequence[Table], prompts: Mapping[str, Prompt], foci: Sequence[Sequence[int]]
) -> list[Sharing]:
    """The sharing of several questioned models, each with its own focus, in one walk over the replies."""
    m, places = len(population), [np.asarray(focus, dtype=np.int64) for focus in foci]
    witness = copy_weights(population)
    found = [
        _prompt(block, places, m, witness)
        for block in sorted(
            blocks(population, prompts, least_models=LEAST_MODELS), key=lambda b: content_hash(prompts[b.prompt_id])
        )
    ]
    answered = np.array([row[0] for row in found], dtype=np.bool_).reshape(-1, m)
    said = np.array([row[1] for row in found], dtype=np.float32).reshape(-1, m)
    return [
        Sharing(
            place,
            answered,
            said,
            np.array([row[2][k][0] for row in found], dtype=np.float32).reshape(-1, place.size, m),
            np.array([row[2][k][1] for row in found], dtype=np.float32).reshape(-1, place.size, m),
        )
        for k, place in enumerate(places)
    ]


def _prompt(
    block: Block, foci: Sequence[NDArray[np.int64]], m: int, witness: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], Cube, list[tuple[Cube, Cube]]]:
    """One prompt's answered and said, and of each focus both and three."""
    column, row, said = _phrases_of(block, np.unique(np.concatenate(foci)))
    answered = np.zeros(m, dtype=np.bool_)
    answered[block.rows] = True
    total = np.zeros(m, dtype=np.float32)
    total[block.rows] = said
    share = witness[block.rows]
    k = float(share.sum())
    df = np.bincount(column, weights=share[row])
    rare: NDArray[Any] = (np.bincount(column) >= 2) & (df <= rare_limit(k, LEAST_LIMIT))
    kept = rare[column]
    held = np.zeros((m, int(rare.sum())), dtype=np.float32)
    held[block.rows[row[kept]], (np.cumsum(rare) - 1)[column[kept]]] = 1
    weight = np.log((k + 1) / np.maximum(df[rare], 1e-12)).astype(np.float32)
    return answered, total, [_shared(held, weight, focus) for focus in foci]


def _shared(held: Cube, weight: Cube, focus: NDArray[np.int64]) -> tuple[Cube, Cube]:
    """both (f, m) and three (f, m), from the phrases that somebody in focus says."""
    said = held[focus].any(axis=0)
    among = held[:, said]
    own: Cube = among[focus] * weight[said]
    return np.asarray(own @ among.T), np.asarray((own * among[focus[0]]) @ among.T)


def _phrases_of(
    block: Block, focus: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Who says each phrase that a focus model says, once each, as column and row numbers; and all phrases by row."""
    parts = [gram_hashes(block.tokens, block.segment, n) for n in ORDERS]
    hashes = np.concatenate([h for h, _ in parts])
    row = block.row_of_segment[np.concatenate([s for _, s in parts])]
    wanted = _once(hashes[np.isin(block.rows, focus)[row]])
    # A small table sets aside nearly all phrases of the others before the exact look-up.
    table = np.zeros(SLOTS, dtype=np.bool_)
    table[wanted % SLOTS] = True
    maybe = np.flatnonzero(table[hashes % SLOTS])
    column = np.minimum(np.searchsorted(wanted, hashes[maybe]), max(wanted.size - 1, 0))
    exact = wanted[column] == hashes[maybe] if wanted.size else np.zeros(0, dtype=np.bool_)
    pair = _once(column[exact] * block.rows.size + row[maybe[exact]])
    return pair // block.rows.size, pair % block.rows.size, np.bincount(row, minlength=block.rows.size)


def _once(values: NDArray[Any]) -> NDArray[Any]:
    """Sorted distinct values; a sort, which is faster here than a hash table."""
    ordered = np.sort(values)
    first = np.ones(ordered.size, dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]
