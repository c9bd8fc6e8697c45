"""Reads of the custody log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from webapp.custody.chain import entry_hash
from webapp.custody.models import GENESIS, Entry

RECENT = 2000
"""How many entries a page recomputes without being asked: a walk along all of a long chain takes its time."""


class Fault(StrEnum):
    """What is wrong with a place of the chain."""

    EDITED = "edited"
    DELETED = "deleted"
    REORDERED = "reordered"
    BROKEN = "broken"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: of which kind, at which entry (None where entries are missing at the end), and a sentence on it."""

    fault: Fault
    sequence: int | None
    told: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk along the chain found: its length, and how many entries at its end were recomputed.

    `head` is '' for an empty log; publish it outside to show a cut tail.
    """

    entries: int
    checked: int
    head: str
    faults: tuple[Problem, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """The faults in sentences."""
        return tuple(fault.told for fault in self.faults)

    @property
    def intact(self) -> bool:
        """Whether every link that was recomputed holds."""
        return not self.faults

    @property
    def whole(self) -> bool:
        """Whether all of the chain was recomputed."""
        return self.checked == self.entries


def head() -> Entry | None:
    """The newest entry, None in an empty log."""
    return Entry.objects.order_by("-sequence").first()


def verify(published_head: str = "", *, last: int | None = None) -> Verification:
    """The state of the chain, or of its last entries; with a head published earlier, whether the log still holds it."""
    count = Entry.objects.count()
    skipped = max(0, count - last) if last is not None else 0
    problems: list[Problem] = []
    previous, expected, checked = GENESIS, 1, 0
    if skipped:
        before = Entry.objects.order_by("sequence")[skipped - 1]
        previous, expected = before.entry_hash, before.sequence + 1
    for entry in Entry.objects.filter(sequence__gte=expected).order_by("sequence").iterator():
        problems += _faults(entry, expected, previous)
        previous, expected, checked = entry.entry_hash, entry.sequence + 1, checked + 1
    if published_head and not Entry.objects.filter(entry_hash=published_head).exists():
        told = "the published head is not in the log: entries were removed from its end"
        problems.append(Problem(Fault.TRUNCATED, None, told))
    return Verification(skipped + checked, checked, previous if skipped + checked else "", tuple(problems))


def _faults(entry: Entry, expected: int, previous: str) -> Iterator[Problem]:
    """What is wrong with an entry that stands where `expected` is due, after the one whose hash is `previous`."""
    here = entry.sequence
    if here != expected:
        yield Problem(Fault.DELETED, expected, f"entry {expected} is missing before entry {here}")
    linked, own = entry.previous_hash == previous, entry.entry_hash == entry_hash(entry)
    if not own and not linked and Entry.objects.filter(entry_hash=entry.previous_hash).exists():
        yield Problem(Fault.REORDERED, here, f"entry {here} stands in another place than it was written in")
    elif not own:
        yield Problem(Fault.EDITED, here, f"entry {here} was changed after it was written")
    if not linked:
        yield Problem(Fault.BROKEN, here, f"entry {here} does not follow the entry before it")
