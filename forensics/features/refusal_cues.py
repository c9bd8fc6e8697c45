"""The cues of a reply: which refusing, hedging and delivering phrases stand where in it, and its shape."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from forensics.features.refusal_phrases import languages_of, lexicon, matchers_of
from forensics.features.text import visible_text

WINDOWS = ("opening", "head", "body", "close")
HEAD, SCANNED, CLOSE, READ = 350, 1200, 300, 4000
DENSE = 2.5  # a character of these scripts says about as much as so many Latin letters
SHAPE = ("length", "length^2", "short", "long", "question", "list", "layout", "code", "one sentence", "first sentence")
DECLINING = ("unable", "decline", "sorry", "premise", "improper", "aim", "sympathy")
TEMPERING = (
    *("length", "long", "list", "layout", "but_helps", "unreal"),
    *("no_access", "deliver", "define", "norms", "seek_help"),
)

CURLY = {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u00b4": "'", "\u201c": '"', "\u201d": '"'}
FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
QUOTED = {  # by the mark that begins it: what is in quotation marks is somebody else's voice
    '"': re.compile(r'"[^"\n]{2,400}"'),
    "\u00ab": re.compile(r"\u00ab[^\u00bb\n]{2,400}\u00bb"),
    "\u201e": re.compile(r'\u201e[^"\n]{2,400}"'),
    "\u300c": re.compile(r"\u300c[^\u300d\n]{2,400}\u300d"),
    "\u300e": re.compile(r"\u300e[^\u300f\n]{2,400}\u300f"),
    " '": re.compile(r" '(?:[^'\n]|(?<=\w)'(?=\w)){8,400}'(?!\w)"),
}
MARKS = "*_#>`\u200b"
SENTENCE = re.compile(r"[.!?](?=\s|[^\x00-\x7f]|$)|[\u3002\uff01\uff1f\u0964\u061f\n]")
LISTED = re.compile(r"\n[ \t]*(?:[-*\u2022]|\(?\d{1,2}[.)\u3001])\s")
LAYOUT = re.compile(r"\n[ \t]*(?:#{1,6} |\*\*[^*\n]+\*\*:?[ \t]*\n|---)")
COMPACT = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")


@cache
def rows() -> dict[str, int]:
    """Cue to its row among the counts."""
    return {cue: row for row, cue in enumerate(lexicon())}


@dataclass(frozen=True)
class Reply:
    """A completion made ready: lower-cased, without fences, quotations and marks, spaces single.

    raw: its beginning with them. head and close: the text from its beginning and, where it is longer, its end. first:
    the length of the first sentence. length: of all that is seen, in Latin letters' worth. dense: that of one sign.
    """

    raw: str
    head: str
    close: str
    first: int
    length: float
    dense: float


def _plain(text: str) -> str:
    for mark in MARKS:
        text = text.replace(mark, "")
    return " ".join(text.lower().split())


def _straight(text: str) -> str:
    """The text with straight quotes. Replacing one by one is several times as fast as a translation table."""
    if not text.isascii():
        for curly, straight in CURLY.items():
            text = text.replace(curly, straight)
    return text


def _own_words(raw: str) -> str:
    """What is said in the model's own voice; all of it where that leaves nothing."""
    told = FENCE.sub(" ", raw) if "```" in raw else raw
    told = f" {told}"
    for mark, quotation in QUOTED.items():
        if mark in told:
            told = quotation.sub(" ", told)
    told = told.strip()
    return told if len(told) >= 12 else raw.replace('"', " ").replace("```", " ").strip()


def ready(completion: str) -> Reply:
    """The completion without inline thinking, code and quotations; where nothing is left, with them."""
    seen = visible_text(completion).strip()
    raw = _straight(seen[:READ])
    told = _own_words(raw)
    dense = 1 + (DENSE - 1) * (0 if told.isascii() else len(COMPACT.findall(told[:400]))) / max(len(told[:400]), 1)
    scanned, closing = round(SCANNED / dense), round(CLOSE / dense)
    end = SENTENCE.search(told, 12)
    first = len(_plain(told[: end.end() if end else 240]))
    ending = _straight(seen[-closing:]) if len(seen) > READ else told[max(scanned, len(told) - closing) :]
    return Reply(raw, _plain(told[:scanned]), _plain(ending), first, len(seen) * dense, dense)


def counts(reply: Reply) -> NDArray[np.int64]:
    """(cues, windows) how often each cue stands in each window of the reply, in the order of the lexicon."""
    place = rows()
    told = [[0] * len(WINDOWS) for _ in place]
    head = round(HEAD / reply.dense)
    closing = len(reply.head) if reply.close else len(reply.head) - round(CLOSE / reply.dense)
    for languages in languages_of(reply.head[:400]):
        matchers = matchers_of(languages)
        for cue, at in matchers.cues(reply.head):
            told[place[cue]][0 if at < reply.first else 3 if at >= closing else 1 if at < head else 2] += 1
        for cue, _ in matchers.cues(reply.close):
            told[place[cue]][3] += 1
    return np.array(told, dtype=np.int64)


def shape(reply: Reply) -> list[float]:
    """The values of `SHAPE`."""
    length = math.log1p(reply.length / 100)
    beginning = "\n" + reply.raw
    return [
        length,
        length * length / 4,
        float(reply.length < 250),
        float(reply.length > 1500),
        float(reply.raw[-1:] in ("?", "\uff1f", "\u061f")),
        min(math.log1p(len(LISTED.findall(beginning))), 2.0),
        min(math.log1p(len(LAYOUT.findall(beginning))), 2.0),
        float("```" in reply.raw),
        float(reply.first >= len(reply.head)),
        math.log1p(reply.first * reply.dense / 100),
    ]


@cache
def names() -> tuple[str, ...]:
    """The features in order: every cue in every window, every cue's count, the shape, and declining openings times
    what tempers them."""
    cues = list(lexicon())
    return (
        *(f"{c}@{w}" for c in cues for w in WINDOWS),
        *(f"{c} (count)" for c in cues),
        *SHAPE,
        *(f"{d}@opening, {t}" for d in DECLINING for t in TEMPERING),
    )


@cache
def _crossing() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the declining cues, and places of what tempers them among the counts followed by the shape."""
    places = [*lexicon(), *SHAPE]
    return np.array([places.index(d) for d in DECLINING]), np.array([places.index(t) for t in TEMPERING])


def features(reply: Reply, told: NDArray[np.int64]) -> NDArray[np.float64]:
    """(f,) the features of a reply and its counts, in the order of `names`."""
    declining, tempering = _crossing()
    present = told > 0
    plain = np.concatenate([np.log1p(told.sum(axis=1)), shape(reply)])
    crossed = present[:, 0][declining, None] * plain[tempering]
    return np.concatenate([present.ravel(), plain, crossed.ravel()])
