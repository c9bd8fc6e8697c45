"""This installation: its settings and its database, as the supervisor needs to know them."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from webapp import broker
from webapp.operations.group import Group, GroupError
from webapp.operations.services import Shape, services


def open_group(shape: Shape, say: Callable[[str], None]) -> Group:
    """The group for this installation's settings, not yet started."""
    home = settings.FILIATION_HOME
    embedded = broker.broker_url(home) == settings.BROKER_URL
    return Group(home, services(home, shape, embedded_broker=embedded), say)


def require_migrated() -> None:
    """Raise GroupError where the database lacks a migration."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as problem:
        raise GroupError(f"the database does not answer: {problem}. Check DATABASE_URL.") from problem
    finally:
        connection.close()
    if pending:
        raise GroupError(f"the database lacks {len(pending)} migrations: run `python manage.py migrate` first")
