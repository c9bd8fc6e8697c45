"""Text as every database holds it, and completions made of such text."""

from __future__ import annotations

import dataclasses

from forensics.records import Completion, NextToken, ResponseSet

REPLACEMENT = "\ufffd"


def storable_text(text: str) -> str:
    """The text as every database holds it: NUL and lone surrogates, which PostgreSQL refuses, become U+FFFD.

    Raw bytes are kept beside it, so nothing is lost.
    """
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", REPLACEMENT).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable(completion: Completion) -> Completion:
    """The completion with storable text, the same one where nothing has to change."""
    tokens = tuple(
        NextToken(n.chars, tuple((storable_text(token), p) for token, p in n.top)) for n in completion.next_tokens
    )
    text, finish = storable_text(completion.text), storable_text(completion.finish_reason)[:64]
    if (text, finish, tokens) == (completion.text, completion.finish_reason, completion.next_tokens):
        return completion
    return dataclasses.replace(completion, text=text, finish_reason=finish, next_tokens=tokens)


def storable_set(responses: ResponseSet) -> ResponseSet:
    """The response set as it will come back from the database, so that its hash can be checked against what is kept."""
    return dataclasses.replace(responses, completions=tuple(map(storable, responses.completions)))
