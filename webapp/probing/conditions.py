"""Whether a likelihood ratio can rest on a suite: what the shipped calibrations ask for, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from forensics.evaluation.calibration import Calibration, shipped


@dataclass(frozen=True, slots=True)
class Coverage:
    """One calibration beside a suite. why: what is missing, '' where it holds. asks: its conditions in words."""

    calibration: str
    asks: str
    why: str = ""


_shipped = cache(shipped)


def coverage(*, suite_hash: str, probes: int, models: int, tokenizers: Sequence[str]) -> list[Coverage]:
    """What each shipped calibration says of a suite of so many probes that so many models have answered.

    Those that hold come first. The engine decides again in every comparison, by the models that are chosen.
    """
    found = [
        Coverage(f"{c.name} {c.version}", _asks(c), _why(c, suite_hash, probes, models, tokenizers)) for c in _shipped()
    ]
    return sorted(found, key=lambda told: bool(told.why))


def _asks(calibration: Calibration) -> str:
    limits = calibration.conditions
    own = ", on its own suites alone" if limits.suite_hashes else ", on any suite"
    zoo = ", the zoo's models alone" if limits.tokenizers else ""
    return f"at least {limits.least_prompts} common prompts, at least {limits.least_models} models{own}{zoo}"


def _why(calibration: Calibration, suite_hash: str, probes: int, models: int, tokenizers: Sequence[str]) -> str:
    limits = calibration.conditions
    if why := limits.refusal(models=models, suite_hash=suite_hash, tokenizers=tokenizers):
        return why
    if probes < limits.least_prompts:
        return f"it needs at least {limits.least_prompts} common prompts, and the suite has {probes}"
    return ""
