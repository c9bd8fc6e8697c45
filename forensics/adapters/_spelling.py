"""Tokens as the text that they stand for, which is how servers write them: a vocabulary spells them otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

# Byte-level vocabularies write a byte that can be seen as itself, and every other one as a letter from 256 on.
_SEEN = [*range(33, 127), *range(161, 173), *range(174, 256)]
_HIDDEN = [byte for byte in range(256) if byte not in _SEEN]
_BYTES = {chr(byte): byte for byte in _SEEN} | {chr(256 + n): byte for n, byte in enumerate(_HIDDEN)}
_WORD_START = "\u2581"


def speller(tokenizer: Any) -> Callable[[str], str]:
    """The function from a token of this tokenizer to its text.

    Byte-level tokens are decoded (a part of a character stays as the vocabulary spells it); of others the mark of a
    word's start becomes a space.
    """
    decoder = json.loads(tokenizer.backend_tokenizer.to_str()).get("decoder")
    return _of_bytes if '"ByteLevel"' in json.dumps(decoder) else _of_words


def _of_bytes(token: str) -> str:
    try:
        return bytes(_BYTES[letter] for letter in token).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return token


def _of_words(token: str) -> str:
    return token.replace(_WORD_START, " ")
