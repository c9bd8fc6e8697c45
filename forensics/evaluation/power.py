"""How often equality is rejected, against how much is asked: between models (power) and within one (size)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from forensics.channels.distribution import Distribution
from forensics.channels.one_word import OneWord
from forensics.evaluation.equality import against_same
from forensics.records import Completion, Prompt, ResponseSet
from forensics.tables import text_table

ALPHA = 0.05
TENFOLD = 1.0


@dataclass(frozen=True)
class Rates:
    """Rejections at one size of sample. `same` and `different`: (pairs, 2) p-values and log10 e-values, of halves of
    one model and of halves of two."""

    samples: int
    prompts: int
    same: NDArray[np.float64]
    different: NDArray[np.float64]


def halves(responses: ResponseSet, asked: Sequence[str], samples: int, rng: np.random.Generator) -> list[ResponseSet]:
    """Two response sets of `samples` completions a prompt, drawn without replacement from one; prompts with fewer than
    twice as many are left out."""
    sides: tuple[list[Completion], list[Completion]] = ([], [])
    for prompt_id in asked:
        held = responses.by_prompt.get(prompt_id, ())
        if len(held) >= 2 * samples:
            drawn = rng.permutation(len(held))[: 2 * samples]
            for place, index in enumerate(drawn.tolist()):
                sides[place % 2].append(replace(held[index], sample=place // 2))
    return [ResponseSet.of(responses.model, side) for side in sides]


def rates(
    sets: Sequence[ResponseSet],
    prompts: Mapping[str, Prompt],
    *,
    samples: int,
    asked: int,
    repeats: int,
    rng: np.random.Generator,
) -> Rates:
    """Halves of every model against halves of every model, `asked` prompts drawn anew in each repeat.

    Only what is estimable counts. Prompts are drawn among those that at least two models answered 2 x samples times.
    """
    often = [i for i in sorted(prompts) if sum(len(s.by_prompt.get(i, ())) >= 2 * samples for s in sets) > 1]
    same, different = [np.empty((0, 2))], [np.empty((0, 2))]
    for _ in range(repeats):
        chosen = rng.permutation(often)[:asked].tolist()
        pairs = [halves(responses, chosen, samples, rng) for responses in sets]
        found = _found([half for pair in pairs for half in pair], {i: prompts[i] for i in chosen})
        across = found[::2, 1::2]
        own = np.eye(len(sets), dtype=bool)
        same.append(across[own])
        different.append(across[~own])
    return Rates(samples, asked, _told(np.concatenate(same)), _told(np.concatenate(different)))


def _found(population: Sequence[ResponseSet], prompts: Mapping[str, Prompt]) -> NDArray[np.float64]:
    """(m, m, 2) p-values and log10 e-values."""
    spread, single = Distribution(), OneWord()
    p = spread.compare([spread.fingerprint(s) for s in population], prompts).scores["distribution_p"]
    e = single.compare([single.fingerprint(s) for s in population], prompts).scores["one_word_e"]
    return np.stack([p, against_same(p, e)], axis=2)


def _told(found: NDArray[np.float64]) -> NDArray[np.float64]:
    return found[np.isfinite(found[:, 1])]


def report(table: Sequence[Rates]) -> str:
    """A table of rejection rates with 95 % Clopper-Pearson intervals, which take pairs for independent."""
    header = ["samples", "prompts", "pairs of", "n", "p <= .05", "e >= 10"]
    return text_table(header, [row for found in table for row in _rows(found)])


def _rows(found: Rates) -> Iterator[list[str]]:
    for kind, values in (("one model", found.same), ("two models", found.different)):
        if values.size:
            hits = [values[:, 0] <= ALPHA, values[:, 1] >= TENFOLD]
            shares = [_share(int(hit.sum()), hit.size) for hit in hits]
            yield [str(found.samples), str(found.prompts), kind, str(len(values)), *shares]


def _share(hits: int, n: int) -> str:
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return f"{hits / n:.4f} [{low:.4f}, {high:.4f}]"
