"""Tokens: whether two models count the tokens of the same texts alike, but for a constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint
from forensics.records import Declaration, Prompt, ResponseSet

FAMILY = "tokenizer-bands"


class Tokens:
    """How many texts differ by one and the same number of tokens: all of them where the tokenizer is shared."""

    declaration = Declaration(
        "tokens",
        "1",
        "Prompt-token counts, but for a constant",
        "This project: a system prompt or a template adds a constant, so that differences of counts tell a tokenizer",
        parameters={"least_prompts": 8, "least_bands": 3, "least_languages": 4},
        limitations=(
            "names the tokenizer family, never a teacher: shown, and of no weight",
            "models of many developers share a tokenizer, and a model can be given another",
            "needs an endpoint that tells prompt tokens, and tells them truly",
            "small vocabularies may count a few texts alike by coincidence: only all texts alike is a finding",
        ),
        weightless=True,
    )
    least_prompts = 8
    least_bands = 3
    least_languages = 4
    feature = "prompt-tokens@1"

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """prompt_ids (p,) sorted, count (p,) int64: prompts of which every sample that tells a count tells the same."""
        told: dict[str, set[int]] = {}
        for completion in responses.completions:
            if completion.prompt_tokens:
                told.setdefault(completion.prompt_id, set()).add(completion.prompt_tokens)
        agreed = {prompt_id: counts.pop() for prompt_id, counts in sorted(told.items()) if len(counts) == 1}
        return {
            "prompt_ids": np.array(list(agreed), dtype=np.str_),
            "count": np.array(list(agreed.values()), dtype=np.int64),
        }

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`tokens`: the share of texts whose counts differ by the commonest difference, in (0, 1]; 1 where the counts
        differ by a constant, and the tokenizer family is shared.

        NaN with fewer than `least_prompts` common texts, or with texts of fewer than `least_bands` length bands or
        `least_languages` languages among them.
        """
        asked = [prompts[i] for i in sorted(prompts) if prompts[i].family == FAMILY]
        place = {prompt.prompt_id: column for column, prompt in enumerate(asked)}
        table = np.full((len(population), len(asked)), np.nan)
        for row, kept in enumerate(population):
            for prompt_id, count in zip(kept["prompt_ids"].tolist(), kept["count"].tolist(), strict=True):
                if prompt_id in place:
                    table[row, place[prompt_id]] = count
        seen = np.isfinite(table).astype(np.int64)
        n = seen @ seen.T
        enough = n >= self.least_prompts
        enough &= _kinds(seen, [prompt.category.partition("/")[0] for prompt in asked]) >= self.least_bands
        enough &= _kinds(seen, [prompt.language for prompt in asked]) >= self.least_languages
        np.fill_diagonal(enough, False)
        scores = np.where(enough, _commonest(table) / np.maximum(n, 1), np.nan)
        why = (
            f"prompt-token counts on fewer than {self.least_prompts} common texts of {self.least_bands} length bands "
            f"and {self.least_languages} languages"
        )
        return ChannelResult({"tokens": scores}, n, why, of_wording=False)


def _kinds(seen: NDArray[np.int64], kinds: Sequence[str]) -> NDArray[np.int64]:
    """(m, m) how many kinds the texts are of that both have counts of."""
    found = np.zeros((len(seen), len(seen)), dtype=np.int64)
    for kind in sorted(set(kinds)):
        one = seen[:, [other == kind for other in kinds]]
        found += one @ one.T > 0
    return found


def _commonest(table: NDArray[np.float64]) -> NDArray[np.int64]:
    """(m, m) how many texts have the commonest difference of counts; 0 where no text is in common."""
    found = np.zeros((len(table), len(table)), dtype=np.int64)
    for row, counts in enumerate(table):
        apart = counts - table
        for column in range(table.shape[1]):
            found[row] = np.maximum(found[row], (apart == apart[:, [column]]).sum(axis=1))
    return found


PLUGIN = Tokens()
