"""Distribution: whether two models' repeated samples could be of one and the same distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint
from forensics.channels._wording import OfTokens
from forensics.features.samples import repeated_samples
from forensics.records import Declaration, Prompt
from forensics.stats.mmd import StratifiedMMD, hamming_kernel, spectrum_kernel

ORDERS = (1, 2, 3)
TOKENS = 200
SAMPLES = 10
DRAWS = 999
SEED = 0


def nearness(mmd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus the square root of squared MMDs, negative ones told apart too: larger is more alike."""
    return np.asarray(-np.sign(mmd) * np.sqrt(np.abs(mmd)))


class Distribution(OfTokens):
    """Stratified maximum mean discrepancy over prompts that both models answered at least twice."""

    declaration = Declaration(
        "distribution",
        "1",
        "Equality of the distributions that repeated samples come from",
        "Model Equality Testing (Gao, Liang and Guestrin 2024, arXiv 2410.20247), its null replaced: labels permuted "
        "within a prompt",
        parameters={
            "tokens": TOKENS,
            "samples": SAMPLES,
            "n_gram_orders": list(ORDERS),
            "permutations": DRAWS,
            "seed": SEED,
        },
        limitations=(
            "needs two or more samples a prompt of either model, on five prompts",
            "a small p rejects that both are the same under the same settings: any fine-tune, system prompt or "
            "temperature does that, so it speaks against sameness and never against lineage",
            "a large p is no proof of sameness where samples are few",
        ),
    )
    least_prompts = 5

    def __init__(self, draws: int = DRAWS) -> None:
        self.draws = draws

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`distribution` (Hamming kernel, minus root of MMD), `distribution_spectrum` (n-gram kernel, likewise) and
        `distribution_p` (permutation p of equality under the mean of both kernels, in [1/1000, 1])."""
        m = len(population)
        hamming, spectrum = StratifiedMMD(m, 0, SEED), StratifiedMMD(m, 0, SEED)
        both = StratifiedMMD(m, self.draws, SEED)
        for told in repeated_samples(population, prompts, most_samples=SAMPLES, most_tokens=TOKENS):
            positions = hamming_kernel(told.tokens, told.lengths, TOKENS)
            grams = spectrum_kernel(told.tokens, told.lengths, ORDERS)
            hamming.add(told.rows, told.counts, positions, told.key)
            spectrum.add(told.rows, told.counts, grams, told.key)
            both.add(told.rows, told.counts, (positions + grams) / 2, told.key)
        found = both.result()
        enough = found.prompts >= self.least_prompts
        scores = {
            "distribution": nearness(hamming.result().mmd),
            "distribution_spectrum": nearness(spectrum.result().mmd),
            "distribution_p": found.p,
        }
        return ChannelResult(
            {name: np.where(enough, matrix, np.nan) for name, matrix in scores.items()},
            found.prompts,
            f"fewer than {self.least_prompts} prompts that both answered at least twice",
            frozenset({"distribution", "distribution_spectrum"}),
        )


PLUGIN = Distribution()
