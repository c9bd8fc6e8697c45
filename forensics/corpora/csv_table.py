"""A CSV file with a reply in each row: columns prompt and response, and if there are any model, system, finish."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from forensics.corpora._rows import Row, RowsCorpus, bounded, head, prompt_of, said
from forensics.errors import CorpusError
from forensics.records import Declaration
from forensics.transcripts import FINISH

NEEDED = frozenset({"prompt", "response"})
SEPARATORS = (",", ";", "\t")
LONGEST_CELL = 16 << 20


def _separator(text: str) -> str:
    """What divides the cells of the header, or '' where the needed columns are not there."""
    line = text.partition("\n")[0]
    headers = {separator: next(csv.reader([line], delimiter=separator), []) for separator in SEPARATORS}
    return next((s for s, names in headers.items() if {name.strip() for name in names} >= NEEDED), "")


def _rows(path: Path) -> Iterator[Row]:
    try:
        text = bounded(path).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise CorpusError(f"not UTF-8 at byte {problem.start}; save the file as UTF-8", where=path.name) from None
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text) or ",", strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if number == 1:
                names = [name.strip() for name in cells]
            elif cells:
                yield _row(path, f"{path.name}, row {number}", names, cells)
    except csv.Error as problem:
        raise CorpusError(f"not CSV: {problem}", where=f"{path.name}, after row {number}") from None


def _row(path: Path, where: str, names: list[str], cells: list[str]) -> Row:
    if len(cells) != len(names):
        raise CorpusError(f"has {len(cells)} cells where the header has {len(names)}", where=where)
    told = dict(zip(names, cells, strict=True))
    turns = [(role, told[name]) for role, name in (("system", "system"), ("user", "prompt")) if told.get(name)]
    if not told["prompt"].strip():
        raise CorpusError("the prompt is empty", where=where)
    finish = told.get("finish", "")
    return Row(
        where, told.get("model", path.stem), prompt_of("csv", turns), said(told["response"], FINISH.get(finish), finish)
    )


class CsvTable:
    """The reader plug-in."""

    declaration = Declaration(
        "csv-table",
        "1",
        "CSV table: prompt, response, model",
        "RFC 4180; columns prompt, response and, if there are any, model, system, finish",
        limitations=(
            "the generation settings are not recorded",
            "without a column model, the file's name is the model",
        ),
    )

    def recognises(self, path: Path) -> bool:
        """Whether it is a .csv file whose header has the needed columns."""
        if path.suffix.lower() != ".csv" or not path.is_file():
            return False
        return bool(_separator(head(path).decode("utf-8-sig", errors="replace")))

    def read(self, path: Path) -> RowsCorpus:
        """Open the file."""
        return RowsCorpus(path, partial(_rows, path))


PLUGIN = CsvTable()
