"""Completions as one word each."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.features.text import visible_text
from forensics.records import ResponseSet

CHARACTERS = 400
OUTSIDE = frozenset("PSZC")


def first_word(completion: str) -> str:
    """The first word of the first 400 characters, case folded, without punctuation or symbols at its ends.

    Empty where there is no word at all. Compatibility forms are unified. Marks that belong to a letter stay, so that
    words of any script are whole.
    """
    for word in unicodedata.normalize("NFKC", visible_text(completion)[:CHARACTERS]).casefold().split():
        inside = [i for i, letter in enumerate(word) if unicodedata.category(letter)[0] not in OUTSIDE]
        if inside:
            return word[inside[0] : inside[-1] + 1]
    return ""


def answer_table(responses: ResponseSet) -> dict[str, NDArray[Any]]:
    """The first word of every completion that carries text.

    prompt_ids: (p,) sorted unicode. prompt: (c,) int32, the index of each completion's prompt, ascending. answer: (c,)
    uint64, hashes of first words in sample order.
    """
    prompt_ids = sorted(responses.by_prompt)
    prompt: list[int] = []
    answers: list[int] = []
    for index, prompt_id in enumerate(prompt_ids):
        for completion in responses.by_prompt[prompt_id]:
            word = first_word(completion.text).encode("utf-8", "surrogatepass")
            prompt.append(index)
            answers.append(int.from_bytes(hashlib.blake2b(word, digest_size=8).digest()))
    return {
        "prompt_ids": np.array(prompt_ids, dtype=np.str_),
        "prompt": np.array(prompt, dtype=np.int32),
        "answer": np.array(answers, dtype=np.uint64),
    }
