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
from forensics.stats.ngrams import Grams, cover, gram_counts, gram_hashes
from forensics.stats.overlap import centred_cosine, overlap_scale, rare_overlap, shared_by
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


def _counted_names(block: Block, stock: Stock) -> NDArray[np.bool_]:
    """(t,) the tokens that count as names: all words where most models write none."""
    writers = np.unique(block.row_of_segment[block.segment[block.name]]).size
    told = block.name if 2 * writers >= block.rows.size else np.ones_like(block.name)
    return np.asarray(told & ~cover(block.tokens, block.segment, stock.names, 1))


def _names(block: Block, stock: Stock) -> Grams:
    told = _counted_names(block, stock)
    return gram_counts(block.tokens[told], block.segment[told], block.row_of_segment, block.rows.size, (1,))


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
        wanted = [name for name in _POOLED if np.isfinite(result.scores[name][pair])]
        witness, stock = copy_weights(population), Stock.of(population)
        ids: list[str] = []
        found: dict[str, list[float]] = {name: [] for name in wanted}
        for block in blocks(population, prompts, least_models=LEAST_MODELS) if wanted else ():
            one, other = np.searchsorted(block.rows, pair).tolist()
            if max(one, other) < block.rows.size and (block.rows[[one, other]] == pair).all():
                ids.append(block.prompt_id)
                for name in wanted:
                    found[name].append(_OF_PAIR[name](block, witness[block.rows], stock, (one, other)))
        values = {name: np.array(told) for name, told in found.items()}
        lifts = {n: float(np.exp(result.scores[n][pair]) - values[n].mean()) for n in wanted if n in (RARE, NAMES)}
        return {
            name: PairCells(tuple(ids), values[name], partial(_lifted, lifts[name]) if name in lifts else _plain)
            for name in wanted
        }


def _similarities(block: Block, witness: NDArray[np.float64], stock: Stock) -> dict[str, NDArray[np.float64]]:
    """One prompt's similarity matrices by score."""
    grams = _grams(block, stock)
    return {
        RARE: rare_overlap(grams, witness),
        COSINE: centred_cosine(grams, witness),
        NAMES: rare_overlap(_names(block, stock), witness),
        PREFIX: _prefix(block, witness),
    }


def _rare_of_pair(block: Block, witness: NDArray[np.float64], stock: Stock, pair: tuple[int, int]) -> float:
    covered = cover(block.tokens, block.segment, stock.phrases, STOCK_ORDER)
    return _overlap_of_pair(block, block.tokens, block.segment, ORDERS, witness, pair, covered)


def _names_of_pair(block: Block, witness: NDArray[np.float64], stock: Stock, pair: tuple[int, int]) -> float:
    told = _counted_names(block, stock)
    return _overlap_of_pair(block, block.tokens[told], block.segment[told], (1,), witness, pair)


def _overlap_of_pair(
    block: Block,
    tokens: NDArray[np.uint64],
    segment: NDArray[np.int64],
    orders: Sequence[int],
    witness: NDArray[np.float64],
    pair: tuple[int, int],
    covered: NDArray[np.bool_] | None = None,
) -> float:
    """The rare overlap of two rows of a block, over some of its tokens."""
    parts = [gram_hashes(tokens, segment, n, covered) for n in orders]
    row = block.row_of_segment[np.concatenate([s for _, s in parts])]
    _, weights, sizes = shared_by(pair, np.concatenate([h for h, _ in parts]), row, witness)
    return float(weights.sum()) * overlap_scale(sizes)


def _cosine_of_pair(block: Block, witness: NDArray[np.float64], stock: Stock, pair: tuple[int, int]) -> float:
    return float(centred_cosine(_grams(block, stock), witness, np.array(pair))[0, 1])


def _prefix_of_pair(block: Block, witness: NDArray[np.float64], _stock: Stock, pair: tuple[int, int]) -> float:
    return float(_prefix(block, witness)[pair])


def _plain(mean: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(mean, dtype=np.float64)


def _lifted(lift: float, mean: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(mean + lift))


_POOLED = {RARE: log_overlap, COSINE: _plain, NAMES: log_overlap, PREFIX: _plain}
"""Score to what is made of its mean over prompts."""

_OF_PAIR = {RARE: _rare_of_pair, COSINE: _cosine_of_pair, NAMES: _names_of_pair, PREFIX: _prefix_of_pair}
"""Score to what one pair's is on one prompt: the entry of the matrix in `_similarities`."""

PLUGIN = Agreement()
