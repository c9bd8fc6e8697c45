"""Weights: whether two models' hidden units are the same ones, by exact tests against having been made apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint
from forensics.features.unit_matching import LEAST_TOKENS, weigh
from forensics.features.unit_profiles import FEATURE, NO_FOLDER, TOKENS, UNITS, profiles, unreadable
from forensics.folders import Folder
from forensics.records import Declaration, Prompt, ResponseSet, WeightEvidence

FIELDS = {"weights": "statistic", "weights_log10_p": "log10_p", "weights_cka": "cka", "weights_spectra": "spectra"}


class Weights:
    """The channel. A response set has no weights: its fingerprint is empty unless a folder was given for the model."""

    declaration = Declaration(
        "weights",
        "1",
        "Hidden units of two weights files, matched",
        "Order of units: Zhu et al. 2025 (Independence tests for language models). Signs of units: this project, by "
        "the same symmetry. Unbiased CKA of query and key weights: Zeng et al. 2025 (AWM)",
        parameters={"tokens": TOKENS, "units": UNITS, "least_tokens": LEAST_TOKENS},
        limitations=(
            "an exact p-value is no likelihood ratio: it is shown, and weighs in none",
            "says that weights are shared, not by whom first, nor whether by copy, tuning, merge or a common parent",
            "a model trained on another's outputs shares no weights with it",
            "two trainings from the same initial weights share those weights",
            "whoever reorders the units and turns their signs as well leaves nothing that is tested here",
            "needs models of one depth and kind of feed-forward part, and enough tokens in common",
            "CKA and spectra are alike for models of the same data too, and are shown only",
        ),
        weightless=True,
    )
    least_prompts = 0
    feature = FEATURE

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """Nothing: see `fingerprint_folder`."""
        return unreadable(NO_FOLDER)

    def fingerprint_folder(self, folder: Folder, revision: str) -> Fingerprint:
        """The unit profiles of a weights folder; raises UnsafeWeights naming the file that cannot be read."""
        return profiles(folder, revision)

    def unreadable(self, why: str) -> Fingerprint:
        """Nothing, and why."""
        return unreadable(why)

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`weights`: mean signed similarity of matched units, in [-1, 1]; `weights_log10_p`: log10 of the exact p-value
        against having been made apart; `weights_cka`, `weights_spectra`: as in `WeightEvidence`. n: signs tested."""
        m = len(population)
        scores = {name: np.full((m, m), np.nan) for name in FIELDS}
        n = np.zeros((m, m), dtype=np.int64)
        told = evidence(population)
        for (i, j), found in told.items():
            n[i, j] = n[j, i] = sum(layer.signs for layer in found.layers)
            for name, field in FIELDS.items():
                value = getattr(found, field)
                scores[name][i, j] = scores[name][j, i] = np.nan if value is None else value
        return ChannelResult(scores, n, NO_FOLDER, of_wording=False, of_pairs=told)


def evidence(population: Sequence[Fingerprint]) -> dict[tuple[int, int], WeightEvidence]:
    """What the weights of each pair say, by places i < j, of models for which a folder was given."""
    given = [place for place, one in enumerate(population) if str(one["why"][0]) != NO_FOLDER]
    return {(i, j): weigh(population[i], population[j]) for k, i in enumerate(given) for j in given[k + 1 :]}


PLUGIN = Weights()
