"""Refusals: which prompts two models decline, beyond how often each does and all do, and in what words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from forensics.channels import ChannelResult, Fingerprint
from forensics.features.blocks import open_prompts
from forensics.features.refusal import RefusalState, refusal_state
from forensics.features.text import visible_text
from forensics.features.tokens import tokenise
from forensics.records import Declaration, Prompt, ResponseSet

LEAST_MODELS = 8
LEAST_REFUSING = 3  # below this a prompt has no usual wording that two refusals could share more than
SHRINKAGE = 5.0  # in models
OPENING, ORDERS = 40, (2, 3)
STATES = 4  # NOTHING is no behaviour of the model and has no place in the table
Matrix = NDArray[np.float64]


class Refusals:
    """Agreement of the states that two models choose, and of the words of their refusals."""

    declaration = Declaration(
        "refusals",
        "2",
        "Agreement on what to decline, beyond what all decline",
        "Residual agreement on a three-way table, Pearson residuals per state; own detector of refusal states; openings"
        " of refusals by word n-grams, centred per prompt",
        parameters={"least_mixed_prompts": 8, "least_prompts_both_refused": 5, "words_of_an_opening": OPENING},
        limitations=(
            "speaks only where some models refuse and others do not",
            "the detector does not see the request: a refusal in substance that reads like an answer is missed",
            "whether 'I have no access to that' refuses or answers is undecided among human judges too",
            "refusals are short and formulaic: their wording tells developers better than lineages",
        ),
    )
    least_prompts = 8
    least_refused = 5
    feature = "refusal-states@2"

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """What became of each prompt and how refusals begin.

        prompt_ids (p,); states (p, 4): shares of the samples that complied, in part, refused, evaded. refusal (r,): the
        place in `prompt_ids` of each refused completion; offsets (r + 1,) into grams (g,) uint64, the hashed distinct
        word 2- and 3-grams of its first 40 tokens.
        """
        ids: list[str] = []
        shares: list[NDArray[np.float64]] = []
        refusal: list[int] = []
        grams: list[list[int]] = []
        for prompt_id in sorted(responses.by_prompt):
            told = [(refusal_state(c.text), c.text) for c in responses.by_prompt[prompt_id]]
            counts = np.bincount([int(s) for s, _ in told], minlength=STATES + 1)[:STATES]
            if counts.sum():
                openings = [_grams(text) for state, text in told if state is RefusalState.REFUSED]
                refusal += [len(ids)] * len(openings)
                grams += openings
                ids.append(prompt_id)
                shares.append(counts / counts.sum())
        return {
            "prompt_ids": np.array(ids, dtype=np.str_),
            "states": np.array(shares, dtype=np.float64).reshape(len(ids), STATES),
            "refusal": np.array(refusal, dtype=np.int64),
            "offsets": np.cumsum([0, *map(len, grams)], dtype=np.int64),
            "grams": np.array([g for opening in grams for g in opening], dtype=np.uint64),
        }

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`refusals`: residual correlation in [-1, 1] over prompts on which the population is divided.
        `refusals_wording`: mean excess cosine of the openings of refusals over prompts that both refused, in [-1, 1].
        """
        asked = sorted(open_prompts(prompts))
        states, n = self._states(_table(population, asked))
        wording = self._wording(population, asked)
        why = f"fewer than {self.least_prompts} prompts on which the population is divided"
        return ChannelResult({"refusals": states, "refusals_wording": wording}, n, why)

    def _states(self, table: Matrix) -> tuple[Matrix, NDArray[np.int64]]:
        """(m, m) correlations and the divided prompts behind each, of a (m, p, 4) table of shares."""
        seen = np.isfinite(table[:, :, 0])
        answered = seen.sum(axis=0)
        usual = np.where(seen[:, :, None], table, 0).sum(axis=0) / np.maximum(answered, 1)[:, None]
        mixed = (answered >= LEAST_MODELS) & (usual.max(axis=1, initial=0) < 1)
        table, seen, usual = table[:, mixed], seen[:, mixed], usual[mixed]
        # Pearson residuals, shrunk so that a state which one model alone chose does not outweigh all others.
        spread = np.sqrt(usual * (1 - usual) + SHRINKAGE / np.maximum(answered[mixed], 1)[:, None])
        residual = np.where(seen[:, :, None], (table - usual) / spread, 0.0)
        own = residual.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)[:, None]
        residual = np.where(seen[:, :, None], residual - own[:, None, :], 0.0)
        n = seen.astype(np.int64) @ seen.astype(np.int64).T
        square = (residual**2).sum(axis=2) @ seen.T
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = np.einsum("ipk,jpk->ij", residual, residual, optimize=True) / np.sqrt(square * square.T)
        return _estimable(scores, n, self.least_prompts), n

    def _wording(self, population: Sequence[Fingerprint], asked: Sequence[str]) -> Matrix:
        """(m, m) mean over prompts that both refused of the cosine of openings less that prompt's mean cosine."""
        m = len(population)
        total, n = np.zeros((m, m)), np.zeros((m, m), dtype=np.int64)
        model, prompt, vectors = _openings(population, asked)
        for place in np.unique(prompt):
            here = np.flatnonzero(prompt == place)
            if here.size >= LEAST_REFUSING:
                cosine = (vectors[here] @ vectors[here].T).toarray()
                np.fill_diagonal(cosine, 0.0)
                usual = cosine.sum() / (here.size * (here.size - 1))
                total[np.ix_(model[here], model[here])] += cosine - usual
                n[np.ix_(model[here], model[here])] += 1
        return _estimable(total / np.maximum(n, 1), n, self.least_refused)


