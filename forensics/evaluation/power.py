"""How often equality is rejected, against how much is asked: between models (power) and within one (size)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forensics.channels.distribution import Distribution
from forensics.channels.one_word import OneWord
from forensics.evaluation.equality import DRAWS, REJECTED, against_same
from forensics.evaluation.resampling import exact
from forensics.records import Completion, Prompt, ResponseSet
from forensics.tables import text_table

ALPHA = 0.05
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Rates:
    """Rejections at one size of sample.

    pairs: (k, 2) places of the two models, one and the same where halves of it were compared. values: (k, 3) their
    p-values (NaN where no permutation was asked for), log10 LRs against equality, and the e-process behind these.
    """

    samples: int
    prompts: int
    pairs: NDArray[np.int64]
    values: Matrix

    @property
    def of_one(self) -> NDArray[np.bool_]:
        """(k,) which are halves of one model."""
        return np.asarray(self.pairs[:, 0] == self.pairs[:, 1])

    @property
    def same(self) -> Matrix:
        """The values of halves of one model."""
        return self.values[self.of_one]

    @property
    def different(self) -> Matrix:
        """The values of two models."""
        return self.values[~self.of_one]


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


def some(responses: ResponseSet, asked: Sequence[str], samples: int, rng: np.random.Generator) -> list[ResponseSet]:
    """One response set of `samples` completions a prompt, drawn at random; prompts with fewer are left out."""
    kept: list[Completion] = []
    for prompt_id in asked:
        held = responses.by_prompt.get(prompt_id, ())
        if len(held) >= samples:
            drawn = rng.permutation(len(held))[:samples].tolist()
            kept += [replace(held[index], sample=place) for place, index in enumerate(drawn)]
    return [ResponseSet.of(responses.model, kept)]


def rates(
    sets: Sequence[ResponseSet],
    prompts: Mapping[str, Prompt],
    *,
    samples: int,
    asked: int,
    repeats: int,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> Rates:
    """Halves of every model against halves of every model, `asked` prompts drawn anew in each repeat.

    Only what is estimable counts. Prompts are drawn among those that at least two models (or the only one)
    answered 2 x samples times. With no `draws` the p-values are left out, and the one-word e-process speaks alone.
    """
    size = len(sets)
    a, b = (place.ravel() for place in np.indices((size, size)))
    return _repeated(
        sets, prompts, halves, (samples, 2 * samples, asked, repeats, draws), (a, b, 2 * a, 2 * b + 1), rng
    )


def between(
    sets: Sequence[ResponseSet],
    prompts: Mapping[str, Prompt],
    *,
    samples: int,
    asked: int,
    repeats: int,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> Rates:
    """Every two models, all of whose samples may be drawn: power where halves would be too few. Else as `rates`."""
    a, b = np.triu_indices(len(sets), 1)
    return _repeated(sets, prompts, some, (samples, samples, asked, repeats, draws), (a, b, a, b), rng)


def _repeated(
    sets: Sequence[ResponseSet],
    prompts: Mapping[str, Prompt],
    draw: Callable[..., list[ResponseSet]],
    sizes: tuple[int, int, int, int, int],
    places: Sequence[NDArray[np.int64]],
    rng: np.random.Generator,
) -> Rates:
    """places: of each pair, its two models, and the two response sets among those drawn that stand for them."""
    samples, needed, asked, repeats, draws = sizes
    least = min(2, len(sets))
    often = [i for i in sorted(prompts) if sum(len(s.by_prompt.get(i, ())) >= needed for s in sets) >= least]
    values = [np.empty((0, 3))]
    for _ in range(repeats):
        chosen = rng.permutation(often)[:asked].tolist()
        drawn = [side for responses in sets for side in draw(responses, chosen, samples, rng)]
        values.append(_found(drawn, {i: prompts[i] for i in chosen}, draws)[places[2], places[3]])
    found = np.concatenate(values)
    told = np.isfinite(found[:, 1])
    return Rates(samples, asked, np.tile(np.stack(places[:2], axis=1), (repeats, 1))[told], found[told])


def _found(population: Sequence[ResponseSet], prompts: Mapping[str, Prompt], draws: int) -> Matrix:
    """(m, m, 3) p-values, log10 LRs and log10 e-values."""
    spread, single = Distribution(draws), OneWord()
    e = single.compare([single.fingerprint(s) for s in population], prompts).scores["one_word_e"]
    p = np.full(e.shape, np.nan)
    if draws:
        p = spread.compare([spread.fingerprint(s) for s in population], prompts).scores["distribution_p"]
    return np.stack([p, against_same(p, e), -e], axis=2)


def report(table: Sequence[Rates]) -> str:
    """A table of rejection rates with 95 % Clopper-Pearson intervals, which take pairs for independent."""
    header = ["samples", "prompts", "pairs of", "n", "p <= .05", "LR >= 10"]
    return text_table(header, [row for found in table for row in _rows(found)])


def _rows(found: Rates) -> Iterator[list[str]]:
    for kind, values in (("one model", found.same), ("two models", found.different)):
        if values.size:
            hits = [values[:, 0] <= ALPHA, values[:, 1] >= REJECTED]
            shares = [_share(int(hit.sum()), hit.size) for hit in hits]
            yield [str(found.samples), str(found.prompts), kind, str(len(values)), *shares]


def _share(hits: int, n: int) -> str:
    low, high = exact(hits, n)
    return f"{hits / n:.4f} [{low:.4f}, {high:.4f}]"
