"""How the hidden units of a model's blocks respond to tokens, read off its weights file one block at a time.

A unit is described by what it would take in if the stream into its block were a token's embedding: its ingoing weights,
the norm's gain folded in, times the embeddings of some tokens. Unlike the weights themselves this is the same in every
rotation of the stream, and it can be set beside that of a model of another width. Nothing is run, and no more than one
matrix of one block is in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.features.layouts import ATTENTION_NORMS, FORWARD_NORMS, Blocks, blocks
from forensics.folders import Folder, vocabulary

TOKENS = 256
"""Tokens whose embeddings are put in: those whose spelling has the smallest hash, so that models of one vocabulary, or
of two that overlap, take the same ones without knowing of each other."""
UNITS = 512
"""Units kept of each kind and block: those that respond most strongly."""
GRAM_TOKENS = 128
"""The first of them, on which query and key weights are told by Gram matrices."""
FEATURE = "unit-profiles@1"
NO_FOLDER = "no weights folder was given for one of the two"
Matrix = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]


def unreadable(why: str) -> Arrays:
    """The fingerprint of a model of whose weights nothing is known: `why` (1,)."""
    return {"why": np.array([why], dtype=np.str_)}


def profiles(folder: Folder, revision: str, *, tokens: int = TOKENS, units: int = UNITS) -> Arrays:
    """A folder's blocks, stacked, or `unreadable` with the reason. revision: the hash of its weights.

    why (1,) ''; revision (1,) U64; gated (1,) bool; tokens (t,) U, by hash. Per block units (b,): how many the
    feed-forward part has; unit (b, u) int32: which were kept; match, sign (b, u, t) float16: what the gate and the up
    projection of each take in, in a plain feed-forward part `match` alone; values (b, v, t) float16: the same of value
    rows. Rows are scaled to a largest entry of 1, which changes no correlation. query, key (b, g, g) float32: Gram
    matrices of what these projections give for the first GRAM_TOKENS tokens; spectra (b, 2, g): singular values.
    """
    found = blocks(folder)
    if isinstance(found, str):
        return unreadable(found)
    chosen, inputs = _inputs(folder, found.embedding, tokens)
    told = [_block(found, number, inputs, units) for number in found.numbers]
    if any(one[name].shape != told[0][name].shape for one in told for name in one):
        return unreadable(f"the blocks of {folder.architecture} differ in size")
    head = {
        "why": np.array([""], dtype=np.str_),
        "revision": np.array([revision]),
        "gated": np.array([found.gated]),
    }
    stacked = {name: np.stack([one[name] for one in told]) for name in told[0]}
    return head | {"tokens": np.array(chosen, dtype=np.str_)} | stacked


def _inputs(folder: Folder, embedding: str, tokens: int) -> tuple[list[str], Matrix]:
    """The chosen tokens and their embeddings (t, width)."""
    told = vocabulary(folder.path / "tokenizer.json")
    rows = folder.tensors[embedding].shape[0]
    known = [token for token, row in told.items() if 0 <= row < rows and "\0" not in token]
    chosen = sorted(known, key=lambda token: hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest())[:tokens]
    return chosen, folder.tensor(embedding, np.array([told[token] for token in chosen], dtype=np.int64))


def _block(found: Blocks, number: int, inputs: Matrix, units: int) -> dict[str, NDArray[Any]]:
    forward = found.seen_through(inputs, number, FORWARD_NORMS).T
    first = found.matrix(number, "gate" if found.gated else "plain") @ forward
    kept = _strongest(first, units)
    made: dict[str, NDArray[Any]] = {"units": np.array(len(first)), "unit": kept, "match": _scaled(first[kept])}
    if found.gated:
        made["sign"] = _scaled((found.matrix(number, "up")[kept]) @ forward)
    attended = found.seen_through(inputs, number, ATTENTION_NORMS).T
    values = found.matrix(number, "value") @ attended
    rows = _strongest(values, units)
    made["values"] = _scaled(values[rows])
    given = {role: found.matrix(number, role) @ attended[:, :GRAM_TOKENS] for role in ("query", "key")}
    for role, told in given.items():
        gram = told.T @ told
        made[role] = (gram / max(float(np.abs(gram).max(initial=0.0)), 1e-30)).astype(np.float32)
    return made | {"spectra": np.stack([_spectrum(told) for told in given.values()])}


def _spectrum(given: Matrix) -> NDArray[np.float32]:
    """(g,) singular values of what a projection gives for g tokens, their mean taken off, over the largest."""
    centred = given.astype(np.float64) - given.mean(axis=1, keepdims=True)
    values = np.sqrt(np.maximum(np.linalg.eigvalsh(centred.T @ centred)[::-1], 0.0))
    return (values / max(float(values.max(initial=0.0)), 1e-30)).astype(np.float32)


def _strongest(responses: Matrix, units: int) -> NDArray[np.int32]:
    """Rows with the largest spread, ascending: a choice that no sign and no order of the rows changes."""
    spread = responses.astype(np.float64).std(axis=1)
    return np.sort(np.argsort(-spread, kind="stable")[:units]).astype(np.int32)


def _scaled(responses: Matrix) -> NDArray[np.float16]:
    largest = np.abs(responses).max(axis=1, keepdims=True, initial=0.0)
    return (responses / np.where(largest > 0, largest, 1)).astype(np.float16)
