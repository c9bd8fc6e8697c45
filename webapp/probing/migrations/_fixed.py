"""The trigger that refuses to change an attempt.

SQLite makes a table anew when a column of it is altered, and drops the trigger with the old one: a later migration of
that table runs `fix` again (a test finds out).
"""

from __future__ import annotations

from typing import Any

TABLE = "probing_attempt"
SENTENCE = "attempts are evidence: they are never changed"
SQLITE = (f"CREATE TRIGGER {TABLE}_fixed BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END",)
POSTGRESQL = (
    f"CREATE FUNCTION {TABLE}_fixed() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{SENTENCE}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
    f"CREATE TRIGGER {TABLE}_fixed BEFORE UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {TABLE}_fixed()",
)


def fix(_apps: Any, schema_editor: Any) -> None:
    """Make the trigger. Deleting is not refused: emptying a database deletes; `ledger verify` finds what is missing."""
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement)


def unfix(_apps: Any, schema_editor: Any) -> None:
    """Take the trigger away."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(f"DROP TRIGGER {TABLE}_fixed")
    else:
        schema_editor.execute(f"DROP TRIGGER {TABLE}_fixed ON {TABLE}")
        schema_editor.execute(f"DROP FUNCTION {TABLE}_fixed()")
