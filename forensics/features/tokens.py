"""Completions as hashed word tokens."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.features.text import visible_text
from forensics.records import ResponseSet

FEATURE = "tokens@2"
MAX_CHARACTERS = 4000
TOKEN = re.compile(r"\w+|[^\w\s]|\n+")


class _Hashes(dict[str, int]):
    """Token to the 64-bit BLAKE2b hash of its lower-cased form, computed once per process."""

    def __missing__(self, token: str) -> int:
        plain = token.lower().encode("utf-8", "surrogatepass")
        value = self[token] = int.from_bytes(hashlib.blake2b(plain, digest_size=8).digest())
        return value


_hashes = _Hashes()


def _may_be_name(token: str) -> bool:
    """Whether a token begins with a letter that is not lower case (or has no case at all)."""
    return token[0].isalpha() and not token[0].islower()


def tokenise(text: str) -> list[str]:
    """Words, single punctuation marks and runs of newlines of the first 4,000 characters, case as it stands."""
    return TOKEN.findall(text[:MAX_CHARACTERS])


def token_hashes(text: str) -> NDArray[np.uint64]:
    """(t,) hashes of a text's tokens."""
    return np.array([_hashes[token] for token in tokenise(text)], dtype=np.uint64)


def token_table(responses: ResponseSet) -> dict[str, NDArray[Any]]:
    """Every completion that carries text, as token hashes, blind to case.

    prompt_ids: (p,) sorted unicode. prompt: (c,) int32, the index of each completion's prompt, ascending.
    offsets: (c + 1,) int64 into tokens. tokens: (t,) uint64. name: (t,) bool, whether a token may be a name.
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
    # Every distinct token is looked up once: a vocabulary of this set alone stays in the processor's cache.
    places: defaultdict[str, int] = defaultdict()
    places.default_factory = places.__len__
    where = np.fromiter(map(places.__getitem__, chain.from_iterable(texts)), dtype=np.int32, count=int(lengths.sum()))
    hashes = np.fromiter(map(_hashes.__getitem__, places), dtype=np.uint64, count=len(places))
    names = np.fromiter(map(_may_be_name, places), dtype=np.bool_, count=len(places))
    return {
        "prompt_ids": np.array(prompt_ids, dtype=np.str_),
        "prompt": np.array(prompt, dtype=np.int32),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "tokens": hashes[where],
        "name": names[where],
    }
