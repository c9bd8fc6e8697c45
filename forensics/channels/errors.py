"""Errors: the same wrong answers, beyond what the questions' difficulty and the models' accuracy explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint
from forensics.features.answers import canonical, final_answer
from forensics.features.blocks import open_prompts
from forensics.records import Declaration, Outcome, Prompt, ResponseSet
from forensics.stats.wrong_answers import Question, capa, residual_agreement, wrong_counts

LEAST_WRONG = 5


class Errors:
    """Residual agreement on wrong answers, and CAPA kappa as published."""

    declaration = Declaration(
        "errors",
        "1",
        "Agreement on wrong answers beyond difficulty and accuracy",
        "CAPA (Goel et al. 2025, arXiv 2502.04313); residual agreement on a two-way table",
        parameters={"least_questions": 20, "least_wrong_of_each": LEAST_WRONG, "least_models": 8},
        limitations=(
            "needs questions whose right answer is known, and models that get some of them wrong",
            "final answers are found by pattern: a format that the patterns miss is left out",
            "the number of answers to choose from is taken from the population, so that kappa hangs on who is in it",
            "models of like size and training share errors without lineage",
        ),
    )
    least_prompts = 20
    feature = "final-answers@1"

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """prompt_ids (p,) sorted; prompt (c,) int32, index of each answer's prompt; answer (c,) U, canonical.

        Completions without a final answer are left out.
        """
        told = [
            (prompt_id, answer)
            for prompt_id, completions in sorted(responses.by_prompt.items())
            for c in completions
            if (answer := final_answer(c.text, cut=c.outcome is Outcome.TRUNCATED))
        ]
        ids, prompt = np.unique(np.array([i for i, _ in told], dtype=np.str_), return_inverse=True)
        return {
            "prompt_ids": ids,
            "prompt": prompt.astype(np.int32),
            "answer": np.array([answer for _, answer in told], dtype=np.str_),
        }

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`errors`: residual agreement in [-1, 1]; `errors_capa`: kappa, at most 1. Over common answered questions."""
        m = len(population)
        questions = _questions(population, prompts)
        kappa, n = capa(questions, m)
        wrong = wrong_counts(questions, m)
        enough = (n >= self.least_prompts) & (np.minimum(wrong, wrong.T) >= LEAST_WRONG)
        np.fill_diagonal(enough, False)
        scores = {"errors": residual_agreement(questions, m), "errors_capa": kappa}
        why = (
            f"fewer than {self.least_prompts} common prompts with a known answer, or one of the two has fewer than "
            f"{LEAST_WRONG} of them wrong"
        )
        told = {name: np.where(enough, matrix, np.nan) for name, matrix in scores.items()}
        return ChannelResult(told, n, why, frozenset(told))


def _questions(population: Sequence[Fingerprint], prompts: Mapping[str, Prompt]) -> list[Question]:
    """The prompts with a known answer, as the population answered them, in sorted id order."""
    truth = {i: canonical(prompts[i].answer or "") for i in open_prompts(prompts)}
    replies: dict[str, dict[int, list[str]]] = {}
    for model, kept in enumerate(population):
        ids = kept["prompt_ids"].tolist()
        for place, answer in zip(kept["prompt"].tolist(), kept["answer"].tolist(), strict=True):
            if truth.get(ids[place]):
                replies.setdefault(ids[place], {}).setdefault(model, []).append(answer)
    return [_question(replies[i], truth[i]) for i in sorted(replies) if len(replies[i]) > 1]


def _question(replies: Mapping[int, Sequence[str]], truth: str) -> Question:
    """Shares of each answer among each model's samples."""
    column = {answer: k for k, answer in enumerate(sorted({a for told in replies.values() for a in told} | {truth}))}
    shares = np.zeros((len(replies), len(column)))
    for row, told in enumerate(replies.values()):
        for answer in told:
            shares[row, column[answer]] += 1 / len(told)
    shared = (shares > 0).sum(axis=0) > 1
    right = shares[:, column[truth]]
    shared[column[truth]] = False
    return Question(np.fromiter(replies, dtype=np.int64), right, shares[:, shared], max(len(column), 2))


PLUGIN = Errors()
