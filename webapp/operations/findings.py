"""What the comparison of the zoo found, held against what is known of its members."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from forensics.lineage.records import Comparison as Result
from forensics.records import Relation
from forensics.zoo.members import ClearCase, clear_cases, kinship


@dataclass(frozen=True)
class Finding:
    """One pair: what was found, what is known, the bounded log10 LRs, and why it is wrong ('' where it is right)."""

    model_a: str
    model_b: str
    kind: str
    found: str
    known: str
    llr: Mapping[str, float | None]
    wrong: str = ""


class Reading:
    """A result read by member name. `names` maps each member to the name it has in the result."""

    def __init__(self, result: Result, names: Mapping[str, str]) -> None:
        self._result = result
        self._place = {member: result.models.index(name) for member, name in names.items()}

    def relation(self, a: str, b: str) -> str:
        """The relation found for a pair."""
        return str(self._result.relation[self._place[a], self._place[b]])

    def llr(self, a: str, b: str, proposition: str) -> float | None:
        """A pair's bounded log10 LR for a proposition, None where there is none."""
        value = float(self._result.llr[proposition][self._place[a], self._place[b]])
        return value if math.isfinite(value) else None

    def raw(self, a: str, b: str, proposition: str) -> float:
        """The same before its bound, minus infinity where there is none: for ordering only."""
        value = float(self._result.llr_raw[proposition][self._place[a], self._place[b]])
        return value if math.isfinite(value) else -math.inf

    def finding(self, a: str, b: str, kind: str = "", known: str = "", wrong: str = "") -> Finding:
        """One pair's row."""
        llr = {name: self.llr(a, b, name) for name in ("lineage", "weights", "distilled")}
        return Finding(a, b, kind, self.relation(a, b), known or kinship(a, b).relation.value, llr, wrong)


def clear_findings(reading: Reading) -> list[Finding]:
    """A row for every clear case of the members' table, with what is wrong where it is not found as it is known."""
    return [
        reading.finding(case.model_a, case.model_b, case.kind, case.relation.value, _wrong(case, reading))
        for case in clear_cases()
    ]


def _wrong(case: ClearCase, reading: Reading) -> str:
    found = reading.relation(case.model_a, case.model_b)
    if found != case.relation.value:
        return f"found {found}, known {case.relation.value}"
    student = reading.raw(case.model_a, case.model_b, "distilled")
    rivals = [name for name in case.against if reading.raw(name, case.model_b, "distilled") >= student]
    return f"{', '.join(rivals)} looks as much like the teacher" if rivals else ""


def other_findings(reading: Reading, members: Sequence[str]) -> Iterator[Finding]:
    """Every other pair."""
    clear = {frozenset((case.model_a, case.model_b)) for case in clear_cases()}
    for a, b in combinations(sorted(members), 2):
        if frozenset((a, b)) not in clear:
            yield reading.finding(a, b)


def table(findings: Sequence[Finding]) -> list[str]:
    """The lines of a plain table."""
    rows = [["pair", "why it is clear", "relation found", "relation known", "LLR lineage", "weights", "distilled", ""]]
    for row in findings:
        numbers = [_number(row.llr[name]) for name in ("lineage", "weights", "distilled")]
        rows.append([f"{row.model_a} / {row.model_b}", row.kind, row.found, row.known, *numbers, row.wrong or "right"])
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(_pad(cell, width, i) for i, (cell, width) in enumerate(zip(cells, widths, strict=True)))
        for cells in rows
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _pad(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if 4 <= column <= 6 else cell.ljust(width)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:+.2f}"


def summary(findings: Sequence[Finding]) -> list[str]:
    """How often each found relation met each known one, over the pairs that no clear case names."""
    counts = Counter((row.known, row.found) for row in findings)
    return [
        f"  known {known:<15} found {found:<15} {counts[known, found]:>4}"
        for known in (relation.value for relation in Relation)
        for found in (relation.value for relation in Relation)
        if counts[known, found]
    ]
