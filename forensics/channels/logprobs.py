"""Next-token distributions after the same text: strong evidence of shared weights, between models of one tokenizer."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint, PairCells
from forensics.records import Declaration, Mode, Prompt, ResponseSet
from forensics.stats.divergence import pairwise_jensen_shannon

FLOOR = 1e-3
Matrix = NDArray[np.float64]


def _key(text: str) -> int:
    """The first eight bytes of a text's SHA-256 as an unsigned number."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _similarity(divergence: NDArray[Any]) -> NDArray[Any]:
    """Minus ln of the divergence in bits; the floor keeps copies finite, at about 6.9."""
    return -np.log(divergence + FLOOR)


class LogProbs:
    """The channel."""

    least_prompts = 8
    feature = "next-tokens@1"
    declaration = Declaration(
        name="logprobs",
        version="1",
        title="Next-token distributions",
        source="Jensen-Shannon divergence (Lin 1991) of top-k next-token distributions on common prefixes",
        parameters={"floor_bits": FLOOR, "missing": "row minimum"},
        limitations=(
            "Compares only models whose vocabularies are the same.",
            "Models tuned on the same chats are alike in chats, lineage or not; both kinds of text tell a student.",
            "Needs next-token probabilities, which most hosted endpoints do not give for raw text.",
            "Chat tuning moves raw-text distributions too: low similarity is weak evidence of no lineage.",
        ),
    )

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """tokenizer (1,) U64; per position: prompt (n,) U, chars (n,) int64, start (n + 1,) int64 into the entries
        token (e,) uint64 and logp (e,) float32, natural log."""
        prompt: list[str] = []
        chars: list[int] = []
        start: list[int] = [0]
        tokens: list[int] = []
        logp: list[float] = []
        for completion in responses.completions:
            for told in completion.next_tokens if completion.sample == 0 else ():
                prompt.append(completion.prompt_id)
                chars.append(told.chars)
                tokens += [_key(text) for text, _ in told.top]
                logp += [value for _, value in told.top]
                start.append(len(tokens))
        return {
            "tokenizer": np.array([responses.tokenizer], dtype=str),
            "prompt": np.array(prompt, dtype=str),
            "chars": np.array(chars, dtype=np.int64),
            "start": np.array(start, dtype=np.int64),
            "token": np.array(tokens, dtype=np.uint64),
            "logp": np.array(logp, dtype=np.float32),
        }

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`logprobs` over raw prompts and `logprobs_chat` over chat prompts: minus ln of the mean divergence in bits;
        `logprobs_both`: mean over prompts of minus ln of each one's divergence, raw and chat prompts counting half.

        Larger is more alike, in about [0, 6.9]. A pair is compared over its shared (prompt, characters) positions;
        NaN where the tokenizers differ or fewer than `least_prompts` prompts of that mode (of either) are shared.
        """
        listed = sorted(prompts)
        told = {prompt_id for one in population for prompt_id in one["prompt"].tolist()}
        drawn_from = np.array([prompt_id in told for prompt_id in listed], dtype=bool)
        order = [prompt_id for prompt_id in listed if prompt_id in told]
        total, count = _per_prompt(population, order)
        same = _same_tokenizer(population)
        every = np.ones((1, len(order)))
        drawn = None if weights is None else weights[:, drawn_from].astype(np.float64)
        scores: dict[str, Matrix] = {}
        replicates: dict[str, NDArray[np.float32]] = {}
        common: dict[str, NDArray[np.int64]] = {}
        evenly: list[tuple[Matrix, NDArray[np.float64]]] = []
        for name, mode in (("logprobs", Mode.RAW), ("logprobs_chat", Mode.CHAT)):
            chosen = np.array([prompts[p].mode is mode for p in order], dtype=bool)
            common[name] = np.where(same, (count[chosen] > 0).sum(0), 0).astype(np.int64)
            usable = (common[name] >= self.least_prompts) & ~np.eye(len(population), dtype=bool)
            part = _Part(total[chosen], count[chosen], usable)
            scores[name] = part.pooled(every[:, chosen])[0]
            own = every[:0, chosen] if drawn is None else drawn[:, chosen]
            evenly.append((part.evenly(every[:, chosen])[0], part.evenly(own)))
            if drawn is not None:
                replicates[name] = part.pooled(own).astype(np.float32)
        scores["logprobs_both"] = (evenly[0][0] + evenly[1][0]) / 2
        if drawn is not None:
            replicates["logprobs_both"] = ((evenly[0][1] + evenly[1][1]) / 2).astype(np.float32)
        why = f"no common tokenizer, or fewer than {self.least_prompts} raw prompts with next-token probabilities"
        return ChannelResult(scores, common["logprobs"], why, replicates=replicates, of_wording=False)

    def cells(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        result: ChannelResult,
        pair: tuple[int, int],
    ) -> Mapping[str, PairCells]:
        """The pair's divergence at each position, in bits, and for `logprobs_both` minus ln of that of each prompt.

        The latter are scaled about their mean so that raw and chat prompts count half.
        """
        own = [population[model] for model in pair]
        found: dict[str, tuple[list[str], list[str], list[float]]] = {}
        for (_, prompt_id, chars), held in _positions(own, prompts).items():
            if len(held) == 2:
                name = "logprobs" if prompts[prompt_id].mode is Mode.RAW else "logprobs_chat"
                ids, labels, values = found.setdefault(name, ([], [], []))
                ids.append(prompt_id)
                labels.append(f"after {chars} characters")
                values.append(float(pairwise_jensen_shannon(*_dense(own, held))[0, 1]))
        told = {
            name: PairCells(tuple(ids), np.array(values), _similarity, tuple(labels))
            for name, (ids, labels, values) in found.items()
        }
        if len(told) == 2:
            told["logprobs_both"] = _both(list(told.values()))
        return {name: cells for name, cells in told.items() if np.isfinite(result.scores[name][pair])}


def _both(sides: Sequence[PairCells]) -> PairCells:
    """One cell to a prompt, of two sides that count half each however many prompts they have."""
    per_prompt = []
    for side in sides:
        ids, where = np.unique(side.prompt_ids, return_inverse=True)
        mean = np.bincount(where, side.values) / np.bincount(where)
        per_prompt.append((ids, _similarity(mean)))
    prompts = sum(ids.size for ids, _ in per_prompt)
    score = float(np.mean([values.mean() for _, values in per_prompt]))
    values = [score + (values - values.mean()) * prompts / (2 * values.size) for _, values in per_prompt]
    named = tuple(str(i) for ids, _ in per_prompt for i in ids)
    return PairCells(named, np.concatenate(values), np.positive)


@dataclass(frozen=True)
class _Part:
    """Prompts of one mode: divergence sums and counts (p, m, m), and the pairs (m, m) that share enough of them."""

    total: Matrix
    count: Matrix
    usable: NDArray[np.bool_]

    def pooled(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Similarity (r, m, m) of the mean divergence under prompt weights (r, p)."""
        return _similarity(self._mean(weights, self.total, self.count))

    def evenly(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean similarity (r, m, m) of single prompts, so that the few at which two differ most do not outweigh."""
        there = (self.count > 0).astype(np.float64)
        single = np.where(self.count > 0, _similarity(self.total / np.maximum(self.count, 1)), 0.0)
        return self._mean(weights, single, there)

    def _mean(self, weights: NDArray[np.float64], summed: Matrix, counted: Matrix) -> NDArray[np.float64]:
        sums, counts = np.tensordot(weights, summed, 1), np.tensordot(weights, counted, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.usable & (counts > 0), sums / counts, np.nan)


def _same_tokenizer(population: Sequence[Fingerprint]) -> NDArray[np.bool_]:
    names = np.array([str(one["tokenizer"][0]) for one in population])
    same: NDArray[np.bool_] = (names[:, None] == names[None, :]) & (names != "")[:, None]
    return same


def _per_prompt(population: Sequence[Fingerprint], order: Sequence[str]) -> tuple[Matrix, Matrix]:
    """Sums of divergence and counts of positions, each (prompts, m, m), over pairs of one tokenizer."""
    m, place = len(population), {prompt_id: n for n, prompt_id in enumerate(order)}
    total, count = np.zeros((len(order), m, m)), np.zeros((len(order), m, m))
    for (_, prompt_id, _), held in _positions(population, place).items():
        if len(held) > 1:
            who = np.array([model for model, _ in held])
            at = (place[prompt_id], who[:, None], who[None, :])
            total[at] += pairwise_jensen_shannon(*_dense(population, held))
            count[at] += 1
    return total, count


def _positions(
    population: Sequence[Fingerprint], prompts: Container[str]
) -> dict[tuple[str, str, int], list[tuple[int, int]]]:
    """(tokenizer, prompt, characters) to the (model, row) of those who tell what comes there."""
    groups: dict[tuple[str, str, int], list[tuple[int, int]]] = {}
    for model, one in enumerate(population):
        tokenizer = str(one["tokenizer"][0])
        for row, (prompt_id, chars) in enumerate(zip(one["prompt"].tolist(), one["chars"].tolist(), strict=True)):
            if tokenizer and prompt_id in prompts:
                groups.setdefault((tokenizer, prompt_id, chars), []).append((model, row))
    return groups


def _dense(
    population: Sequence[Fingerprint], held: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities and presence, each (models, tokens), of one position over the union of listed tokens."""
    spans = [(population[model]["start"][row], population[model]["start"][row + 1]) for model, row in held]
    listed = [population[model]["token"][a:b] for (model, _), (a, b) in zip(held, spans, strict=True)]
    values = [population[model]["logp"][a:b] for (model, _), (a, b) in zip(held, spans, strict=True)]
    union, where = np.unique(np.concatenate(listed), return_inverse=True)
    rows = np.repeat(np.arange(len(held)), [len(tokens) for tokens in listed])
    probability = np.zeros((len(held), len(union)))
    present = np.zeros_like(probability, dtype=bool)
    probability[rows, where] = np.exp(np.concatenate(values).astype(np.float64))
    present[rows, where] = True
    return probability, present


PLUGIN = LogProbs()
