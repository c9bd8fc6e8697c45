"""A fitted calibration: versioned data that turns scores into calibrated, bounded log10 likelihood ratios."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.channels import weightless
from forensics.errors import BadInput
from forensics.evaluation.bounds import STRANGERS
from forensics.provenance import sha256_json

SHIPPED = Path(__file__).parent / "calibrations"
LN10 = math.log(10.0)


@dataclass(frozen=True)
class PropositionModel:
    """Ridge-logistic fusion for one proposition, balanced so that its output odds are likelihood ratios.

    `features` are score columns; each is clipped to `ranges` (what the fit has seen) before `coefficients` (>= 0)
    weigh it. A feature that is not estimable takes `missing` instead, where the fit has seen it missing; where it has
    not, `missing` is None and the pair gets no LR. `bounds` are log10. Columns of a channel that declares itself
    weightless are refused, whether they come from a fit or from a file.
    """

    features: tuple[str, ...]
    intercept: float
    coefficients: tuple[float, ...]
    ranges: tuple[tuple[float, float], ...]
    missing: tuple[float | None, ...]
    bounds: tuple[float, float]
    positives: int
    negatives: int
    families: int

    def __post_init__(self) -> None:
        if shown := weightless(self.features):
            raise BadInput(f"shown and never weighed: {', '.join(shown)}; leave them out of the likelihood ratio")

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> PropositionModel:
        """The model from its JSON; raises KeyError, TypeError or ValueError where that is none."""
        return cls(
            tuple(row["features"]),
            float(row["intercept"]),
            tuple(float(c) for c in row["coefficients"]),
            tuple((float(low), float(high)) for low, high in row["ranges"]),
            tuple(None if v is None else float(v) for v in row["missing"]),
            (float(row["bounds"][0]), float(row["bounds"][1])),
            int(row["positives"]),
            int(row["negatives"]),
            int(row["families"]),
        )

    @property
    def weighed(self) -> tuple[str, ...]:
        """The features that have a coefficient above 0."""
        return tuple(name for name, weight in zip(self.features, self.coefficients, strict=True) if weight)

    def llr_raw(self, scores: Mapping[str, NDArray[np.float64]], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """log10 LR before the bound, NaN where a needed score is not estimable, or all are.

        It is the fused LR where a descendant is one in fifty times a stranger to look at: LR = .02 + .98 fused, so that
        little similarity stays weak evidence.
        """
        fused = np.minimum(self.fused(scores, shape), 300.0)
        return np.asarray(np.log10(STRANGERS + (1 - STRANGERS) * 10.0**fused))

    def fused(self, scores: Mapping[str, NDArray[np.float64]], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """log10 of the odds that the weighed scores come to; NaN as in `llr_raw`."""
        total, told = np.full(shape, self.intercept), np.zeros(shape, dtype=bool)
        for name, weight, (low, high), missing in zip(
            self.features, self.coefficients, self.ranges, self.missing, strict=True
        ):
            values = scores.get(name, np.full(shape, np.nan))
            absent = np.nan if missing is None else missing
            told |= np.isfinite(values)
            total = total + np.where(np.isfinite(values), weight * np.clip(values, low, high), absent)
        return np.asarray(np.where(told, total / LN10, np.nan))

    def bounded(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """The raw log10 LR held within the bounds."""
        return np.asarray(np.clip(raw, *self.bounds))


@dataclass(frozen=True)
class Conditions:
    """What a calibration was validated on, and so where it may be used.

    least_prompts: a pair's common prompts as the channel `counted` counts them. least_models: independent models in the
    population. suite_hashes, tokenizers: where given, nothing else is covered.
    """

    least_prompts: int
    least_models: int
    counted: str = "agreement"
    suite_hashes: tuple[str, ...] = ()
    tokenizers: tuple[str, ...] = ()

    def refusal(self, *, models: int, suite_hash: str, tokenizers: Sequence[str]) -> str:
        """Why these conditions do not cover a population; '' where they do."""
        if self.suite_hashes and suite_hash not in self.suite_hashes:
            return "it holds for another probe suite"
        if self.tokenizers and not set(tokenizers) <= set(self.tokenizers):
            return "it holds for the zoo's own models only"
        if models < self.least_models:
            return f"it needs at least {self.least_models} models to compare with, and there are {models}"
        return ""


@dataclass(frozen=True)
class Calibration:
    """A fitted calibration with its origin, conditions and hash."""

    name: str
    version: str
    origin: str
    conditions: Conditions
    propositions: Mapping[str, PropositionModel]
    corpora: tuple[str, ...]
    hash: str
    background: Mapping[str, Any] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """What reports and pages say of it."""
        return {
            "name": self.name,
            "version": self.version,
            "origin": self.origin,
            "hash": self.hash,
            "conditions": {
                "least_prompts": self.conditions.least_prompts,
                "least_models": self.conditions.least_models,
                "counted": self.conditions.counted,
                "suites": list(self.conditions.suite_hashes),
            },
            "bounds": {name: list(model.bounds) for name, model in self.propositions.items()},
            "families": {name: model.families for name, model in self.propositions.items()},
            "background": dict(self.background),
        }


def parse(plain: Mapping[str, Any], *, where: str) -> Calibration:
    """A calibration from its JSON; raises BadInput naming the file."""
    try:
        propositions = {name: PropositionModel.parse(row) for name, row in plain["propositions"].items()}
        limits = plain["conditions"]
        conditions = Conditions(
            int(limits["least_prompts"]),
            int(limits["least_models"]),
            str(limits.get("counted", "agreement")),
            tuple(limits.get("suite_hashes", ())),
            tuple(limits.get("tokenizers", ())),
        )
        return Calibration(
            str(plain["name"]),
            str(plain["version"]),
            str(plain["origin"]),
            conditions,
            propositions,
            tuple(plain.get("corpora", ())),
            sha256_json(plain),
            plain.get("background", {}),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise BadInput(f"not a calibration: {problem!r}", where=where) from problem


def load(path: Path) -> Calibration:
    """The calibration in a file."""
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")), where=path.name)
    except (OSError, ValueError) as problem:
        raise BadInput(f"cannot be read as JSON: {problem}", where=path.name) from problem


def shipped() -> tuple[Calibration, ...]:
    """The calibrations that come with this version, the more specific (tied to a suite) first."""
    found = [load(path) for path in sorted(SHIPPED.glob("*.json"))]
    return tuple(sorted(found, key=lambda c: (not c.conditions.suite_hashes, c.name)))


def choose(
    calibrations: Sequence[Calibration], *, models: int, suite_hash: str, tokenizers: Sequence[str]
) -> tuple[Calibration | None, str]:
    """The first calibration whose conditions cover a population, or None and why none does."""
    why = "no calibration ships with this version"
    for calibration in calibrations:
        why = calibration.conditions.refusal(models=models, suite_hash=suite_hash, tokenizers=tokenizers)
        if not why:
            return calibration, ""
        why = f"the calibration {calibration.name!r} does not cover this: {why}"
    return None, why
