"""Two completions side by side: which stretches they share, and which characters cannot be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from webapp.presenting import escape_name, hidden

TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
# The matcher is quadratic at worst; longer texts are shown without marks, and the page says so.
MOST_TOKENS = 3000
SHARED_TOKENS = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text. `marked`: it is what the reader asked to see. `escape`: it stands for a hidden character."""

    text: str
    marked: bool = False
    escape: bool = False


@dataclass(frozen=True, slots=True)
class Sides:
    """Both texts in pieces, how many hidden characters each holds, and whether they were too long to compare."""

    a: tuple[Piece, ...]
    b: tuple[Piece, ...]
    hidden_a: int
    hidden_b: int
    too_long: bool


def sides(a: str, b: str, *, marks: str = "differences", escapes: bool = False) -> Sides:
    """Both texts with what is asked for marked: differences, shared (runs of five tokens or more), or none."""
    tokens_a, tokens_b = TOKEN.findall(a), TOKEN.findall(b)
    too_long = max(len(tokens_a), len(tokens_b)) > MOST_TOKENS
    if too_long or marks == "none":
        runs_a, runs_b = [(a, False)], [(b, False)]
    else:
        runs_a, runs_b = _runs(tokens_a, tokens_b, marks)
    pieces_a, pieces_b = (tuple(_pieces(runs, escapes)) for runs in (runs_a, runs_b))
    return Sides(pieces_a, pieces_b, sum(map(hidden, a)), sum(map(hidden, b)), too_long and marks != "none")


Runs = list[tuple[str, bool]]


def _runs(tokens_a: list[str], tokens_b: list[str], marks: str) -> tuple[Runs, Runs]:
    runs_a: Runs = []
    runs_b: Runs = []
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, tokens_a, tokens_b, autojunk=False).get_opcodes():
        # A space between two differing words is not worth a break in the mark.
        shared = kind == "equal" and not (a1 - a0 == 1 and tokens_a[a0].isspace())
        marked = not shared if marks == "differences" else shared and a1 - a0 >= SHARED_TOKENS
        runs_a.append(("".join(tokens_a[a0:a1]), marked))
        runs_b.append(("".join(tokens_b[b0:b1]), marked))
    return runs_a, runs_b


def _pieces(runs: Runs, escapes: bool) -> Iterator[Piece]:
    for text, marked in runs:
        plain = ""
        for character in text:
            # A lone surrogate cannot be sent at all, so it is escaped whatever the switch says.
            if hidden(character) and (escapes or "\ud800" <= character <= "\udfff"):
                if plain:
                    yield Piece(plain, marked)
                yield Piece(escape_name(character), marked, escape=True)
                plain = ""
            else:
                plain += character
        if plain:
            yield Piece(plain, marked)
