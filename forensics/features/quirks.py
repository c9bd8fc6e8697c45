"""Formatting habits and fixed phrases of a completion, as a vector of rates taken from its raw text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.features import habits
from forensics.features.text import visible_text
from forensics.records import ResponseSet

MAX_CHARACTERS = 4000
CLOSING, LOOP = 200, 60
LINE = re.compile("|".join(f"({pattern})" for pattern in habits.LINES.values()))
OPENER = re.compile("|".join(f"({pattern})" for pattern in habits.OPENERS), re.IGNORECASE)
ITEM = re.compile(r"[ \t]*(?:[-*\u2022+]|\d+[.)])[ \t]")
TITLE = re.compile(r"(?:#+|\*\*) *([^\n*#]{6,80})")
DIGITS = re.compile(r"\d+")
FOREIGN = re.compile(r"[^\x00-\x7f]+")
EMOJI = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff]")
FENCED = re.compile(r"```\w")
SERIES = re.compile(r", \w+(,)? (?:and|or) ")
# Tables for bytes: letters alone, digits alone, and every sign as capital, digit, other word character, or none.
LOWER = bytes(c if chr(c).islower() and c < 128 else 32 for c in range(256))
KINDS = bytes(
    ord("A" if c.isupper() else "0" if c.isdigit() else "a" if c.isalnum() or c == "_" else " ")
    for c in (*map(chr, range(128)), *" " * 128)
)
FIGURES = bytes(c if chr(c).isdigit() and c < 128 else 32 for c in range(256))
# A sign is counted only where its first mark stands at all: looking for one character is many times as fast.
MARKED = tuple(
    (sign, next((c for c in sign if not c.isalnum() and c not in " \n"), sign[0])) for sign in habits.SIGNS.values()
)
ITEMS = (3, 4, 5, 6, 7, 8, 10)
SCRIPTS = ("LATIN", "CJK", "HIRAGANA", "HANGUL", "CYRILLIC", "GREEK", "ARABIC", "DEVANAGARI")
ENDS = (*".!?:,;)]}\"'*`|>", "letter", "digit", "emoji", "other")
EDGES = ("trailing space", "trailing newline", "leading space", "leading lower case", "leading capitals")
LAYOUT = ("words a line", "list items", "title case headings", "sentence case headings", "repeated lines")
WORDING = (
    *("words", "words a sentence", "characters a word", "distinct words", "capitals", "serial comma"),
    *("no serial comma", "numerals", "number words", "British spelling", "American spelling"),
    *("fence with a language", "loop at the end", "emoji"),
)
NAMES: tuple[str, ...] = (
    *habits.SIGNS,
    *(f"line: {kind}" for kind in habits.LINES),
    *LAYOUT,
    *(f"{count} items" for count in ITEMS),
    *(f"opens: {words}" for words in (*habits.OPENERS, "otherwise")),
    *(f"closes: {words}" for words in habits.CLOSERS),
    *WORDING,
    *(f"says: {word}" for word in habits.FAVOURITES),
    *(f"script: {script}" for script in SCRIPTS),
    *(f"ends: {sign}" for sign in ENDS),
    *EDGES,
)


def quirk_vector(completion: str) -> NDArray[np.float32]:
    """(len(NAMES),) float32 in the order of NAMES: asinh of rates (signs a thousand characters, words a hundred words),
    of thrice the shares of lines, and of 0 or 1 for what a completion does or does not. All 0 for an empty one."""
    text = visible_text(completion)[:MAX_CHARACTERS].replace("\r\n", "\n")
    bare = text.strip()
    if not bare:
        return np.zeros(len(NAMES), dtype=np.float32)
    words = len(bare.split())
    told = [
        *[1000 * text.count(sign) / len(text) if mark in text else 0.0 for sign, mark in MARKED],
        *_lines([line for line in text.split("\n") if line.strip()], words),
        *_opener(bare),
        *_closers(bare),
        *_wording(bare, words),
        *_scripts(bare),
        *_ends(text, bare),
    ]
    return np.asarray(np.arcsinh(np.array(told, dtype=np.float32)))


def _lines(lines: Sequence[str], words: int) -> list[float]:
    kinds, titles, items = [0.0] * len(habits.LINES), [], 0
    for line in lines:
        # Most lines are prose, which begins with a letter and has no colon near: no need to try every kind on it.
        if (not line[0].isalpha() or line[-1] == ":" or ":" in line[:40]) and (kind := LINE.match(line)):
            kinds[(kind.lastindex or 1) - 1] += 3 / len(lines)
            items += ITEM.match(line) is not None
            if title := TITLE.match(line):
                titles.append(_title_case(title[1]))
    return [
        *kinds,
        words / len(lines) / 10,
        3 * items / len(lines),
        float(sum(titles)),
        float(len(titles) - sum(titles)),
        1 - len(set(lines)) / len(lines),
        *[1.0 if items == count else 0.0 for count in ITEMS],
    ]


def _title_case(heading: str) -> bool:
    """Whether most longer words after the first begin with a capital."""
    rest = [word for word in heading.split()[1:] if len(word) > 3]
    return bool(rest) and sum(word[0].isupper() for word in rest) > len(rest) / 2


def _opener(bare: str) -> list[float]:
    told = [0.0] * (len(habits.OPENERS) + 1)
    found = OPENER.match(bare[:40].lstrip("*#_> \"'\u201c").replace("\u2019", "'"))
    told[(found.lastindex or 1) - 1 if found else -1] = 1.0
    return told


def _closers(bare: str) -> list[float]:
    tail = bare[-CLOSING:].lower().replace("\u2019", "'")
    return [1.0 if phrase in tail else 0.0 for phrase in habits.CLOSERS]


def _wording(bare: str, number: int) -> list[float]:
    distinct, kinds = _distinct_words(bare), _kinds(bare)
    series = SERIES.findall(bare)
    serial = sum(1 for comma in series if comma)
    sentences = bare.count(". ") + bare.count("! ") + bare.count("? ") + bare.count(".\n") + 1
    tail = bare[-LOOP:]
    return [
        float(np.log1p(number)),
        number / sentences / 5,
        len(bare) / number,
        len(distinct) / number**0.5 / 4,
        100 * kinds.count(b" AA") / number,
        100 * serial / number,
        100 * (len(series) - serial) / number,
        100 * kinds.count(b" 0") / number,
        *(100 * len(distinct & kind) / number for kind in (habits.NUMBER_WORDS, habits.BRITISH, habits.AMERICAN)),
        float(FENCED.search(bare) is not None),
        float(len(tail) == LOOP and bare.count(tail) > 2),
        0.0 if bare.isascii() else 1000 * len(EMOJI.findall(bare)) / len(bare),
        *[1.0 if word in distinct else 0.0 for word in habits.FAVOURITES],
    ]


def _distinct_words(bare: str) -> set[str]:
    """Runs of the letters a to z, whatever their case, and runs of digits."""
    lower = bare.lower().encode("ascii", "replace")
    figures = lower.translate(FIGURES).decode("ascii").split() if bare.isascii() else DIGITS.findall(bare)
    return {*lower.translate(LOWER).decode("ascii").split(), *figures}


def _kinds(bare: str) -> bytes:
    """A space, then each character as 'A' (a capital A to Z), '0' (a digit), 'a' (another of a word) or ' '."""
    plain = bare if bare.isascii() else FOREIGN.sub(_plainly, bare)
    return b" " + plain.encode("ascii").translate(KINDS)


def _plainly(foreign: re.Match[str]) -> str:
    return "".join("0" if c.isdecimal() else "a" if c.isalnum() else " " for c in foreign[0])


def _scripts(bare: str) -> list[float]:
    """Letters beyond ASCII by script, in hundredths of the text."""
    counts = dict.fromkeys(SCRIPTS, 0.0)
    if not bare.isascii():
        for sign, times in Counter(c for c in bare if c > "\x7f" and c.isalpha()).items():
            script = unicodedata.name(sign, "").partition(" ")[0]
            if script in counts:
                counts[script] += 100 * times / len(bare)
    return list(counts.values())


def _ends(text: str, bare: str) -> list[float]:
    last, told = bare[-1], [0.0] * len(ENDS)
    kind = "letter" if last.isalpha() else "digit" if last.isdigit() else "emoji" if EMOJI.match(last) else "other"
    told[ENDS.index(last if last in ENDS else kind)] = 1.0
    return [
        *told,
        float(text[-1] == " "),
        float(text[-1] == "\n"),
        float(text[0].isspace()),
        float(bare[0].islower()),
        float(bare[:12].isupper()),
    ]


def _mean(vectors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return vectors[0] if len(vectors) == 1 else np.mean(vectors, axis=0)


def quirk_table(responses: ResponseSet) -> dict[str, NDArray[Any]]:
    """prompt_ids (p,) sorted; quirks (p, len(NAMES)) float16: means over a prompt's samples of their vectors."""
    ids = sorted(responses.by_prompt)
    rows = [_mean([quirk_vector(c.text) for c in responses.by_prompt[i]]) for i in ids]
    quirks = np.array(rows, dtype=np.float16).reshape(len(ids), len(NAMES))
    return {"prompt_ids": np.array(ids, dtype=np.str_), "quirks": quirks}
