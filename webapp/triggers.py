"""Triggers by which the database itself refuses to change or delete evidence.

SQLite makes a table anew when a column of it is altered, and drops its triggers with the old one: a later migration of
such a table runs `Refusal.make` again (a test finds out).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """One trigger: what it is called, the table it guards, the acts that it refuses, and the sentence it says then."""

    name: str
    table: str
    acts: tuple[str, ...]
    sentence: str

    def make(self, _apps: Any, schema_editor: Any) -> None:
        """Make the trigger; for a migration."""
        for statement in self._sqlite() if schema_editor.connection.vendor == "sqlite" else self._postgresql():
            schema_editor.execute(statement)

    def drop(self, _apps: Any, schema_editor: Any) -> None:
        """Take the trigger away; for a migration that goes back."""
        for statement in self.dropping(schema_editor.connection.vendor):
            schema_editor.execute(statement)

    def dropping(self, vendor: str) -> tuple[str, ...]:
        """The statements that take it away: what somebody with the database's own password could run."""
        if vendor == "sqlite":
            return tuple(f"DROP TRIGGER {name}" for name, _ in self._sqlite_names())
        return f"DROP TRIGGER {self.name} ON {self.table}", f"DROP FUNCTION {self.name}()"

    def _sqlite_names(self) -> list[tuple[str, str]]:
        """(trigger, act): SQLite takes one act a trigger."""
        several = len(self.acts) > 1
        return [(f"{self.name}_{act.lower()}" if several else self.name, act) for act in self.acts]

    def _sqlite(self) -> tuple[str, ...]:
        return tuple(
            f"CREATE TRIGGER {name} BEFORE {act} ON {self.table} BEGIN SELECT RAISE(ABORT, '{self.sentence}'); END"
            for name, act in self._sqlite_names()
        )

    def _postgresql(self) -> tuple[str, str]:
        return (
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{self.sentence}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
            f"CREATE TRIGGER {self.name} BEFORE {' OR '.join(self.acts)} ON {self.table} "
            f"FOR EACH ROW EXECUTE FUNCTION {self.name}()",
        )
