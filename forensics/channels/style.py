"""Style: how a model writes whatever it is asked, and how it opens and closes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from forensics.channels import ChannelResult, Fingerprint, Habit, PairCells
from forensics.channels._wording import OfTokens
from forensics.features.blocks import Block, blocks
from forensics.features.copies import copy_weights
from forensics.records import Declaration, Prompt
from forensics.stats.influence import cosine_influence
from forensics.stats.ngrams import gram_counts, gram_hashes
from forensics.stats.overlap import centred_cosine
from forensics.stats.pooling import PromptMean

LEAST_MODELS = 3
BUCKETS = 1 << 15
PROFILE_ORDERS = (1, 2)
MOST_HABITS = 100
OPENING, CLOSING = 12, 25


def centred_frequencies(block: Block) -> sparse.csr_matrix:
    """(k, buckets) square roots of 1- and 2-gram shares of each row, n-grams hashed into buckets (Hellinger)."""
    parts = [gram_hashes(block.tokens, block.segment, n) for n in PROFILE_ORDERS]
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
        profiles, opening, closing = Profiles(m), PromptMean(m), PromptMean(m)
        for i, block in enumerate(blocks(population, prompts, least_models=LEAST_MODELS)):
            profiles.add(block, centred_frequencies(block), witness)
            from_start, from_end = _positions(block.segment, block.row_of_segment.size)
            opening.add(i, block.rows, _edge(block, from_start < OPENING, witness[block.rows]))
            closing.add(i, block.rows, _edge(block, from_end < CLOSING, witness[block.rows]))
        scores = {
            "style": _cosine(profiles.centred(witness), opening.counts >= self.least_prompts),
            "style_openings": opening.mean(self.least_prompts),
            "style_closings": closing.mean(self.least_prompts),
        }
        why = f"fewer than {self.least_prompts} common prompts that at least {LEAST_MODELS} models answered"
        return ChannelResult(scores, opening.counts, why, frozenset({"style_openings", "style_closings"}))

    def cells(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        result: ChannelResult,
        pair: tuple[int, int],
    ) -> Mapping[str, PairCells]:
        """`style`: what each prompt adds to the cosine of the pair's profiles, to first order (the infinitesimal
        jackknife, whose values have the cosine as their mean), and the habits that both over-use."""
        score = float(result.scores["style"][pair])
        if not np.isfinite(score):
            return {}
        profiles, witness = Profiles(len(population)), copy_weights(population)
        ids: list[str] = []
        averages: list[NDArray[np.float32]] = []
        own: tuple[list[sparse.csr_matrix | None], ...] = ([], [])
        for block in blocks(population, prompts, least_models=LEAST_MODELS):
            frequencies = centred_frequencies(block)
            average = profiles.add(block, frequencies, witness)
            if np.isin(pair, block.rows).any():
                ids.append(block.prompt_id)
                averages.append(average.astype(np.float32))
                for kept, model in zip(own, pair, strict=True):
                    at = np.flatnonzero(block.rows == model)
                    kept.append(frequencies[at] if at.size else None)
        mean = profiles.centred(witness)
        values = cosine_influence(mean[list(pair)], own, averages)
        return {"style": PairCells(tuple(ids), values, np.asarray, habits=_habits(mean, population, pair))}


class Profiles:
    """The mean of what each model answered, less the mean of all over the same prompts."""

    def __init__(self, models: int) -> None:
        self._sums = np.zeros((models, BUCKETS), dtype=np.float32)
        self._answered = np.zeros(models)
        # Each model owes the mean of what it answered: all means, less those of the prompts that it did not answer.
        self._every = np.zeros(BUCKETS)

    def add(self, block: Block, frequencies: sparse.csr_matrix, witness: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count one prompt, and give the mean of all on it."""
        told = frequencies.tocoo()
        self._sums[block.rows[told.row], told.col] += told.data
        share = witness[block.rows] / witness[block.rows].sum()
        average = np.asarray(frequencies.T @ share)
        self._every += average
        self._sums[np.setdiff1d(np.arange(self._answered.size), block.rows)] += average
        self._answered[block.rows] += 1
        return average

    def centred(self, witness: NDArray[np.float64]) -> NDArray[np.float64]:
        """(m, buckets) the models' profiles, less the mean profile."""
        mean = (self._sums - self._every.astype(np.float32)) / np.maximum(self._answered, 1)[:, None]
        mean -= np.average(mean, axis=0, weights=witness).astype(np.float32)
        return np.asarray(mean)


def _cosine(mean: NDArray[np.float64], enough: NDArray[np.bool_]) -> NDArray[np.float64]:
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    unit = mean / np.where(length == 0, 1, length)
    cosine = np.where(enough, (unit @ unit.T).astype(np.float64), np.nan)
    np.fill_diagonal(cosine, np.nan)
    return np.asarray(cosine)


def _habits(mean: NDArray[np.float64], population: Sequence[Fingerprint], pair: tuple[int, int]) -> tuple[Habit, ...]:
    """The buckets that both over-use, those first that add most to the cosine, by the n-gram in them that both say
    most; `mean` as `Profiles.centred` gives it."""
    one, other = mean[list(pair)]
    parts = one * other / (np.linalg.norm(one) * np.linalg.norm(other))
    both = np.where((one > 0) & (other > 0), parts, 0.0)
    most = [int(k) for k in np.argsort(-both, kind="stable")[:MOST_HABITS] if both[k] > 0]
    said = _said_by_both([population[model] for model in pair], most)
    others = (mean >= np.minimum(one, other)).sum(axis=0) - 2
    return tuple(Habit(*said[k], float(parts[k]), int(others[k]), len(population) - 2) for k in most if k in said)


def _said_by_both(tables: Sequence[Fingerprint], wanted: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Bucket to the order and the hash of the n-gram in it that the one who says it less still says most often."""
    found: dict[int, tuple[int, int]] = {}
    most: dict[int, int] = {}
    for order in PROFILE_ORDERS:
        counted = []
        for table in tables:
            completion = np.repeat(np.arange(table["offsets"].size - 1), np.diff(table["offsets"]))
            hashes, _ = gram_hashes(table["tokens"], completion, order)
            kept = np.isin(hashes % np.uint64(BUCKETS), np.array(wanted, dtype=np.uint64))
            counted.append(dict(zip(*(a.tolist() for a in np.unique(hashes[kept], return_counts=True)), strict=True)))
        for gram in sorted(counted[0].keys() & counted[1].keys()):
            bucket, least = gram % BUCKETS, min(counted[0][gram], counted[1][gram])
            if least > most.get(bucket, 0):
                most[bucket], found[bucket] = least, (order, gram)
    return found


PLUGIN = Style()
