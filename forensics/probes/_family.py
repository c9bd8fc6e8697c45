"""What every probe family is made of."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.records import Declaration, GenerationConfig


@dataclass(frozen=True)
class Family:
    """A family: what it is for, and how its completions are drawn unless a suite says otherwise."""

    declaration: Declaration
    config: GenerationConfig
