"""Agreement: rare phrases, names and wording that two models share on the same prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint, PairCells
from forensics.channels._wording import OfTokens
from forensics.features.blocks import Block, blocks
from forensics.features.copies import copy_weights
from forensics.features.stock import SHARE, STOCK_ORDER, stock_grams
from forensics.records import Declaration, Prompt
from forensics.stats.ngrams import Grams, cover, gram_counts
from forensics.stats.overlap import centred_cosine, rare_overlap
from forensics.stats.pooling import PromptMean
from forensics.stats.prefixes import common_prefix, less_mean

LEAST_MODELS = 8
ORDERS = (3, 4)
FLOOR = 0.01
RARE, COSINE, NAMES, PREFIX = "agreement", "agreement_cosine", "agreement_names", "agreement_prefix"


def log_overlap(overlap: NDArray[np.floating]) -> NDArray[np.float64]:
    """ln of mean overlaps O, lifted by a hundredth of their mean so that no overlap at all stays finite.

    overlap: (..., m, m) with NaN where not estimable; each matrix is lifted by its own mean.
    """
    plain = overlap.astype(np.float64)
    finite = np.isfinite(plain)
    total = np.where(finite, plain, 0).sum(axis=(-2, -1), keepdims=True)
    lift = FLOOR * total / np.maximum(finite.sum(axis=(-2, -1), keepdims=True), 1)
    with np.errstate(divide="ignore"):
        logs = np.log(plain + lift)
    return np.asarray(np.where(np.isfinite(logs), logs, np.nan))


@dataclass(frozen=True)
class Stock:
    """Sorted hashes of phrases and of names that some model says whatever it is asked, and which do not count."""

    phrases: NDArray[np.uint64]
    names: NDArray[np.uint64]

    @classmethod
    def of(cls, population: Sequence[Fingerprint]) -> Stock:
        """That of a population."""
        return cls(stock_grams(population, STOCK_ORDER), stock_grams(population, 1, names=True))


def _grams(block: Block, stock: Stock) -> Grams:
    covered = cover(block.tokens, block.segment, stock.phrases, STOCK_ORDER)
    return gram_counts(block.tokens, block.segment, block.row_of_segment, block.rows.size, ORDERS, covered)


def _names(block: Block, stock: Stock) -> Grams:
    """Of the names, or of all words where most models write none."""
    rows = block.rows.size
    writers = np.unique(block.row_of_segment[block.segment[block.name]]).size
    told = block.name if 2 * writers >= rows else np.ones_like(block.name)
    told = told & ~cover(block.tokens, block.segment, stock.names, 1)
    return gram_counts(block.tokens[told], block.segment[told], block.row_of_segment, rows, (1,))


def _prefix(block: Block, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return less_mean(common_prefix(block.tokens, block.segment, block.row_of_segment, block.rows.size), weight)


class Agreement(OfTokens):
    """What two models say alike on the same prompt and few others do, averaged over prompts: 3- and 4-grams of word
    tokens, names, the centred cosine of their wording, and how far their replies run together from the start."""

    declaration = Declaration(
        "agreement",
        "2",
        "Rare phrases and names shared on the same prompts",
        "Own statistics, developed on public recordings (docs/validation.md)",
        parameters={"n_gram_orders": list(ORDERS), "characters": 4000, "rare_share": 0.1, "stock_share": SHARE},
        limitations=(
            "needs eight models on the same prompts",
            "little agreement is weak evidence of no lineage: heavily retrained descendants look unrelated",
            "names are told by their capital letter; where there is none, every word counts as one",
        ),
    )
    least_prompts = 5

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`agreement`, `agreement_names`: ln of the mean overlap of rare phrases and of rare names;
        `agreement_cosine`: mean centred cosine; `agreement_prefix`: mean ln(1 + words in common from the start), less
        each prompt's mean."""
        place = {prompt_id: i for i, prompt_id in enumerate(sorted(prompts))}
        m, witness, stock = len(population), copy_weights(population), Stock.of(population)
        means = {name: PromptMean(m, weights if name in (RARE, COSINE) else None) for name in _POOLED}
        for block in blocks(population, prompts, least_models=LEAST_MODELS):
            for name, similarity in _similarities(block, witness[block.rows], stock).items():
                means[name].add(place[block.prompt_id], block.rows, similarity)
        return ChannelResult(
            {name: pool(means[name].mean(self.least_prompts)) for name, pool in _POOLED.items()},
            means[RARE].counts,
            f"fewer than {self.least_prompts} common prompts that at least {LEAST_MODELS} models answered",
            cohort=frozenset({RARE, COSINE, NAMES}),
            scaled=frozenset({PREFIX}),
            replicates={
                name: _POOLED[name](means[name].replicates()).astype(np.float32)
                for name in (RARE, COSINE)
                if weights is not None
            },
        )

    def cells(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        result: ChannelResult,
        pair: tuple[int, int],
    ) -> Mapping[str, PairCells]:
        """The pair's overlaps, cosine and common start on each prompt."""
        witness, stock = copy_weights(population), Stock.of(population)
        ids: list[str] = []
        found: dict[str, list[float]] = {name: [] for name in _POOLED}
        for block in blocks(population, prompts, least_models=LEAST_MODELS):
            among = np.flatnonzero(np.isin(block.rows, pair))
            if among.size == 2:
                ids.append(block.prompt_id)
                for name, similarity in _similarities(block, witness[block.rows], stock, among).items():
                    found[name].append(float(similarity[0, 1]))
        if len(ids) < self.least_prompts:
            return {}
        values = {name: np.array(told) for name, told in found.items()}
        lifts = {n: float(np.exp(result.scores[n][pair]) - values[n].mean()) for n in (RARE, NAMES)}
        pools = {name: partial(_lifted, lift) for name, lift in lifts.items()} | {COSINE: _plain, PREFIX: _plain}
        return {
            name: PairCells(tuple(ids), values[name], pool)
            for name, pool in pools.items()
            if np.isfinite(result.scores[name][pair])
        }


def _similarities(
    block: Block, witness: NDArray[np.float64], stock: Stock, among: NDArray[np.int64] | None = None
) -> dict[str, NDArray[np.float64]]:
    """One prompt's similarity matrices by score, of some rows or all."""
    grams = _grams(block, stock)
    prefix = _prefix(block, witness)
    return {
        RARE: rare_overlap(grams, witness, among),
        COSINE: centred_cosine(grams, witness, among),
        NAMES: rare_overlap(_names(block, stock), witness, among),
        PREFIX: prefix if among is None else prefix[np.ix_(among, among)],
    }


def _plain(mean: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(mean, dtype=np.float64)


def _lifted(lift: float, mean: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(mean + lift))


_POOLED = {RARE: log_overlap, COSINE: _plain, NAMES: log_overlap, PREFIX: _plain}
"""Score to what is made of its mean over prompts."""

PLUGIN = Agreement()
