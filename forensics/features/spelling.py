"""How a model writes n-grams that are known by their hashes alone."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from forensics.features.text import visible_text
from forensics.features.tokens import MAX_CHARACTERS, TOKEN, token_hashes
from forensics.records import ResponseSet
from forensics.stats.ngrams import gram_hashes

Gram = tuple[int, int]
"""Order and hash of an n-gram."""


def stretch(completion: str, start: int, length: int) -> str:
    """The words of a stretch of tokens, as the model wrote them."""
    plain = visible_text(completion)
    spans = [match.span() for match in TOKEN.finditer(plain[:MAX_CHARACTERS])][start : start + length]
    return plain[spans[0][0] : spans[-1][1]]


def spelled(words: ResponseSet, wanted: Iterable[Gram]) -> dict[Gram, str]:
    """N-gram to its words where the model writes it first; those that it never writes are left out."""
    left, found = set(wanted), dict[Gram, str]()
    for completion in words.completions:
        if not left:
            break
        tokens = token_hashes(visible_text(completion.text))
        for order in {order for order, _ in left}:
            hashes, _ = gram_hashes(tokens, np.zeros(tokens.size, np.int64), order)
            place = {gram: at for at, gram in reversed(list(enumerate(hashes.tolist())))}
            for gram in [gram for gram in left if gram[0] == order and gram[1] in place]:
                found[gram] = stretch(completion.text, place[gram[1]], order)
                left.discard(gram)
    return found
