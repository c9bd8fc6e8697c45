"""Quirks: formatting habits and fixed phrases, beyond what the prompts call for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from forensics.channels import ChannelResult, Fingerprint
from forensics.features.blocks import open_prompts
from forensics.features.quirks import MAX_CHARACTERS, NAMES, quirk_table
from forensics.records import Declaration, Prompt, ResponseSet

LEAST_MODELS = 8
Table = NDArray[np.float64]


class Quirks:
    """Cosine of the models' habits, each habit as a normal score within the population."""

    declaration = Declaration(
        "quirks",
        "1",
        "Formatting habits and fixed phrases",
        "Own statistic: normal scores (van der Waerden) of prompt-centred rates, weighed by reliability",
        parameters={"habits": len(NAMES), "characters": MAX_CHARACTERS, "least_models": LEAST_MODELS},
        limitations=(
            "tells a recipe of tuning rather than a base: models of one developer are alike on any base",
            "a system prompt, a chat template or a rewriter can change every habit",
            "openers, closers and spelling are counted in English",
        ),
    )
    least_prompts = 10
    feature = "quirks@1"

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """Rates of every habit by prompt."""
        return quirk_table(responses)

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`quirks`: cosine in [-1, 1]; NaN for a pair with fewer than `least_prompts` common prompts."""
        seen, residuals = _residuals(population, prompts)
        common = seen.astype(np.int64) @ seen.astype(np.int64).T
        answered = np.maximum(seen.sum(axis=1), 1)[:, None]
        mean = np.array([table.sum(axis=0) for table in residuals]) / answered
        square = np.array([(table**2).sum(axis=0) for table in residuals]) / answered
        known = seen.sum(axis=1) >= self.least_prompts
        scores = np.full(common.shape, np.nan)
        if known.sum() >= LEAST_MODELS:
            noise = ((square - mean**2) / answered)[known]
            scores[np.ix_(known, known)] = _cosine(_normal_scores(mean[known]) * reliability(mean[known], noise))
        scores[common < self.least_prompts] = np.nan
        np.fill_diagonal(scores, np.nan)
        why = f"fewer than {self.least_prompts} common prompts that at least {LEAST_MODELS} models answered"
        return ChannelResult({"quirks": scores}, common, why, frozenset({"quirks"}))


def _residuals(
    population: Sequence[Fingerprint], prompts: Mapping[str, Prompt]
) -> tuple[NDArray[np.bool_], list[NDArray[np.float32]]]:
    """(m, p) who answered which of the prompts that enough models answered, and each model's rates (p_i, k) less the
    prompt's mean over models."""
    asked = sorted(open_prompts(prompts))
    place = {prompt_id: column for column, prompt_id in enumerate(asked)}
    columns = [np.array([place.get(i, -1) for i in kept["prompt_ids"].tolist()], dtype=np.int64) for kept in population]
    seen = np.zeros((len(population), len(asked)), dtype=bool)
    total = np.zeros((len(asked), len(NAMES)), dtype=np.float32)
    for row, (kept, where) in enumerate(zip(population, columns, strict=True)):
        seen[row, where[where >= 0]] = True
        total[where[where >= 0]] += kept["quirks"][where >= 0]
    count = seen.sum(axis=0)
    enough = count >= LEAST_MODELS
    centre = total / np.maximum(count, 1)[:, None]
    counted = np.append(enough, False)  # the place of a prompt that was not asked, -1
    chosen = [counted[where] for where in columns]
    residuals = [
        kept["quirks"][own].astype(np.float32) - centre[where[own]]
        for kept, where, own in zip(population, columns, chosen, strict=True)
    ]
    return seen & enough, residuals


def reliability(mean: Table, noise: Table) -> Table:
    """(k,) share of each habit's variance over models that is not sampling noise, in [0, 1].

    mean: (m, k) a model's mean over prompts. noise: (m, k) the variance of that mean. 0 for a habit without spread.
    """
    spread = mean.var(axis=0)
    return np.asarray(np.clip(1 - noise.mean(axis=0) / np.where(spread > 0, spread, np.inf), 0, 1) * (spread > 0))


def _normal_scores(values: Table) -> Table:
    """(m, k) normal scores of the ranks within each column; ties get the mean rank."""
    return np.asarray(ndtri(rankdata(values, axis=0) / (len(values) + 1)))


def _cosine(profile: Table) -> Table:
    length = np.linalg.norm(profile, axis=1, keepdims=True)
    unit = profile / np.where(length == 0, 1, length)
    return np.asarray(unit @ unit.T)


PLUGIN = Quirks()
