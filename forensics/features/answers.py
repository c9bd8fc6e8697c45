"""The final answer of a completion, in one spelling, so that two models' answers can be compared."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from forensics.features.text import visible_text

TAIL, LAST = 2000, 300
MOST_CHARACTERS = 64
BLANKS = "_.:?- "
SHORT_WORDS = 3

_FIELD = re.compile(r"""["'](?:final[ _]?)?answer["']\s*:\s*""", re.IGNORECASE)
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"(?=\s*(?:[,}`]|\Z))')
_SAID = re.compile(
    r"(?:\b(?:answer|option|choice|result)\b\W{0,6}(?:is|are|would be|will be|:|=)"
    r"|\bla respuesta (?:correcta )?es|\bla réponse (?:correcte )?est|\bdie antwort (?:ist|lautet)"
    r"|答案(?:是|为|：|:)|####)"
    r"\W{0,6}?(?:option |choice |therefore )?([^\n]+)",
    re.IGNORECASE,
)
_HINTS = ("answer", "option", "choice", "result", "\\boxed{", "####", "respuesta", "réponse", "antwort", "答案")
_SENTENCE_END = re.compile(r"[.。!?](?=\s|\Z|\*)")
_CHOICE = re.compile(r"\(?([A-Za-z])(?:\)|[.:](?=\s|\Z))(?:.*)\Z", re.DOTALL)
_LAST_CHOICE = re.compile(r"(?:\A|\s)\(?([A-J])\)?[.*]*\s*\Z")
_NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[-+]?\.\d+"
_DIGIT = re.compile(r"\d")
_LAST_NUMBER = re.compile(rf"(?<![\w.])({_NUMBER})(?![\w])")
_PLAIN = re.compile(rf"({_NUMBER})(?:/(\d+))?(?:\s*[a-z][a-z .²³/]*)?", re.IGNORECASE)
_FRAC = re.compile(r"\\[dt]?frac\{?(-?\d+)\}?\{?(\d+)\}?")
_WRAPPED = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox)\s*\{([^{}]*)\}")
_DECORATION = re.compile(r"\\(?:left|right|displaystyle|[,;!: ()\[\]])|\^\{?\\circ\}?|[°$€£%*`]|\\%")
_ASSIGNED = re.compile(r"\A[a-zA-Z](?:\([a-z]\))? ?= ?(?=\S)")
_LOOSE = re.compile(r"\s*([,:=+\[\](){}<>/-])\s*")
_WORDS = frozenset({"yes", "no", "true", "false", "none", "null"})


def canonical(answer: str) -> str:
    """One spelling of an answer: '' where nothing is left.

    Numbers become reduced fractions ('0.50', '1/2' and '\\frac{1}{2}' are '1/2'; currency, percent and units are
    dropped), a choice such as '(b) Rome' becomes its letter in upper case, quotes and spacing of lists are evened out.
    """
    if not answer:
        return ""
    text = unicodedata.normalize("NFKC", answer[: 4 * MOST_CHARACTERS]).strip()
    text = _unboxed(text) or text
    text = _FRAC.sub(r"\1/\2", _WRAPPED.sub(r"\1", text)).replace("\u2212", "-")
    text = _ASSIGNED.sub("", _DECORATION.sub("", text).strip().rstrip(".。").strip())
    if (number := _as_number(text)) is not None:
        return number
    if choice := _CHOICE.fullmatch(text):
        return choice[1].upper()
    text = _LOOSE.sub(r"\1", text.replace('"', "'")).strip()
    if not text.strip("'") and len(text) > 1:
        return "''"
    if len(text) > 1 and text[0] == text[-1] == "'" and "'" not in text[1:-1]:
        text = text[1:-1]
    if (number := _as_number(text)) is not None:
        return number
    if len(text) == 1 or text.lower() in _WORDS:
        text = text.upper()
    return " ".join(text.split())[:MOST_CHARACTERS]


def _as_number(text: str) -> str | None:
    found = _PLAIN.fullmatch(text)
    if not found or len(found[1]) > MOST_CHARACTERS or len(found[2] or "") > MOST_CHARACTERS:
        return None
    below = int(found[2] or 1)
    return str(Fraction(found[1].replace(",", "")) / below) if below else None


def _unboxed(text: str) -> str:
    """What stands in the last \\boxed{...}; '' without one."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return ""
    depth, begin = 0, start + len("\\boxed{")
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth < 0:
            return text[begin:place]
    return text[begin:]


def final_answer(completion: str, *, cut: bool = False) -> str:
    """The canonical final answer of a completion, '' where none is found.

    Looked for, in this order: the last JSON field "answer", the last \\boxed{}, the last "the answer is" (five
    languages, '####'), a reply of at most three words, a letter or number at the end. cut: the reply was truncated, so
    that its last number is no answer.
    """
    text = visible_text(completion)[-TAIL:].strip()
    lower = text.lower()
    hinted = any(map(lower.__contains__, _HINTS))
    for told in (_field(text), _unboxed(text), _said(text)) if hinted else ():
        if answer := canonical(told):
            return "" if not answer.strip(BLANKS) else answer
    # A long s is an s to the pattern, which is slow, and stays itself in lower case.
    named = "answer" in lower or "\u017f" in lower
    if cut or (named and _FIELD.search(text)) or text.startswith(("{", "```json")):
        return ""
    return canonical(_short_or_last(text))


def _field(text: str) -> str:
    found = list(_FIELD.finditer(text))
    if not found:
        return ""
    rest = text[found[-1].end() :]
    if string := _STRING.match(rest):
        return string[1].replace("\\\\", "\\").replace('\\"', '"').replace("\\/", "/")
    line = rest.split("\n", 1)[0].rstrip("`} ,") if not rest.startswith(("[", "{", "(")) else _bracketed(rest)
    return line.strip().removeprefix('"').removesuffix('"')


def _bracketed(rest: str) -> str:
    """The balanced bracket that a text starts with."""
    depth = 0
    for place, sign in enumerate(rest):
        depth += (sign in "[{(") - (sign in "]})")
        if depth == 0:
            return rest[: place + 1]
    return ""


def _said(text: str) -> str:
    found = list(_SAID.finditer(text))
    return _SENTENCE_END.split(found[-1][1], maxsplit=1)[0] if found else ""


def _short_or_last(text: str) -> str:
    if "\n" not in text and len(text.split()) <= SHORT_WORDS:
        return text
    last = text.rsplit("\n", 1)[-1][-LAST:]
    # Both patterns are slow where there is nothing to find.
    ending = last.rstrip().rstrip(".*").removesuffix(")")
    if ending[-1:] in "ABCDEFGHIJ" and (choice := _LAST_CHOICE.search(last)):
        return choice[1]
    numbers = _LAST_NUMBER.findall(last) if _DIGIT.search(last) else ()
    return numbers[-1] if numbers else ""
