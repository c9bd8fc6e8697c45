"""What a report is made of before it takes a form: chapters of texts, facts, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NONE = "none"


@dataclass(frozen=True, slots=True)
class Heading:
    """A title within a chapter."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph. tone: '', 'headline', 'warn' or 'fine'. quoted: somebody else's words, which the lint leaves."""

    text: str
    tone: str = ""
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """A list of sentences."""

    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one below the other."""

    rows: Sequence[tuple[str, str]]
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of words. wide: the columns, by place, that hold long text."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    quoted: bool = False
    wide: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure's data record, with its title and reading."""

    data: Mapping[str, Any]

    @property
    def caption(self) -> str:
        """The title, and what it is of."""
        of = self.data.get("of") or self.data.get("questioned") or ""
        return f"{self.data['title']}{f': {of}' if of else ''}"


Block = Heading | Text | Points | Facts | Table | Figure


@dataclass(frozen=True, slots=True)
class Chapter:
    """One of the twenty sections."""

    key: str
    number: int
    title: str
    blocks: tuple[Block, ...]


def texts(block: Block) -> list[str]:
    """The words of a block that its writers answer for; none of what is quoted."""
    if isinstance(block, Text | Facts | Table) and block.quoted:
        return []
    if isinstance(block, Heading | Text):
        return [block.text]
    if isinstance(block, Points):
        return list(block.texts)
    if isinstance(block, Facts):
        return [value for _, value in block.rows]
    if isinstance(block, Table):
        return [block.caption, *(cell for row in block.rows for cell in row)]
    return [str(block.data.get("reading", ""))]


def said(value: Any) -> str:
    """A value in words: yes, no, 'none' for nothing, lists with commas."""
    if value is None or value == "" or value == []:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return figure(value)
    if isinstance(value, list | tuple):
        return ", ".join(said(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {said(one)}" for name, one in sorted(value.items()))
    return str(value)


def figure(value: float | None, digits: int = 3) -> str:
    """A number in so many decimals, 'not estimable' for none."""
    return "not estimable" if value is None else f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    """A log10 LR with its sign, as in +1.20; 'not reported' for none."""
    return "not reported" if value is None else f"{value:+.2f}"


def span(limits: Sequence[float] | None, *, sign: bool = False) -> str:
    """An interval, as in [0.07, 0.18]; 'not estimable' for none."""
    if not limits:
        return "not estimable"
    return f"[{', '.join(signed(one) if sign else figure(one) for one in limits)}]"
