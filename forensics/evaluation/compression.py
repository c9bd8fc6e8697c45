"""The naive peer of every channel: how much better two models' replies compress together than apart."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation.cohort import cohort_normalise
from forensics.features.text import visible_text
from forensics.records import ResponseSet

BUDGET = 500_000
"""Compressions of two replies: about half a minute."""
LEAST_PROMPTS = 5
CHARACTERS = 1000


def affordable(models: int, *, budget: int = BUDGET) -> int:
    """How many prompts the budget allows for a population of that many models, at least 5."""
    return max(LEAST_PROMPTS, budget // max(1, models * (models - 1) // 2))


def replies(responses: ResponseSet, wanted: Sequence[str]) -> list[bytes]:
    """The first reply to each wanted prompt as UTF-8, thinking left out, cut at 1,000 characters; b'' where none is."""
    groups = responses.by_prompt
    texts = [visible_text(groups[i][0].text)[:CHARACTERS] if i in groups else "" for i in wanted]
    return [text.encode("utf-8", errors="replace") for text in texts]


def zlib_similarity(texts: Sequence[Sequence[bytes]]) -> NDArray[np.float64]:
    """(m, m) minus the mean normalised compression distance over common prompts, cohort-normalised like the scores.

    texts[model][prompt], b'' where there is no reply. NaN with fewer than 5 common prompts and on the diagonal. Source:
    Cilibrasi & Vitanyi 2005, with zlib at level 1.
    """
    m = len(texts)
    total, count = np.zeros((m, m)), np.zeros((m, m))
    for column in zip(*texts, strict=True):
        rows = [i for i, text in enumerate(column) if text]
        place = np.ix_(rows, rows)
        total[place] += _distances([column[i] for i in rows])
        count[place] += 1
    mean = np.where(count >= LEAST_PROMPTS, -total / np.maximum(count, 1), np.nan)
    np.fill_diagonal(mean, np.nan)
    return cohort_normalise(mean)


def _distances(texts: Sequence[bytes]) -> NDArray[np.float64]:
    """(k, k) normalised compression distances; the lower triangle mirrors the upper one."""
    alone = np.array([_size(text) for text in texts], dtype=np.float64)
    k = len(texts)
    together = np.zeros((k, k))
    # In the order of content, so that which of two comes first does not hang on the order of the models.
    order = sorted(range(k), key=texts.__getitem__)
    for place, first in enumerate(order):
        begun = _compressor()
        head = len(begun.compress(texts[first]))
        for second in order[place + 1 :]:
            rest = begun.copy()
            size = head + len(rest.compress(texts[second])) + len(rest.flush())
            together[first, second] = together[second, first] = size
    least, most = np.minimum(alone[:, None], alone[None]), np.maximum(alone[:, None], alone[None])
    return np.asarray((together - least) / most)


def _compressor() -> zlib._Compress:
    """One whose window holds two replies and no more: its state is copied for every pair, and a small one is fast."""
    return zlib.compressobj(level=1, wbits=12, memLevel=5)


def _size(text: bytes) -> int:
    alone = _compressor()
    return len(alone.compress(text)) + len(alone.flush())
