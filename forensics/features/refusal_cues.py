"""The cues of a reply: which refusing, hedging and delivering phrases stand where in it, and its shape."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.features.text import visible_text

LEXICON = Path(__file__).parent / "refusal_data" / "cues.toml"
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
SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "zh": re.compile(r"[\u4e00-\u9fff]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
}
UNSPACED = {"zh", "ja", "ko", "hi"}
LATIN = ("en", "de", "fr", "es", "it", "pt", "fi", "nl", "sv", "pl", "tr", "vi", "id")
ENGLISH = frozenset(
    ("the", "of", "and", "to", "is", "it", "i", "that", "this", "you", "not", "for", "with", "are", "but", "be", "my")
)
CANNOT = re.compile(r"\bcan't\b")
WORD = re.compile(r"\w+")


@cache
def lexicon() -> dict[str, dict[str, list[str]]]:
    """Cue to language to phrases, in the order of the file."""
    return tomllib.loads(LEXICON.read_text(encoding="utf-8"))


def _expression(phrase: str) -> str:
    told = re.sub(r"\((?!\?)", "(?:", phrase).replace(" .. ", r"(?: [^\s.!?]+){0,5}? ")
    return told.replace("~", r"\w*")


def _heads(phrase: str, k: int) -> set[str]:
    """What a match can begin with: strings of up to k characters, shorter where anything may follow."""
    if k == 0 or not phrase or phrase[0] in "[\\.~{":
        return {""}
    if phrase[0] != "(":
        rest = {phrase[0] + h for h in _heads(phrase[1:].removeprefix("?"), k - 1)}
        return rest | _heads(phrase[2:], k) if phrase[1:2] == "?" else rest
    inside, rest_of = _group(phrase)
    optional = rest_of[:1] == "?"
    if rest_of[:1] == "{":
        return {""}
    after = rest_of.removeprefix("?")
    ways = [way + after for way in inside] + ([after] if optional else [])
    return set().union(*(_heads(way, k) for way in ways))


def _group(phrase: str) -> tuple[list[str], str]:
    """The alternatives of the group that the phrase begins with, and what follows it."""
    depth, begun, ways = 0, 1, []
    for at, letter in enumerate(phrase):
        depth += (letter == "(") - (letter == ")")
        if (letter == "|" and depth == 1) or depth == 0:
            ways.append(phrase[begun:at])
            begun = at + 1
        if depth == 0:
            return ways, phrase[at + 1 :]
    raise ValueError(f"a bracket stays open in the phrase {phrase!r}")


class Matchers(dict[str, re.Pattern[str] | None]):
    """The first characters of a word to the pattern of all cues that can begin so, or None; made when first met."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self.spaced = not UNSPACED.issuperset(languages)
        self.k = 4 if self.spaced else 2
        self._phrases: list[tuple[str, str]] = []
        self._by_head: dict[str, list[int]] = {}
        self._made: dict[tuple[int, ...], re.Pattern[str]] = {}
        for cue, by_language in lexicon().items():
            for phrase in (p for language in languages for p in by_language.get(language, ())):
                for head in _heads(phrase, self.k):
                    self._by_head.setdefault(head, []).append(len(self._phrases))
                self._phrases.append((cue, _expression(phrase)))

    def __missing__(self, key: str) -> re.Pattern[str] | None:
        chosen = tuple(sorted({i for n in range(len(key) + 1) for i in self._by_head.get(key[:n], ())}))
        self[key] = made = self._pattern(chosen) if chosen else None
        return made

    def _pattern(self, chosen: tuple[int, ...]) -> re.Pattern[str]:
        if chosen not in self._made:
            groups: dict[str, list[str]] = {}
            for cue, expression in map(self._phrases.__getitem__, chosen):
                groups.setdefault(cue, []).append(expression)
            joined = "|".join(f"(?P<{cue}>{'|'.join(ways)})" for cue, ways in groups.items())
            self._made[chosen] = re.compile(joined)
        return self._made[chosen]

    def cues(self, text: str) -> Iterator[tuple[str, int]]:
        """(cue, place) of every phrase of the text from left to right, none inside another."""
        end, k = 0, self.k
        starts = [m.start() for m in WORD.finditer(text)] if self.spaced else range(len(text))
        for at in starts:
            if at >= end and (pattern := self[text[at : at + k]]) is not None and (match := pattern.match(text, at)):
                end = match.end()
                yield match.lastgroup or "", at


@cache
def matchers_of(languages: tuple[str, ...]) -> Matchers:
    """The matchers of a group of languages, made once."""
    return Matchers(languages)


def languages_of(text: str) -> list[tuple[str, ...]]:
    """Groups of languages whose phrases are looked for, told from the scripts and the small words of the text."""
    groups: list[tuple[str, ...]] = []
    if not text.isascii():
        groups += [(name,) for name, script in SCRIPTS.items() if script.search(text)]
    english = sum(map(ENGLISH.__contains__, WORD.findall(text)))
    english += len(CANNOT.findall(text)) if "can't" in text else 0
    if not groups or english:
        groups.append(("en",) if english >= 0.12 * (text.count(" ") + 1) else LATIN)
    return groups


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
    place = {cue: row * len(WINDOWS) for row, cue in enumerate(lexicon())}
    told = [0] * (len(place) * len(WINDOWS))
    head = round(HEAD / reply.dense)
    closing = len(reply.head) if reply.close else len(reply.head) - round(CLOSE / reply.dense)
    for languages in languages_of(reply.head[:400]):
        matchers = matchers_of(languages)
        for cue, at in matchers.cues(reply.head):
            told[place[cue] + (0 if at < reply.first else 3 if at >= closing else 1 if at < head else 2)] += 1
        for cue, _ in matchers.cues(reply.close):
            told[place[cue] + 3] += 1
    return np.array(told, dtype=np.int64).reshape(len(place), len(WINDOWS))


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
def _crossing() -> tuple[list[int], list[int]]:
    """Rows of the declining cues, and places of what tempers them among the counts followed by the shape."""
    places = [*lexicon(), *SHAPE]
    return [places.index(d) for d in DECLINING], [places.index(t) for t in TEMPERING]


def features(reply: Reply, told: NDArray[np.int64]) -> NDArray[np.float64]:
    """(f,) the features of a reply and its counts, in the order of `names`."""
    declining, tempering = _crossing()
    present = told > 0
    plain = np.concatenate([np.log1p(told.sum(axis=1)), shape(reply)])
    crossed = np.outer(present[declining, 0], plain[tempering])
    return np.concatenate([present.ravel(), plain, crossed.ravel()])
