"""One-word answers: how often two models give the same free choices, and whether their habits could be equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint
from forensics.features.first_words import answer_table
from forensics.features.samples import prompt_key
from forensics.records import Declaration, Prompt, ResponseSet
from forensics.stats.answers import AnswerCells
from forensics.stats.eprocess import CAUTION, log10_e_of_pairs

FAMILY = "one-word"
LEAST_SAMPLES = 2
SAMPLES = 64


class OneWord:
    """Answer distributions over the prompts of family one-word, each a cell."""

    declaration = Declaration(
        "one-word",
        "1",
        "Habits in one-word choices",
        "Jensen-Shannon divergence (Lin 1991), Nei's distance (1972), e-process (Turner, Ly and Grunwald 2024)",
        parameters={"samples": SAMPLES, "caution": list(CAUTION), "least_samples": LEAST_SAMPLES},
        limitations=(
            "shown beside likelihood ratios and never part of one",
            "speaks of prompts of family one-word alone, at least five with two or more samples of either model",
            "with few samples the divergence is above 0 for equal models too; compare it with other pairs",
            "a large e-value speaks against sameness under the same settings, never against lineage",
        ),
    )
    least_prompts = 5
    feature = "first-words@1"

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """Hashed first words of every completion; see features.answers.answer_table."""
        return answer_table(responses)

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`one_word` (1 - mean divergence in bits), `one_word_nei` (minus Nei's distance) and `one_word_e` (minus log10
        of the e-value against equality: below -2 equality has lost a hundredfold)."""
        m = len(population)
        asked = sorted((prompt_key(p), i) for i, p in prompts.items() if p.family == FAMILY)
        answers, there = _answers(population, [prompt_id for _, prompt_id in asked])
        totals = AnswerCells(m)
        for cell in range(len(asked)):
            rows = np.flatnonzero(there[:, cell].any(axis=1))
            if rows.size > 1:
                totals.add(rows, answers[rows, cell], there[rows, cell])
        found = totals.result()
        # Asked in turn, one sample of every cell after the other, as a scan would.
        said, given = np.swapaxes(answers, 1, 2).reshape(m, -1), np.swapaxes(there, 1, 2).reshape(m, -1)
        evidence = log10_e_of_pairs(said, given, np.tile(np.arange(len(asked)), answers.shape[2]))
        enough = found.cells >= self.least_prompts
        scores = {"one_word": 1 - found.jensen_shannon, "one_word_nei": -found.nei, "one_word_e": -evidence}
        return ChannelResult(
            {name: np.where(enough, matrix, np.nan) for name, matrix in scores.items()},
            found.cells,
            f"fewer than {self.least_prompts} one-word prompts that both answered at least twice",
        )


def _answers(population: Sequence[Fingerprint], cells: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """(m, cells, n) hashes, and which of them are there: none in cells with fewer than two answers."""
    held: list[tuple[int, int, NDArray[np.uint64]]] = []
    place = {prompt_id: cell for cell, prompt_id in enumerate(cells)}
    for model, table in enumerate(population):
        bounds = np.searchsorted(table["prompt"], np.arange(table["prompt_ids"].size + 1)) if cells else ()
        for index, prompt_id in enumerate(table["prompt_ids"].tolist() if cells else ()):
            given = table["answer"][bounds[index] : bounds[index + 1]][:SAMPLES]
            if prompt_id in place and given.size >= LEAST_SAMPLES:
                held.append((model, place[prompt_id], given))
    answers = np.zeros((len(population), len(cells), max((g.size for _, _, g in held), default=0)), dtype=np.uint64)
    there = np.zeros(answers.shape, dtype=bool)
    for model, cell, given in held:
        answers[model, cell, : given.size], there[model, cell, : given.size] = given, True
    return answers, there


PLUGIN = OneWord()
