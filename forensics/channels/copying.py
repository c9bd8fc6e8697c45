"""Copying: long passages that two models share word for word and few others say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint
from forensics.channels._wording import OfTokens
from forensics.features.blocks import blocks
from forensics.features.copies import copy_weights
from forensics.features.tokens import MAX_CHARACTERS, token_hashes
from forensics.records import Declaration, Prompt
from forensics.stats.pooling import PromptMean
from forensics.stats.spans import boilerplate, rare_run_overlap, replies, runs, same_reply

LEAST_MODELS = 8
RUN = 8
LEAST_REPLY = 20
FLOOR = 0.01


class Copying(OfTokens):
    """Rare runs of eight tokens or more, and whole replies, that two models have in common."""

    declaration = Declaration(
        "copying",
        "1",
        "Long passages shared word for word",
        "Rare shared shingles (Broder 1997; selection by hash as in Schleimer et al. 2003, winnowing)",
        parameters={
            "run_tokens": RUN,
            "runs_kept": "one in four, by hash",
            "rare_share": 0.1,
            "least_reply_tokens": LEAST_REPLY,
            "characters": MAX_CHARACTERS,
        },
        limitations=(
            "a text that both learned by heart (a poem, a licence) counts where few others recite it",
            "runs of the prompt, of more than a tenth of the models, and of many prompts are left out",
            "case and spacing are not compared; what follows the first 4,000 characters is not read",
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
        """`copying`: ln of the mean overlap of rare runs; `copying_identical`: share of common prompts in [0, 1] on
        which both gave the same reply of 20 tokens or more."""
        m = len(population)
        one = copy_weights(population)
        passages, whole = [], []
        for block in blocks(population, prompts, least_models=LEAST_MODELS):
            said = (block.tokens, block.segment, block.row_of_segment)
            passages.append(runs(block.rows, *said, token_hashes(prompts[block.prompt_id].text), RUN))
            whole.append(replies(block.rows, *said, LEAST_REPLY))
        stock, set_replies = boilerplate(passages, len(passages)), boilerplate(whole, len(whole))
        overlap, identical = PromptMean(m), PromptMean(m)
        for i, (passage, reply) in enumerate(zip(passages, whole, strict=True)):
            overlap.add(i, passage.rows, rare_run_overlap(passage.without(stock), one))
            identical.add(i, reply.rows, same_reply(reply.without(set_replies), one))
        scores = {
            "copying": _lifted_log(overlap.mean(self.least_prompts)),
            "copying_identical": identical.mean(self.least_prompts),
        }
        why = f"fewer than {self.least_prompts} common prompts that at least {LEAST_MODELS} models answered"
        return ChannelResult(scores, overlap.counts, why, frozenset({"copying"}))


def _lifted_log(overlap: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln of overlaps lifted by a hundredth of their mean; NaN everywhere where nothing is shared at all."""
    told = overlap[np.isfinite(overlap)]
    if not told.any():
        return np.full_like(overlap, np.nan)
    return np.asarray(np.log(overlap + FLOOR * told.mean()))


PLUGIN = Copying()
