"""One pair's channels, read for its pages. What is computed is computed by the engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from forensics import channels, registry
from forensics.channels import Explaining
from forensics.lineage.explanation import Explanation as Told
from forensics.lineage.records import Comparison as Result
from forensics.lineage.standing import Standing, nearest, standing
from forensics.records import Declaration

WIDTH, HEIGHT = 480, 72


@dataclass(frozen=True, slots=True)
class Score:
    """One score of a pair: the channel that gives it, and where the pair stands on it."""

    name: str
    channel: str
    declaration: Declaration
    standing: Standing


def scores(result: Result, pair: tuple[int, int]) -> list[Score]:
    """Every score of the pair, in the order of the comparison."""
    found = ((name, channel_of(name), matrix) for name, matrix in result.scores.items())
    return [
        Score(name, channel, _declaration(channel), standing(matrix, pair))
        for name, channel, matrix in found
        if channel
    ]


@lru_cache(maxsize=256)
def channel_of(score: str) -> str:
    """The channel that gives a score: its first bears the channel's name, the others begin with it; '' if none does."""
    stems = {name.replace("-", "_"): name for name in registry.names(channels.PACKAGE)}
    fitting = [stem for stem in stems if score == stem or score.startswith(f"{stem}_")]
    return stems[max(fitting, key=len)] if fitting else ""


def _declaration(channel: str) -> Declaration:
    found: Declaration = registry.load(channels.PACKAGE, channel).declaration
    return found


def is_by_probe(channel: str) -> bool:
    """Whether a channel can say what each prompt gives, for scores that are made of prompts."""
    return isinstance(registry.load(channels.PACKAGE, channel), Explaining)


def parts(told: Told, score: str) -> dict[str, float]:
    """Prompt id to what the score gives on it, those first on which the two are most alike."""
    return {part.prompt_id: part.value for part in told.parts if part.feature == score}


def nearest_of(result: Result, score: str, place: int) -> list[tuple[str, float]]:
    """The models most alike one model on a score, by name."""
    return [(result.models[k], value) for k, value in nearest(result.scores[score], place)]


def bars(told: Standing) -> dict[str, Any]:
    """The histogram as rectangles in a drawing of fixed size, the pair's own bin marked."""
    tallest = max(told.counts, default=0)
    step = WIDTH / max(len(told.counts), 1)
    drawn = []
    for number, count in enumerate(told.counts):
        # A bin with one pair must stay visible beside one with thousands.
        height = max(2.0, (HEIGHT - 4) * count / tallest) if count else 0.0
        drawn.append(
            {
                "x": f"{number * step + 0.5:.2f}", "y": f"{HEIGHT - height:.2f}", "height": f"{height:.2f}",
                "own": number == told.bin,
            }
        )  # fmt: skip
    ends = (told.edges[0], told.edges[-1]) if told.edges else None
    return {"bars": drawn, "step": f"{max(step - 1, 1):.2f}", "width": WIDTH, "height": HEIGHT, "ends": ends}
