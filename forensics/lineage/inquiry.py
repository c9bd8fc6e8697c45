"""What is asked of the foremost references beside their likelihood ratios: direction, alternatives, mixture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.lineage import alternatives
from forensics.lineage.direction import Catalogue, direction
from forensics.lineage.mixtures import mixture
from forensics.lineage.records import UNTOLD, Comparison, Direction, Identification, PairInquiry
from forensics.lineage.sharing import Sharing, sharing
from forensics.records import Prompt

FOREMOST = 3
SOURCES = 4
KIN = 2.0


def inquire(
    found: Identification,
    comparison: Comparison,
    tables: Sequence[Mapping[str, NDArray[Any]]],
    prompts: Mapping[str, Prompt],
    catalogue: Catalogue | None = None,
) -> Identification:
    """The identification with direction and alternatives for its foremost references, and the mixture it may be.

    tables: the token tables of `comparison.models`, in that order, then those of a background if any. Looked at are the
    three foremost references that stand out (the first, where none does), and as possible sources four that are no kin
    of each other. Nothing of it moves a likelihood ratio.
    """
    place = {name: i for i, name in enumerate(comparison.models)}
    q = place[found.questioned]
    named = [row for row in found.ranking if row.stands_out][:FOREMOST] or list(found.ranking[:1])
    first = [place[row.reference] for row in named]
    sources = unlike(comparison, q, [place[row.reference] for row in found.ranking])
    focus = list(dict.fromkeys([q, *first, *sources]))
    told = sharing(tables, prompts, focus)
    pairs = tuple(
        _pair(told, focus.index(r), comparison, catalogue, row.relation) for row, r in zip(named, first, strict=True)
    )
    mixed = mixture(told, [focus.index(r) for r in sources], comparison.models)
    return replace(found, pairs=pairs, mixture=mixed)


def unlike(comparison: Comparison, q: int, references: Sequence[int]) -> list[int]:
    """Up to four references most like the questioned model, no two of them alike: one for each possible source."""
    kin = comparison.kin
    chosen: list[int] = []
    for r in sorted((r for r in references if np.isfinite(kin[q, r])), key=lambda r: (-kin[q, r], r)):
        if len(chosen) < SOURCES and not any(kin[r, other] >= KIN for other in chosen):
            chosen.append(r)
    return chosen


def _pair(told: Sharing, k: int, comparison: Comparison, catalogue: Catalogue | None, relation: str) -> PairInquiry:
    reference = comparison.models[int(told.focus[k])]
    third = alternatives.strongest_alternative(told, k, comparison.models)
    way = direction(told, k, comparison, catalogue, relation, third)
    return PairInquiry(reference, way, third, (_way(way, reference), alternatives.words(third, reference, relation)))


def _way(way: Direction, reference: str) -> str:
    told = f"Direction between the questioned model and {reference}: {way.answer} ({way.reason})."
    leans = [f"{row['kind']}: {row['leans']}" for row in way.evidence if row["leans"] != UNTOLD]
    return told + (f" Leaning: {'; '.join(leans)}." if leans else "")
