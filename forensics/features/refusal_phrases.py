"""The phrases of refusals, hedges and deliveries, and where they stand in a text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

LEXICON = Path(__file__).parent / "refusal_data" / "cues.toml"
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
    {"the", "of", "and", "to", "is", "it", "i", "that", "this", "you", "not", "for", "with", "are", "but", "be", "my"}
)
CANNOT = re.compile(r"\bcan't\b")
WORD = re.compile(r"\w+")
# Signs of ASCII as numbers below 32, those of words from 5: what a phrase can begin with fits into a small table.
IN_WORD, BEGINNING = 5, 3


def _code(sign: str) -> int:
    if "a" <= sign <= "z":
        return IN_WORD + ord(sign) - ord("a")
    return 31 if sign.isascii() and (sign.isalnum() or sign == "_") else 2 + " '".find(sign)


CODES = bytes(map(_code, map(chr, range(256))))
SPACED = bytes(sign if code >= IN_WORD else 32 for sign, code in enumerate(CODES))


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


def _codes(text: str) -> bytes:
    return text.encode("ascii", "replace").translate(CODES)


class Matchers(dict[str, re.Pattern[str] | None]):
    """The first characters of a word to the pattern of all cues that can begin so, or None; made when first met."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self.spaced = not UNSPACED.issuperset(languages)
        self.k = 4 if self.spaced else 2
        self._phrases: list[tuple[str, str]] = []
        self._by_head: dict[str, list[int]] = {}
        self._made: dict[tuple[int, ...], re.Pattern[str]] = {}
        self._begins = np.zeros((32,) * BEGINNING, dtype=np.bool_)
        for cue, by_language in lexicon().items():
            for phrase in (p for language in languages for p in by_language.get(language, ())):
                for head in _heads(phrase, self.k):
                    self._by_head.setdefault(head, []).append(len(self._phrases))
                self._phrases.append((cue, _expression(phrase)))
        for head in self._by_head:
            self._begins[tuple(_codes(head[:BEGINNING]))] = True

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

    def _starts(self, text: str) -> Sequence[int]:
        """Where a phrase may begin: at every sign of scripts without spaces, else at words of a likely beginning."""
        if not self.spaced:
            return range(len(text))
        if not text.isascii():
            return [m.start() for m in WORD.finditer(text)]
        codes = np.frombuffer(_codes(f" {text}  "), dtype=np.uint8)
        first, second, third = codes[1:-2], codes[2:-1], codes[3:]
        at = np.flatnonzero((first >= IN_WORD) & (codes[:-3] < IN_WORD))
        likely: list[int] = at[self._begins[first[at], second[at], third[at]]].tolist()
        return likely

    def cues(self, text: str) -> Iterator[tuple[str, int]]:
        """(cue, place) of every phrase of the text from left to right, none inside another."""
        end, k = 0, self.k
        for at in self._starts(text):
            if at >= end and (pattern := self[text[at : at + k]]) is not None and (match := pattern.match(text, at)):
                end = match.end()
                yield match.lastgroup or "", at


@cache
def matchers_of(languages: tuple[str, ...]) -> Matchers:
    """The matchers of a group of languages, made once."""
    return Matchers(languages)


def _words(text: str) -> list[str]:
    return text.encode().translate(SPACED).decode().split() if text.isascii() else WORD.findall(text)


def languages_of(text: str) -> list[tuple[str, ...]]:
    """Groups of languages whose phrases are looked for, told from the scripts and the small words of the text."""
    groups: list[tuple[str, ...]] = []
    if not text.isascii():
        groups += [(name,) for name, script in SCRIPTS.items() if script.search(text)]
    english = sum(map(ENGLISH.__contains__, _words(text)))
    english += len(CANNOT.findall(text)) if "can't" in text else 0
    if not groups or english:
        groups.append(("en",) if english >= 0.12 * (text.count(" ") + 1) else LATIN)
    return groups
