"""Refusals: which prompts two models decline, beyond how often each declines and how often all do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint
from forensics.features.blocks import open_prompts
from forensics.features.refusal import RefusalState, refusal_state
from forensics.records import Declaration, Prompt, ResponseSet

LEAST_MODELS = 8
NON_COMPLIANT = {RefusalState.REFUSED: 1.0, RefusalState.PARTIAL: 0.5, RefusalState.EVADED: 0.5}


class Refusals:
    """Correlation of the two models' refusals after each prompt's and each model's own rate is taken off."""

    declaration = Declaration(
        "refusals",
        "1",
        "Agreement on what to decline, beyond what all decline",
        "Residual agreement on a two-way table; own detector of refusal states",
        parameters={"least_mixed_prompts": 8},
        limitations=(
            "speaks only where some models refuse and others do not",
            "the detector reads openings, and is weak in languages it has no phrases for",
        ),
    )
    least_prompts = 8
    feature = "refusal-states@1"

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """prompt_ids (p,) and refused (p,): mean over samples of 1 refused, 0.5 partial or evaded, 0 complied."""
        kept: dict[str, float] = {}
        for prompt_id, completions in responses.by_prompt.items():
            states = [refusal_state(c.text) for c in completions]
            told = [NON_COMPLIANT.get(s, 0.0) for s in states if s is not RefusalState.NOTHING]
            if told:
                kept[prompt_id] = sum(told) / len(told)
        ids = sorted(kept)
        return {"prompt_ids": np.array(ids, dtype=np.str_), "refused": np.array([kept[i] for i in ids])}

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`refusals`: residual correlation in [-1, 1] over prompts on which the population is divided."""
        table = _table(population, sorted(open_prompts(prompts)))
        seen = np.isfinite(table)
        answered = seen.sum(axis=0)
        share = np.where(seen, table, 0).sum(axis=0) / np.maximum(answered, 1)
        mixed = (answered >= LEAST_MODELS) & (share > 0) & (share < 1)
        table, seen, share = table[:, mixed], seen[:, mixed], share[mixed]
        residual = np.where(seen, (table - share) / np.sqrt(share * (1 - share)), 0.0)
        own = residual.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        residual = np.where(seen, residual - own[:, None], 0.0)
        n = seen.astype(np.int64) @ seen.astype(np.int64).T
        square = (residual**2) @ seen.T
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = residual @ residual.T / np.sqrt(square * square.T)
        scores = np.where((n >= self.least_prompts) & np.isfinite(correlation), correlation, np.nan)
        np.fill_diagonal(scores, np.nan)
        why = f"fewer than {self.least_prompts} prompts on which the population is divided"
        return ChannelResult({"refusals": np.clip(scores, -1, 1)}, n, why)


def _table(population: Sequence[Fingerprint], prompt_ids: Sequence[str]) -> NDArray[np.float64]:
    """(m, p) refusal rates, NaN where a model has no completion to tell from."""
    place = {prompt_id: i for i, prompt_id in enumerate(prompt_ids)}
    table = np.full((len(population), len(place)), np.nan)
    for row, fingerprint in enumerate(population):
        for prompt_id, refused in zip(fingerprint["prompt_ids"].tolist(), fingerprint["refused"], strict=True):
            if prompt_id in place:
                table[row, place[prompt_id]] = refused
    return table


PLUGIN = Refusals()
