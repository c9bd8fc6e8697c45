"""The custody log: every way of changing it is refused by the database, and shows where that was got round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, connections, models, transaction

from webapp.custody.migrations._kept import FIXED, KEPT
from webapp.custody.models import Entry
from webapp.custody.queries import Fault, verify
from webapp.custody.services import append

pytestmark = pytest.mark.django_db

WRITERS, EACH = 16, int(os.environ.get("FILIATION_CUSTODY_WRITES", "40"))


@pytest.fixture
def log() -> list[Entry]:
    """Four entries."""
    return [append(actor="analyst", action="did", subject=f"thing {i}", number=i, word="ü") for i in range(4)]


@pytest.fixture
def unlocked(log: list[Entry]) -> list[Entry]:
    """The same, with the triggers gone: what somebody with the database's own password can do."""
    with connection.cursor() as cursor:
        for statement in FIXED.dropping(connection.vendor):
            cursor.execute(statement)
    return log


def told(**options: str) -> dict[str, object]:
    """What the command prints as JSON, its exit status among it."""
    from io import StringIO

    out, status = StringIO(), 0
    try:
        call_command("custody", "verify", "--json", stdout=out, **options)
    except CommandError as problem:
        status = problem.returncode
    return json.loads(out.getvalue()) | {"status": status}


def faults(**options: str) -> list[tuple[str, int | None]]:
    found = told(**options)
    assert found["status"] == (5 if found["problems"] else 0)
    return [(p["fault"], p["sequence"]) for p in found["problems"]]  # type: ignore[attr-defined]


def test_an_untouched_log_verifies(log: list[Entry]) -> None:
    found = verify()
    assert (found.intact, found.entries, found.head) == (True, 4, log[-1].entry_hash)
    assert verify(log[1].entry_hash).intact
    assert told() == {"intact": True, "entries": 4, "head": log[-1].entry_hash, "problems": [], "status": 0}


def test_the_end_of_a_long_chain_is_recomputed_alone_and_says_so(unlocked: list[Entry]) -> None:
    found = verify(last=2)
    assert (found.intact, found.whole, found.entries, found.checked) == (True, False, 4, 2)
    Entry.objects.filter(sequence=1).update(detail={})
    assert verify(last=2).intact
    assert not verify().intact
    Entry.objects.filter(sequence=3).update(detail={})
    assert verify(last=2).problems == ("entry 3 was changed after it was written",)


def test_an_edited_entry_is_named(unlocked: list[Entry]) -> None:
    Entry.objects.filter(sequence=2).update(detail={"number": 9, "word": "ü"})
    assert faults() == [(Fault.EDITED, 2)]


def test_a_removed_entry_is_named(log: list[Entry]) -> None:
    models.QuerySet(Entry).filter(sequence=2).delete()
    assert faults() == [(Fault.DELETED, 2), (Fault.BROKEN, 3)]


def test_swapped_entries_are_named(unlocked: list[Entry]) -> None:
    Entry.objects.filter(sequence=2).update(sequence=99)
    Entry.objects.filter(sequence=3).update(sequence=2)
    Entry.objects.filter(sequence=99).update(sequence=3)
    assert [f for f in faults() if f[0] != Fault.BROKEN] == [(Fault.REORDERED, 2), (Fault.REORDERED, 3)]


def test_a_cut_tail_shows_against_a_published_head_alone(log: list[Entry]) -> None:
    models.QuerySet(Entry).filter(sequence=4).delete()
    assert faults() == []
    assert faults(head=log[-1].entry_hash) == [(Fault.TRUNCATED, None)]


def test_the_database_refuses_to_change_and_to_delete_an_entry(log: list[Entry]) -> None:
    with connection.schema_editor() if connection.vendor == "postgresql" else _editor() as editor:
        KEPT.make(None, editor)
    for change, sentence in (
        (lambda: Entry.objects.update(actor="nobody"), "never changed"),
        (lambda: Entry.objects.update(team=None), "never changed"),
        (lambda: models.QuerySet(Entry).filter(sequence=4).delete(), "never deleted"),
        (lambda: connection.cursor().execute("DELETE FROM custody_entry"), "never deleted"),
    ):
        with pytest.raises(DatabaseError, match=sentence), transaction.atomic():
            change()
    assert verify(log[-1].entry_hash).entries == 4


class _editor:
    """SQLite's own schema editor will not open inside a transaction; a trigger needs no more than a cursor."""

    connection = connection

    def __enter__(self) -> _editor:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def execute(self, statement: str) -> None:
        connection.cursor().execute(statement)


def test_an_entry_cannot_be_saved_again_or_deleted(log: list[Entry]) -> None:
    log[0].action = "did otherwise"
    with pytest.raises(IntegrityError), transaction.atomic():
        log[0].save()
    with pytest.raises(TypeError, match="never deleted"):
        log[0].delete()


def test_the_head_is_printed_for_publishing(log: list[Entry], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("custody", "head")
    assert capsys.readouterr().out.split() == ["4", log[-1].entry_hash]


@pytest.mark.django_db(transaction=True)
def test_sixteen_writers_at_once_leave_one_contiguous_chain() -> None:
    failed: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for number in range(EACH):
                append(actor=f"writer {writer}", action="wrote", subject=number)
        except BaseException as problem:
            failed.append(problem)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write, args=(n,)) for n in range(WRITERS)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    found = verify()
    assert (failed, found.entries, found.problems) == ([], WRITERS * EACH, ())


def test_a_fresh_database_has_the_triggers(tmp_path: object) -> None:
    code = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "from django.db import DatabaseError, connection\n"
        "from webapp.custody.services import append\n"
        "append(actor='a', action='b', subject='c')\n"
        "for statement in ('UPDATE custody_entry SET actor = 1', 'DELETE FROM custody_entry'):\n"
        "    try:\n"
        "        connection.cursor().execute(statement)\n"
        "    except DatabaseError as problem:\n"
        "        print(problem)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    environment |= {"FILIATION_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert [line.split(": ")[1] for line in done.stdout.splitlines()] == [
        "they are never changed",
        "they are never deleted",
    ]
