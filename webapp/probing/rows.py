"""The few statements that run for every call that is sent, without the models' own way, which costs many times more.

Only columns that a database holds in a form of its own pass through their field; names and forms are the model's, so
that there is no second schema here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection, models

AT_ONCE = 40
"""Rows in one statement: with twenty columns each, fewer values than any SQLite takes."""
ADAPTED = (models.JSONField, models.DateTimeField, models.UUIDField, models.BinaryField)


def insert(rows: Sequence[models.Model]) -> None:
    """Insert these unsaved rows of one model, and give them their keys."""
    for at in range(0, len(rows), AT_ONCE):
        part = rows[at : at + AT_ONCE]
        fields = _fields(type(part[0]))
        with connection.cursor() as cursor:
            cursor.execute(_statement(type(part[0]), len(part)), [v for row in part for v in _values(row, fields)])
            for row, (key,) in zip(part, cursor.fetchall(), strict=True):
                row.pk = key


def returned(statement: str, values: Sequence[Any]) -> set[Any]:
    """What a statement returns, in one column."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return {value for (value,) in cursor.fetchall()}


def changed(statement: str, values: Sequence[Any]) -> int:
    """How many rows a statement changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def key(model: type[models.Model], value: Any) -> Any:
    """A key in the form in which the database holds it."""
    return model._meta.pk.get_db_prep_value(value, connection)


@lru_cache(maxsize=4)
def _fields(model: type[models.Model]) -> tuple[tuple[str, Any], ...]:
    """Attribute and, where the database has a form of its own for it, field of each column but the key."""
    columns = [field for field in model._meta.concrete_fields if not field.primary_key]
    return tuple(
        (f.attname, f if isinstance(f.target_field if f.is_relation else f, ADAPTED) else None) for f in columns
    )


def _values(row: models.Model, fields: Sequence[tuple[str, Any]]) -> Iterator[Any]:
    for name, field in fields:
        value = getattr(row, name)
        yield value if field is None or value is None else field.get_db_prep_save(value, connection)


@lru_cache(maxsize=4 * AT_ONCE)
def _statement(model: type[models.Model], number: int) -> str:
    quoted = connection.ops.quote_name
    columns = [quoted(field.column) for field in model._meta.concrete_fields if not field.primary_key]
    row = f"({', '.join(['%s'] * len(columns))})"
    rows, returning = ", ".join([row] * number), quoted(model._meta.pk.column)
    return f"INSERT INTO {quoted(model._meta.db_table)} ({', '.join(columns)}) VALUES {rows} RETURNING {returning}"
