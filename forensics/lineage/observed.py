"""What models did, side by side and before any score: what they decline by topic, and their one-word answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forensics.features.blocks import open_prompts
from forensics.features.first_words import first_word
from forensics.features.refusal import RefusalState
from forensics.lineage.records import Refusals
from forensics.records import Prompt, ResponseSet

BOUNDARY, ONE_WORD = "refusal-boundary", "one-word"


def refusals(models: Sequence[str], prints: Sequence[Mapping[str, Any]], prompts: Mapping[str, Prompt]) -> Refusals:
    """Shares declined by model and topic. prints: the models' fingerprints of refusal states.

    Topics are the categories of the suite's refusal probes; where it has none, those of all its open prompts. A prompt
    without a category is counted under its family.
    """
    asked = open_prompts(prompts)
    chosen = {i: p for i, p in prompts.items() if p.family == BOUNDARY} or {i: prompts[i] for i in asked}
    topic = {i: p.category or p.family for i, p in chosen.items()}
    topics = tuple(sorted(set(topic.values())))
    place = {name: k for k, name in enumerate(topics)}
    declined, counts = np.zeros((len(models), len(topics))), np.zeros((len(models), len(topics)), dtype=np.int64)
    for row, told in enumerate(prints):
        for prompt_id, states in zip(told["prompt_ids"].tolist(), told["states"], strict=True):
            if prompt_id in topic:
                declined[row, place[topic[prompt_id]]] += states[RefusalState.REFUSED]
                counts[row, place[topic[prompt_id]]] += 1
    with np.errstate(invalid="ignore"):
        return Refusals(topics, np.where(counts, declined / np.maximum(counts, 1), np.nan), counts)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that wants one word. shares: answer -> the share of each model's replies, in the models' order, most
    given first; n: replies that each gave."""

    prompt_id: str
    text: str
    n: tuple[int, ...]
    shares: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class OneWords:
    """The one-word answers of some models, those questions first on which they have most in common.

    overlap: by question, the sum over answers of the least share among the models: 1 where all answer alike."""

    models: tuple[str, ...]
    asked: tuple[Asked, ...]
    overlap: Mapping[str, float]


def one_words(sets: Sequence[ResponseSet], prompts: Mapping[str, Prompt]) -> OneWords:
    """How often each model gave which word, on the questions of family one-word that all of them answered."""
    told: list[tuple[float, Asked]] = []
    for prompt_id in sorted(i for i, p in prompts.items() if p.family == ONE_WORD):
        replies = [[first_word(c.text) for c in responses.by_prompt.get(prompt_id, ())] for responses in sets]
        if sets and all(replies):
            asked = _asked(prompt_id, prompts[prompt_id].text, replies)
            told.append((sum(map(min, asked.shares.values())), asked))
    told.sort(key=lambda one: (-one[0], one[1].prompt_id))
    return OneWords(
        tuple(responses.model for responses in sets),
        tuple(asked for _, asked in told),
        {asked.prompt_id: overlap for overlap, asked in told},
    )


def _asked(prompt_id: str, text: str, replies: Sequence[Sequence[str]]) -> Asked:
    counts = [Counter(words) for words in replies]
    total = sum(counts, Counter[str]())
    words = sorted(total, key=lambda word: (-total[word], word))
    sizes = tuple(map(len, replies))
    shares = {word: tuple(found[word] / n for found, n in zip(counts, sizes, strict=True)) for word in words}
    return Asked(prompt_id, text, sizes, shares)
