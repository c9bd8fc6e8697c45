"""Tables as files: JSON lines (nothing is lost), CSV (safe in a spreadsheet) and Parquet. Rows are streamed."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from forensics.tables import safe_cell

TEXT, COUNT, NUMBER, FLAG = "text", "count", "number", "flag"
KINDS = ("jsonl", "csv", "parquet")
AT_ONCE = 2000
Columns = Mapping[str, str]
Row = Mapping[str, Any]


def write_table(columns: Columns, rows: Iterable[Row], path: Path) -> int:
    """The number of rows written, whole or not at all, in the form that the file's name ends with.

    columns: name to kind, one of text, count, number (None or finite) and flag. Raises ValueError for NaN.
    """
    write = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}[path.suffix.removeprefix(".")]
    part = path.with_name(path.name + ".part")
    try:
        count = write(columns, iter(rows), part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def _jsonl(columns: Columns, rows: Iterator[Row], part: Path) -> int:
    count = 0
    with part.open("w", encoding="utf-8") as out:
        for row in rows:
            count += 1
            plain = {name: row[name] for name in columns}
            out.write(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")
    return count


def _csv(columns: Columns, rows: Iterator[Row], part: Path) -> int:
    count = 0
    with part.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            count += 1
            writer.writerow(["" if row[name] is None else safe_cell(row[name]) for name in columns])
    return count


def _parquet(columns: Columns, rows: Iterator[Row], part: Path) -> int:
    # Imported here: processes that write no Parquet need not hold it in memory.
    import pyarrow as arrow
    from pyarrow import parquet

    types = {TEXT: arrow.string(), COUNT: arrow.int64(), NUMBER: arrow.float64(), FLAG: arrow.bool_()}
    schema = arrow.schema([(name, types[kind]) for name, kind in columns.items()])
    count = 0
    with parquet.ParquetWriter(part, schema, compression="zstd") as writer:
        while batch := list(islice(rows, AT_ONCE)):
            count += len(batch)
            columnar = {name: [row[name] for row in batch] for name in columns}
            writer.write_table(arrow.table(columnar, schema=schema))
    return count
