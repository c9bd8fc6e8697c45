"""A corpus made for benchmarks: families of models whose replies share planted phrases, and lone models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.records import Completion, Prompt, ResponseSet

WORDS = 4000
SENTENCES = 8
WORDS_A_SENTENCE = 14
COMMON_SENTENCES = 24


@dataclass(frozen=True)
class Generated:
    """Response sets, their prompts, and the pairs that were planted as parent and child (name, name)."""

    sets: tuple[ResponseSet, ...]
    prompts: Mapping[str, Prompt]
    kin: frozenset[tuple[str, str]]


def generate(*, families: int, lone: int, prompts: int, seed: int = 0, copied: float = 0.25) -> Generated:
    """`families` parents with a child each, and `lone` models; a child takes each sentence from its parent with
    probability `copied`, and everything else is drawn from a pool that all models share on a prompt, or is its own.
    """
    rng = np.random.default_rng(seed)
    words = np.array([f"{a}{b}" for a in _syllables(rng, 64) for b in _syllables(rng, 64)][:WORDS])
    parents = {f"child-{i:02}": f"parent-{i:02}" for i in range(families)}
    names = [*parents.values(), *parents, *(f"lone-{i:02}" for i in range(lone))]
    asked = {f"p{i:04}": Prompt.chat(f"p{i:04}", f"Question {i}") for i in range(prompts)}
    replies: dict[str, list[Completion]] = {name: [] for name in names}
    for prompt_id in asked:
        pool = [_sentence(rng, words) for _ in range(COMMON_SENTENCES)]
        said: dict[str, list[str]] = {}
        for name in names:
            said[name] = _reply(rng, words, pool, said.get(parents.get(name, "")), copied)
            replies[name].append(Completion(prompt_id, " ".join(said[name])))
    sets = tuple(ResponseSet.of(name, completions) for name, completions in replies.items())
    return Generated(sets, asked, frozenset((child, parent) for child, parent in parents.items()))


def _syllables(rng: np.random.Generator, count: int) -> list[str]:
    consonants, vowels = list("bdfgklmnprstvz"), list("aeiou")
    pairs = [c + v for c in consonants for v in vowels]
    return [str(s) for s in rng.permutation(pairs)[:count]]


def _sentence(rng: np.random.Generator, words: NDArray[np.str_]) -> str:
    # Squaring makes some words far more frequent than others, as in real text.
    chosen = words[(rng.random(WORDS_A_SENTENCE) ** 2 * words.size).astype(int)]
    return " ".join(chosen).capitalize() + "."


def _reply(
    rng: np.random.Generator, words: NDArray[np.str_], pool: list[str], parent: list[str] | None, copied: float
) -> list[str]:
    def one(place: int) -> str:
        if parent is not None and rng.random() < copied:
            return parent[place]
        return pool[int(rng.integers(len(pool)))] if rng.random() < 0.6 else _sentence(rng, words)

    return [one(place) for place in range(SENTENCES)]
