"""Style: how a model writes whatever it is asked, and how it opens and closes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from forensics.channels import ChannelResult, Fingerprint
from forensics.channels._wording import OfTokens
from forensics.features.blocks import Block, blocks
from forensics.features.copies import copy_weights
from forensics.records import Declaration, Prompt
from forensics.stats.ngrams import gram_counts, gram_hashes
from forensics.stats.overlap import centred_cosine
from forensics.stats.pooling import PromptMean

LEAST_MODELS = 3
BUCKETS = 1 << 15
OPENING, CLOSING = 12, 25


def centred_frequencies(block: Block) -> sparse.csr_matrix:
    """(k, buckets) square roots of 1- and 2-gram shares of each row, n-grams hashed into buckets (Hellinger)."""
    parts = [gram_hashes(block.tokens, block.segment, n) for n in (1, 2)]
    bucket = (np.concatenate([h for h, _ in parts]) % np.uint64(BUCKETS)).astype(np.int64)
    row = block.row_of_segment[np.concatenate([s for _, s in parts])]
    counts = sparse.coo_matrix((np.ones(row.size), (row, bucket)), shape=(block.rows.size, BUCKETS)).tocsr()
    totals = np.asarray(counts.sum(axis=1)).ravel()
    shares = sparse.diags(1 / np.maximum(totals, 1)) @ counts
    return shares.sqrt()


def _edge(block: Block, inside: NDArray[np.bool_], witness: NDArray[np.float64]) -> NDArray[np.float64]:
    grams = gram_counts(block.tokens[inside], block.segment[inside], block.row_of_segment, block.rows.size, (1, 2, 3))
    return centred_cosine(grams, witness)


def _positions(segment: NDArray[np.int64], segments: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each token's distance from the start and from the end of its completion."""
    lengths = np.bincount(segment, minlength=segments)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    from_start = np.arange(segment.size) - starts[segment]
    return from_start, lengths[segment] - 1 - from_start


class Style(OfTokens):
    """Cosine of the models' profiles after each prompt's mean is taken off, so that the topic drops out."""

    declaration = Declaration(
        "style",
        "1",
        "Words, punctuation and layout used whatever the topic",
        "Topic-centred Hellinger profiles over word 1- and 2-grams; own choice by measurement (docs/validation.md)",
        parameters={"buckets": BUCKETS, "opening_tokens": OPENING, "closing_tokens": CLOSING},
        limitations=(
            "assistants tuned on the same teacher's replies are alike without sharing weights",
            "a system prompt that asks for brevity or detail moves it",
        ),
    )
    least_prompts = 10

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`style`: cosine of centred profiles; `style_openings`, `style_closings`: of first and last words."""
        m, witness = len(population), copy_weights(population)
        profile = np.zeros((m, BUCKETS), dtype=np.float32)
        answered = np.zeros(m)
        # Each model owes the mean of what it answered: all means, less those of the prompts that it did not answer.
        every = np.zeros(BUCKETS)
        opening, closing = PromptMean(m), PromptMean(m)
        for i, block in enumerate(blocks(population, prompts, least_models=LEAST_MODELS)):
            frequencies = centred_frequencies(block)
            told = frequencies.tocoo()
            profile[block.rows[told.row], told.col] += told.data
            share = witness[block.rows] / witness[block.rows].sum()
            average = np.asarray(frequencies.T @ share)
            every += average
            profile[np.setdiff1d(np.arange(m), block.rows)] += average
            answered[block.rows] += 1
            from_start, from_end = _positions(block.segment, block.row_of_segment.size)
            opening.add(i, block.rows, _edge(block, from_start < OPENING, witness[block.rows]))
            closing.add(i, block.rows, _edge(block, from_end < CLOSING, witness[block.rows]))
        scores = {
            "style": _profile_cosine(
                profile - every.astype(np.float32), answered, witness, opening.counts >= self.least_prompts
            ),
            "style_openings": opening.mean(self.least_prompts),
            "style_closings": closing.mean(self.least_prompts),
        }
        why = f"fewer than {self.least_prompts} common prompts that at least {LEAST_MODELS} models answered"
        return ChannelResult(scores, opening.counts, why, frozenset({"style_openings", "style_closings"}))


def _profile_cosine(
    profile: NDArray[np.float32], answered: NDArray[np.float64], witness: NDArray[np.float64], enough: NDArray[np.bool_]
) -> NDArray[np.float64]:
    mean = profile / np.maximum(answered, 1)[:, None]
    mean -= np.average(mean, axis=0, weights=witness).astype(np.float32)
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    unit = mean / np.where(length == 0, 1, length)
    cosine = np.where(enough, (unit @ unit.T).astype(np.float64), np.nan)
    np.fill_diagonal(cosine, np.nan)
    return np.asarray(cosine)


PLUGIN = Style()
