"""Reads of the custody log."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.custody.chain import entry_hash
from webapp.custody.models import GENESIS, Entry

RECENT = 2000
"""How many entries a page recomputes without being asked: a walk along all of a long chain takes its time."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk along the chain found: its length, and how many entries at its end were recomputed.

    `head` is '' for an empty log; publish it outside to show a cut tail.
    """

    entries: int
    checked: int
    head: str
    problems: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether every link that was recomputed holds."""
        return not self.problems

    @property
    def whole(self) -> bool:
        """Whether all of the chain was recomputed."""
        return self.checked == self.entries


def verify(published_head: str = "", *, last: int | None = None) -> Verification:
    """The state of the chain, or of its last entries; with a head published earlier, whether the log still holds it."""
    count = Entry.objects.count()
    skipped = max(0, count - last) if last is not None else 0
    problems, previous, expected, checked = [], GENESIS, 1, 0
    if skipped:
        before = Entry.objects.order_by("sequence")[skipped - 1]
        previous, expected = before.entry_hash, before.sequence + 1
    for entry in Entry.objects.filter(sequence__gte=expected).order_by("sequence").iterator():
        if entry.sequence != expected:
            problems.append(f"entry {expected} is missing before entry {entry.sequence}")
        if entry.previous_hash != previous:
            problems.append(f"entry {entry.sequence} does not follow the entry before it")
        if entry.entry_hash != entry_hash(entry):
            problems.append(f"entry {entry.sequence} was changed after it was written")
        previous, expected, checked = entry.entry_hash, entry.sequence + 1, checked + 1
    if published_head and not Entry.objects.filter(entry_hash=published_head).exists():
        problems.append("the published head is not in the log: entries were removed from its end")
    return Verification(skipped + checked, checked, previous if skipped + checked else "", tuple(problems))
