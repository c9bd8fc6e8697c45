"""Models that repeat another's replies, or their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from forensics.features.population import once

LEAST_PROMPTS = 5
MOST = 0.5
MIX = np.uint64(0x9E3779B97F4A7C15)
Tables = Sequence[Mapping[str, NDArray[Any]]]


def reply_hashes(table: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
    """(p,) one hash for the first completion of each prompt; order of words counts, equal words give equal hashes."""
    first = np.searchsorted(table["prompt"], np.arange(table["prompt_ids"].size))
    start, end = table["offsets"][first], table["offsets"][first + 1]
    length = end - start
    begin = np.cumsum(length) - length
    place = np.arange(int(length.sum())) - np.repeat(begin, length)
    mixed = (table["tokens"][np.repeat(start, length) + place] ^ (place.astype(np.uint64) * MIX)) * MIX
    mixed ^= mixed >> np.uint64(31)
    hashes = length.astype(np.uint64)
    told = length > 0
    if told.any():
        hashes[told] ^= np.bitwise_xor.reduceat(mixed, begin[told])
    return np.asarray(hashes)


@once
def constant_models(population: Tables) -> NDArray[np.bool_]:
    """(m,) whether a model gives one and the same reply to more than half of its prompts (at least 5).

    Such a model says nothing of itself in what it says, and is compared with none.
    """
    flags = np.zeros(len(population), dtype=bool)
    for i, table in enumerate(population):
        hashes = reply_hashes(table)
        if hashes.size >= LEAST_PROMPTS:
            _, counts = np.unique(hashes, return_counts=True)
            flags[i] = counts.max() > MOST * hashes.size
    return flags


@once
def copy_weights(population: Tables) -> NDArray[np.float64]:
    """(m,) weights of the models: 1, or 1/k for each of k that reply word for word alike on most common prompts.

    Copies of one model are one witness: they neither make its phrases common nor fill a cohort.
    """
    ids = sorted({p for table in population for p in table["prompt_ids"].tolist()})
    place = {prompt_id: i for i, prompt_id in enumerate(ids)}
    m = len(population)
    replies = np.zeros((m, len(ids)), dtype=np.uint64)
    seen = np.zeros((m, len(ids)), dtype=bool)
    for i, table in enumerate(population):
        columns = [place[p] for p in table["prompt_ids"].tolist()]
        replies[i, columns], seen[i, columns] = reply_hashes(table), True
    alike = np.zeros((m, m), dtype=bool)
    for i in range(m):
        both = seen[i] & seen
        common = both.sum(axis=1)
        equal = ((replies[i] == replies) & both).sum(axis=1)
        alike[i] = (common >= LEAST_PROMPTS) & (equal > MOST * common)
    _, group = connected_components(csr_matrix(alike), directed=False)
    return np.asarray(1.0 / np.bincount(group)[group])