def _grams(text: str) -> list[int]:
    tokens = tokenise(visible_text(text).lower())[:OPENING]
    found = {" ".join(tokens[i : i + k]) for k in ORDERS for i in range(len(tokens) - k + 1)}
    return sorted(int.from_bytes(hashlib.blake2b(g.encode(), digest_size=8).digest()) for g in found)


def _estimable(scores: Matrix, n: NDArray[np.int64], least: int) -> Matrix:
    told = np.where((n >= least) & np.isfinite(scores), np.clip(scores, -1, 1), np.nan)
    np.fill_diagonal(told, np.nan)
    return told


def _table(population: Sequence[Fingerprint], asked: Sequence[str]) -> Matrix:
    """(m, p, 4) shares of the states, NaN where a model has no completion to tell from."""
    place = {prompt_id: column for column, prompt_id in enumerate(asked)}
    table = np.full((len(population), len(place), STATES), np.nan)
    for row, fingerprint in enumerate(population):
        ids = fingerprint["prompt_ids"].tolist()
        known = [k for k, prompt_id in enumerate(ids) if prompt_id in place]
        table[row, [place[ids[k]] for k in known]] = fingerprint["states"][known]
    return table


def _openings(
    population: Sequence[Fingerprint], asked: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], csr_matrix]:
    """(model, prompt, unit vectors) of the first refusal of each model to each prompt, over grams of rare wording.

    A gram counts where it stands in refusals of two prompts or more (else it echoes the request) and two models or
    more; its weight is ln((m + 1) / models that use it).
    """
    place = {prompt_id: column for column, prompt_id in enumerate(asked)}
    model: list[int] = []
    prompt: list[int] = []
    grams: list[NDArray[np.uint64]] = []
    for row, told in enumerate(population):
        ids, seen = told["prompt_ids"].tolist(), set()
        for k, at in enumerate(told["refusal"].tolist()):
            if ids[at] in place and at not in seen:
                seen.add(at)
                model.append(row)
                prompt.append(place[ids[at]])
                grams.append(told["grams"][told["offsets"][k] : told["offsets"][k + 1]])
    if not grams:
        return np.array(model, dtype=np.int64), np.array(prompt, dtype=np.int64), csr_matrix((0, 0))
    names, columns = np.unique(np.concatenate(grams), return_inverse=True)
    lines = np.repeat(np.arange(len(grams)), [g.size for g in grams])
    users = _distinct(np.array(model)[lines], columns, names.size)
    asks = _distinct(np.array(prompt)[lines], columns, names.size)
    weight = np.where((users >= 2) & (asks >= 2), np.log((len(population) + 1) / users), 0.0)
    norm = np.sqrt(np.bincount(lines, weight[columns] ** 2, minlength=len(grams)))
    values = weight[columns] / np.maximum(norm, 1e-12)[lines]
    return np.array(model), np.array(prompt), csr_matrix((values, (lines, columns)), shape=(len(grams), names.size))


def _distinct(owner: NDArray[np.int64], columns: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """(size,) how many different owners each column has."""
    pairs = np.unique(np.stack([columns, owner]), axis=1)
    return np.bincount(pairs[0], minlength=size)


PLUGIN = Refusals()
