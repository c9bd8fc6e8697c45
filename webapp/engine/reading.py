"""What the page on the engine's own validation shows. Every figure comes from the records that ship with the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import reverse

from forensics.evaluation import calibration as calibrations
from forensics.evaluation import experience
from forensics.evaluation.calibration import Calibration
from forensics.evaluation.findings import curve_of
from webapp import drawing
from webapp.drawing import Drawn

FIGURES = ("tippett", "ece", "errors", "distributions", "prompts")
MEASURES = (
    ("cllr", "Cllr"),
    ("cllr_min", "Cllr min"),
    ("auc", "AUC"),
    ("eer", "EER"),
    ("misleading_10", "LR ≥ 10"),
    ("misleading_100", "LR ≥ 100"),
    ("misleading_1000", "LR ≥ 1000"),
)
JUDGED = {"left_out": "before the bound", "left_out_bounded": "as reported"}
PROMPTS_ON = "alpaca_eval"
"""The recording whose accuracy against the number of prompts is drawn: the one with most of them."""


@dataclass(frozen=True)
class Chosen:
    """One calibration with its record, and what of it is looked at."""

    calibration: Calibration
    told: Mapping[str, Any]
    proposition: str
    score: str

    @property
    def query(self) -> dict[str, str]:
        """What names it in an address."""
        return {"calibration": self.calibration.name, "proposition": self.proposition, "score": self.score}

    @property
    def scores(self) -> list[str]:
        """Scores whose distributions are at hand."""
        return list(self.told["distributions"])


def chosen(name: str, proposition: str, score: str) -> Chosen:
    """The calibration of that name, or the first; what it does not hold gives way to what it does."""
    known = judged()
    one = next((c for c in known if c.name == name), known[0])
    told = experience.shipped(one.name, one.hash)
    propositions, scores = list(one.propositions), list(told["distributions"]) or [""]
    return Chosen(
        one,
        told,
        proposition if proposition in propositions else propositions[0],
        score if score in scores else scores[0],
    )


@cache
def judged() -> tuple[Calibration, ...]:
    """The shipped calibrations, those for models of any kind first."""
    return tuple(sorted(calibrations.shipped(), key=lambda c: (bool(c.conditions.suite_hashes), c.name)))


def rows(one: Chosen) -> list[dict[str, Any]]:
    """A row for each proposition and way of judging: every measure with its interval, n, families and Turing's rule."""
    found = []
    for row in one.told["propositions"]:
        for kind, words in JUDGED.items():
            cells = [(row[kind][name], row[kind]["intervals"][name]) for name, _ in MEASURES]
            found.append(
                {k: row[k] for k in ("proposition", "n", "unrelated", "families", "bounds", "cllr_floor")}
                | {"judged": words, "cells": cells, "turing": row[kind]["turing_holds"]}
            )
    return found


def subject(one: Chosen, name: str) -> tuple[Any, dict[str, Any]]:
    """What a figure is drawn from, and its options."""
    if name == "prompts":
        return {"curve": curve_of(experience.record()["figures"], PROMPTS_ON)}, {}
    if name == "distributions":
        return one.told, {"score": one.score}
    if name == "errors":
        return one.told, {"judged": "left_out"}
    return one.told, {"proposition": one.proposition, "judged": "left_out" if name == "ece" else "left_out_bounded"}


def drawings(one: Chosen, query: str) -> dict[str, Drawn]:
    """Every figure of the page, by name."""
    found = {}
    for name in FIGURES:
        told, options = subject(one, name)
        address = f"{reverse('engine:csv', args=[name])}?{query}"
        found[name] = drawing.drawn(name, told, csv=address, **options)
    return found


def figures(study: str, corpus: str) -> list[Mapping[str, Any]]:
    """The record's single figures, of one study and recording where these are named."""
    every = experience.record()["figures"]
    return [row for row in every if study in ("", row["study"]) and corpus in ("", row["corpus"])]


@cache
def studies() -> tuple[list[str], list[str]]:
    """The studies and the recordings of the record, in its order."""
    every = experience.record()["figures"]
    return list(dict.fromkeys(r["study"] for r in every)), list(dict.fromkeys(r["corpus"] for r in every))
