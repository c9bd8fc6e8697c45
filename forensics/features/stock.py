"""Stock phrases: what a model says whatever it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.features.population import once
from forensics.stats.ngrams import among, gram_hashes

SHARE, LEAST = 0.25, 5
STOCK_ORDER = 3
Table = Mapping[str, NDArray[Any]]


@once
def stock_grams(population: Sequence[Table], order: int, *, names: bool = False) -> NDArray[np.uint64]:
    """Sorted hashes of the n-grams that some model says on more than a quarter of its prompts, and on at least 5.

    A persona's greeting or an assistant's closing line is on everybody's lips who was told to say it: shared on one
    prompt it is shared on all, and tells of a system prompt or a recipe, not of weights. names: n-grams of names alone.
    """
    found = [_of_model(table, order, names) for table in population]
    return np.unique(np.concatenate([*found, np.empty(0, np.uint64)]))


def _of_model(table: Table, order: int, names: bool) -> NDArray[np.uint64]:
    completion = np.repeat(np.arange(table["offsets"].size - 1), np.diff(table["offsets"]))
    tokens = table["tokens"]
    if names:
        tokens, completion = tokens[table["name"]], completion[table["name"]]
    enough = max(LEAST, int(SHARE * table["prompt_ids"].size) + 1)
    hashes, of = gram_hashes(tokens, completion, order)
    ordered = np.sort(hashes)
    # Only what is said often enough at all can be said on prompts enough.
    often = np.unique(ordered[enough - 1 :][ordered[enough - 1 :] == ordered[: max(ordered.size - enough + 1, 0)]])
    said = among(hashes, often)
    pairs = np.unique(np.stack([hashes[said], table["prompt"][of[said]].astype(np.uint64)]), axis=1)
    gram, prompts = np.unique(pairs[0], return_counts=True)
    return gram[prompts >= enough]
