"""Agreement: rare phrases and wording that two models share on the same prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint, PairCells
from forensics.features.blocks import blocks
from forensics.features.copies import copy_weights
from forensics.features.tokens import token_table
from forensics.records import Declaration, Prompt, ResponseSet
from forensics.stats.ngrams import gram_counts
from forensics.stats.overlap import centred_cosine, rare_overlap
from forensics.stats.pooling import PromptMean

LEAST_MODELS = 8
ORDERS = (3, 4)
FLOOR = 0.01


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


class Agreement:
    """The statistic R (rare-phrase agreement, before cohort normalisation) and the centred cosine, both over 3- and
    4-grams of word tokens, averaged over prompts."""

    declaration = Declaration(
        "agreement",
        "1",
        "Rare phrases shared on the same prompts",
        "Own statistic, developed on public recordings (docs/validation.md)",
        parameters={"n_gram_orders": list(ORDERS), "characters": 4000, "rare_share": 0.1},
        limitations=(
            "needs eight models on the same prompts",
            "little agreement is weak evidence of no lineage: heavily retrained descendants look unrelated",
        ),
    )
    least_prompts = 5
    feature = "tokens@1"

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """The token table of the responses."""
        return token_table(responses)

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`agreement`: ln of the mean rare-phrase overlap; `agreement_cosine`: mean centred cosine."""
        place = {prompt_id: i for i, prompt_id in enumerate(sorted(prompts))}
        m, witness = len(population), copy_weights(population)
        rare, cosine = PromptMean(m, weights), PromptMean(m, weights)
        for block in blocks(population, prompts, least_models=LEAST_MODELS):
            grams = gram_counts(block.tokens, block.segment, block.row_of_segment, block.rows.size, ORDERS)
            rare.add(place[block.prompt_id], block.rows, rare_overlap(grams, witness[block.rows]))
            cosine.add(place[block.prompt_id], block.rows, centred_cosine(grams))
        names = ("agreement", "agreement_cosine")
        return ChannelResult(
            {names[0]: log_overlap(rare.mean(self.least_prompts)), names[1]: cosine.mean(self.least_prompts)},
            rare.counts,
            f"fewer than {self.least_prompts} common prompts that at least {LEAST_MODELS} models answered",
            frozenset(names),
            {}
            if weights is None
            else {
                names[0]: log_overlap(rare.replicates()).astype(np.float32),
                names[1]: cosine.replicates(),
            },
        )

    def cells(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        result: ChannelResult,
        pair: tuple[int, int],
    ) -> Mapping[str, PairCells]:
        """The pair's overlap and cosine on each prompt."""
        witness = copy_weights(population)
        ids: list[str] = []
        values: list[tuple[float, float]] = []
        for block in blocks(population, prompts, least_models=LEAST_MODELS):
            among = np.flatnonzero(np.isin(block.rows, pair))
            if among.size == 2:
                grams = gram_counts(block.tokens, block.segment, block.row_of_segment, block.rows.size, ORDERS)
                rare = rare_overlap(grams, witness[block.rows], among)
                values.append((float(rare[0, 1]), float(centred_cosine(grams, among)[0, 1])))
                ids.append(block.prompt_id)
        if len(ids) < self.least_prompts:
            return {}
        overlap, cosine = np.array(values).T
        lift = float(np.exp(result.scores["agreement"][pair]) - overlap.mean())
        return {
            "agreement": PairCells(tuple(ids), overlap, lambda mean: np.log(mean + lift)),
            "agreement_cosine": PairCells(tuple(ids), cosine, lambda mean: mean),
        }


PLUGIN = Agreement()
