"""The few statements that run for every call that is sent, without the models' own way, which costs many times more.

Names and forms are the model's, so that there is no second schema here; what has a default is told all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection, models

AT_ONCE = 40
"""Rows in one statement: with twenty columns each, fewer values than any SQLite takes."""
AS_IT_IS = None


def insert(model: type[models.Model], found: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The keys of new rows, each given as the value of every column but the key, by its attribute's name."""
    keys: list[tuple[Any, ...]] = []
    forms = _forms(model, connection.vendor) if found else ()
    for at in range(0, len(found), AT_ONCE):
        part = found[at : at + AT_ONCE]
        values = [row[name] if form is AS_IT_IS else form(row[name]) for row in part for name, form in forms]
        keys += _returned(_statement(model, len(part)), values)
    return [key for (key,) in keys]


def finish(
    model: type[models.Model], claims: Sequence[tuple[int, int]], *, leased: str, done: str
) -> set[tuple[int, int]]:
    """Those of these (key, fence) that were leased under that fence, and are done from now on."""
    if not claims:
        return set()
    pairs = ", ".join(["(%s, %s)"] * len(claims))
    statement = (
        f"UPDATE {model._meta.db_table} SET state = %s, lease_expires = NULL, not_before = NULL "  # noqa: S608
        f"WHERE state = %s AND (id, fence) IN (VALUES {pairs}) RETURNING id, fence"
    )
    return set(_returned(statement, [done, leased, *(number for claim in claims for number in claim)]))


def add(model: type[models.Model], key: Any, amounts: Mapping[str, int]) -> None:
    """Add to counts of one row."""
    more = ", ".join(f"{name} = {name} + %s" for name in amounts)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {model._meta.db_table} SET {more} WHERE id = %s",  # noqa: S608
            [*amounts.values(), model._meta.pk.get_db_prep_value(key, connection)],
        )


def _returned(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


@lru_cache(maxsize=8)
def _forms(model: type[models.Model], _vendor: str) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """Attribute of each column but the key, and what makes its value the database's own."""
    kinds: dict[type, Callable[[Any], Any]] = {
        models.DateTimeField: connection.ops.adapt_datetimefield_value,
        models.JSONField: lambda value: connection.ops.adapt_json_value(value, None),
        models.BinaryField: connection.Database.Binary,  # type: ignore[attr-defined]
    }
    if not connection.features.has_native_uuid_field:
        kinds[models.UUIDField] = lambda value: value.hex
    fields: list[Any] = [field for field in model._meta.concrete_fields if not field.primary_key]
    return tuple((f.attname, kinds.get(type(f.target_field if f.is_relation else f), AS_IT_IS)) for f in fields)


@lru_cache(maxsize=4 * AT_ONCE)
def _statement(model: type[models.Model], number: int) -> str:
    columns = [str(field.column) for field in model._meta.concrete_fields if not field.primary_key]
    rows = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * number)
    return f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES {rows} RETURNING id"  # noqa: S608
