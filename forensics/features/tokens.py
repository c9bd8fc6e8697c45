"""Completions as hashed word tokens."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.features.text import visible_text
from forensics.records import ResponseSet

MAX_CHARACTERS = 4000
TOKEN = re.compile(r"\n+|\w+|[^\w\s]")


class _Hashes(dict[str, int]):
    """Token to its 64-bit BLAKE2b hash, computed once per process."""

    def __missing__(self, token: str) -> int:
        value = int.from_bytes(hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        self[token] = value
        return value


_hashes = _Hashes()


def tokenise(text: str) -> list[str]:
    """Lower-cased words, single punctuation marks and runs of newlines of the first 4,000 characters."""
    return TOKEN.findall(text.lower()[:MAX_CHARACTERS])


def token_hashes(text: str) -> NDArray[np.uint64]:
    """(t,) hashes of a text's tokens."""
    return np.array([_hashes[token] for token in tokenise(text)], dtype=np.uint64)


def token_table(responses: ResponseSet) -> dict[str, NDArray[Any]]:
    """Every completion that carries text, as token hashes.

    prompt_ids: (p,) sorted unicode. prompt: (c,) int32, the index of each completion's prompt, ascending.
    offsets: (c + 1,) int64 into tokens. tokens: uint64.
    """
    by_prompt: Mapping[str, Any] = responses.by_prompt
    prompt_ids = sorted(by_prompt)
    prompt: list[int] = []
    texts: list[list[str]] = []
    for index, prompt_id in enumerate(prompt_ids):
        for completion in by_prompt[prompt_id]:
            prompt.append(index)
            texts.append(tokenise(visible_text(completion.text)))
    lengths = np.array([len(t) for t in texts], dtype=np.int64)
    total = int(lengths.sum())
    tokens = np.fromiter(map(_hashes.__getitem__, chain.from_iterable(texts)), dtype=np.uint64, count=total)
    return {
        "prompt_ids": np.array(prompt_ids, dtype=np.str_),
        "prompt": np.array(prompt, dtype=np.int32),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "tokens": tokens,
    }
