"""Documented lineage of a recorded population. Read by validation and fitting alone, never by a comparison."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from forensics.errors import CorpusError

ORDER = (
    "same_weights",
    "parent_child",
    "shared_parent",
    "component",
    "teacher_student",
    "closed_family_version",
    "shared_base",
)
UNRELATED = "unrelated"
RECIPE = "same_recipe"
MIXTURES = frozenset({"", "moa", "samba-coe", "null", "aligner"})
UNDOCUMENTED = re.compile(r"undocumented|not documented|not certain|unknown", re.IGNORECASE)


@dataclass(frozen=True)
class Labels:
    """Documented lineage of one corpus: rows of lineage.csv by model, and pairs with their first relation."""

    lineage: Mapping[str, Mapping[str, str]]
    pairs: Mapping[frozenset[str], str]
    excluded: frozenset[frozenset[str]]
    teacher_family: Mapping[str, str]

    def relation(self, a: str, b: str) -> str:
        """The first documented relation of a pair; '' where it is left out.

        ``unrelated`` where cleanly so. ``same_recipe`` where nothing is documented of the pair but one developer, who
        tuned two different bases: no lineage, and no clean stranger either.
        """
        left, right = self.lineage.get(a), self.lineage.get(b)
        if left is None or right is None or "duplicate_record" in (left["variant"], right["variant"]):
            return ""
        pair = frozenset((a, b))
        if pair in self.pairs:
            return self.pairs[pair]
        if self._same_recipe(left, right):
            return RECIPE
        return UNRELATED if self._cleanly_unrelated(left, right) else ""

    @staticmethod
    def _same_recipe(left: Mapping[str, str], right: Mapping[str, str]) -> bool:
        bases = {left["base_model"], right["base_model"]}
        return left["developer"] == right["developer"] != "" and len(bases) == 2 and "" not in bases

    def _cleanly_unrelated(self, left: Mapping[str, str], right: Mapping[str, str]) -> bool:
        return not (
            left["family"] == right["family"]
            or left["developer"] == right["developer"]
            or left["family"] in MIXTURES
            or right["family"] in MIXTURES
            or not self._base_known(left)
            or not self._base_known(right)
            or self._teachers(left) & self._teachers(right)
            or self._taught_by(left, right)
            or self._taught_by(right, left)
            or frozenset((left["model"], right["model"])) in self.excluded
        )

    @cached_property
    def _open_families(self) -> frozenset[str]:
        return frozenset(row["family"] for row in self.lineage.values() if row["base_model"])

    def _base_known(self, row: Mapping[str, str]) -> bool:
        """Whether the base model is documented, or the model is closed (no base is named for its whole family)."""
        if row["base_model"]:
            return True
        return row["family"] not in self._open_families and not UNDOCUMENTED.search(row["relation_notes"])

    @staticmethod
    def _teachers(row: Mapping[str, str]) -> frozenset[str]:
        return frozenset(t.strip() for t in row["teachers"].split(";") if t.strip())

    def teacher_families(self, row: Mapping[str, str]) -> frozenset[str]:
        """The families of a model's documented teachers."""
        return frozenset(self.teacher_family.get(t, t) for t in self._teachers(row))

    def _taught_by(self, student: Mapping[str, str], other: Mapping[str, str]) -> bool:
        """Whether the other's developer made a teacher of the student."""
        families = self.teacher_families(student)
        makers = {row["developer"] for row in self.lineage.values() if row["family"] in families}
        makers |= {self.lineage[t]["developer"] for t in self._teachers(student) if t in self.lineage}
        return other["developer"] in makers

    def developer(self, model: str) -> str:
        """Who made it, or the model itself where that is not documented."""
        return self.lineage[model]["developer"] or model

    def lineage_group(self, model: str) -> str:
        """What must stay on one side of a fold: the model's family, or its developer where none is named."""
        row = self.lineage[model]
        return row["family"] or row["developer"] or model


def _table(path: Path, needed: set[str]) -> list[dict[str, str]]:
    """Rows by column; raises CorpusError naming the file where a needed column is missing."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            if missing := needed - set(reader.fieldnames or ()):
                raise CorpusError(f"lacks the columns {', '.join(sorted(missing))}", where=path.name)
            return [{k: (v or "").strip() for k, v in row.items() if k} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise CorpusError(f"cannot be read: {problem}", where=path.name) from problem


def _beside(folder: Path, name: str) -> Path | None:
    """A label file in the corpus folder, or in the folder that holds several corpora."""
    return next((p for p in (folder / name, folder.parent / name) if p.is_file()), None)


def _of_corpus(rows: Iterable[dict[str, str]], corpus: str) -> list[dict[str, str]]:
    return [row for row in rows if row.get("corpus", corpus) == corpus]


def labelled_folders(parent: Path) -> list[Path]:
    """The folders below `parent` that say where their models come from, in name order."""
    return sorted(path.parent for path in parent.glob("*/lineage.csv"))


def read_labels(folder: Path) -> Labels:
    """The labels of a corpus folder; raises CorpusError where lineage.csv or pairs.csv is missing or odd."""
    lineage_file, pair_file = folder / "lineage.csv", _beside(folder, "pairs.csv")
    if not lineage_file.is_file() or pair_file is None:
        raise CorpusError("has no lineage.csv, or no pairs.csv in it or beside it", where=folder.name)
    needed = {"model", "developer", "family", "base_model", "teachers", "relation_notes", "variant"}
    lineage = {row["model"]: row for row in _table(lineage_file, needed)}
    pairs: dict[frozenset[str], str] = {}
    for row in _of_corpus(_table(pair_file, {"model_a", "model_b", "relation"}), folder.resolve().name):
        pair, relation = frozenset((row["model_a"], row["model_b"])), row["relation"]
        if relation not in ORDER:
            raise CorpusError(f"unknown relation {relation!r}; known: {', '.join(ORDER)}", where=pair_file.name)
        pairs[pair] = min(pairs.get(pair, relation), relation, key=ORDER.index)
    exclusions, teachers = _beside(folder, "exclusions.csv"), _beside(folder, "teacher_families.csv")
    excluded = _of_corpus(_table(exclusions, {"model_a", "model_b"}), folder.resolve().name) if exclusions else []
    return Labels(
        lineage,
        pairs,
        frozenset(frozenset((row["model_a"], row["model_b"])) for row in excluded),
        {row["teacher"]: row["family"] for row in (_table(teachers, {"teacher", "family"}) if teachers else [])},
    )
