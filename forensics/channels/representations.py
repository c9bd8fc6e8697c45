"""Representations: how alike two local models' hidden states are on the same texts. Runs on request, weighs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint
from forensics.features.hidden_states import FEATURE, hidden_states, texts
from forensics.features.unit_profiles import NO_FOLDER, unreadable
from forensics.folders import Folder
from forensics.records import Declaration, Prompt, ResponseSet
from forensics.stats.cka import unbiased_cka

Gram = NDArray[np.float64]


class Representations:
    """Unbiased CKA of hidden states, and agreement on the direction from ordinary texts to those at the boundary."""

    declaration = Declaration(
        "representations",
        "1",
        "Hidden states on the same texts",
        "CKA: Kornblith et al. 2019. Refusal direction as a difference of means: Arditi et al. 2024",
        limitations=(
            "runs on request only, and needs both models' weights: each is loaded and run on 64 texts",
            "models of the same data are alike without any lineage: shown, and of no weight",
            "texts are read as they stand, in English and without a chat template",
        ),
        weightless=True,
    )
    least_prompts = 0
    feature = FEATURE

    def prompts_read(self, prompts: Mapping[str, Prompt]) -> frozenset[str]:
        """None: the texts are its own."""
        return frozenset()

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """Nothing: see `fingerprint_folder`."""
        return unreadable(NO_FOLDER)

    def fingerprint_folder(self, folder: Folder, revision: str) -> Fingerprint:
        """Gram matrices of the hidden states of every layer."""
        return hidden_states(folder)

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
        """`representations`: mean unbiased CKA over layers at the same depth, about 0 to 1; `representations_boundary`:
        correlation, within either kind of text, of how far each lies along the direction from one kind to the other."""
        m = len(population)
        names = ("representations", "representations_boundary")
        scores = {name: np.full((m, m), np.nan) for name in names}
        n = np.zeros((m, m), dtype=np.int64)
        told = [i for i, one in enumerate(population) if "gram" in one]
        for k, i in enumerate(told):
            for j in told[k + 1 :]:
                pairs = _at_one_depth(population[i]["gram"], population[j]["gram"])
                n[i, j] = n[j, i] = len(texts()[0])
                for name, measure in zip(names, (unbiased_cka, _boundary), strict=True):
                    found = [measure(a, b) for a, b in pairs]
                    scores[name][i, j] = scores[name][j, i] = np.nanmean(found) if np.isfinite(found).any() else np.nan
        return ChannelResult(scores, n, NO_FOLDER, of_wording=False)


def _at_one_depth(one: NDArray[np.float32], other: NDArray[np.float32]) -> list[tuple[Gram, Gram]]:
    """Layers of two models at the same share of their depth, as many as the shallower has, without the embeddings."""
    depth = min(len(one), len(other)) - 1
    places = [np.linspace(1, len(gram) - 1, depth).round().astype(int) for gram in (one, other)]
    return [(one[a].astype(np.float64), other[b].astype(np.float64)) for a, b in zip(*places, strict=True)]


def _boundary(one: Gram, other: Gram) -> float:
    """Correlation over texts of their places along each model's own direction, the two groups' means taken off.

    The direction is a difference of means, so a text's place along it follows from the Gram matrix alone, in any basis.
    """
    along = []
    _, kind = texts()
    for gram in (one, other):
        place = gram[:, kind].mean(axis=1) - gram[:, ~kind].mean(axis=1)
        for group in (kind, ~kind):
            place[group] -= place[group].mean()
        along.append(place)
    size = np.linalg.norm(along[0]) * np.linalg.norm(along[1])
    return float(along[0] @ along[1] / size) if size > 0 else float("nan")


PLUGIN = Representations()
