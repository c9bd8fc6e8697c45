"""Reads of the custody log."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.custody.chain import entry_hash
from webapp.custody.models import GENESIS, Entry


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk along the chain found. `head` is '' for an empty log; publish it outside to show a cut tail."""

    entries: int
    head: str
    problems: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether every link holds."""
        return not self.problems


def verify(published_head: str = "") -> Verification:
    """The state of the whole chain; with a head published earlier, also whether the log still contains it."""
    problems, previous, expected, seen = [], GENESIS, 1, set()
    for entry in Entry.objects.order_by("sequence").iterator():
        if entry.sequence != expected:
            problems.append(f"entry {expected} is missing before entry {entry.sequence}")
        if entry.previous_hash != previous:
            problems.append(f"entry {entry.sequence} does not follow the entry before it")
        if entry.entry_hash != entry_hash(entry):
            problems.append(f"entry {entry.sequence} was changed after it was written")
        previous, expected = entry.entry_hash, entry.sequence + 1
        seen.add(entry.entry_hash)
    if published_head and published_head not in seen:
        problems.append("the published head is not in the log: entries were removed from its end")
    return Verification(len(seen), previous if seen else "", tuple(problems))
