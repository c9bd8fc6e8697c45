"""A home of its own for every test process, and real servers for the tests that ask for them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest

# Before Django reads its settings: no test may touch the analyst's home or use a server that is configured there.
HOME = Path(tempfile.mkdtemp(prefix="filiation-test-"))
os.environ.update(FILIATION_HOME=str(HOME), FILIATION_LEASE_SECONDS="3", FILIATION_SLICE_SECONDS="5")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
for name in ("REDIS_URL", "SECRET_KEY", "FILIATION_CREDENTIAL_KEYS", "FILIATION_PRIVATE_HOSTS", "DEBUG"):
    os.environ.pop(name, None)
if "FILIATION_TEST_DATABASE" not in os.environ:
    os.environ.pop("DATABASE_URL", None)
django.setup()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let no test process inherit this one's home: pytest-django would read settings before the line above runs."""
    for inherited in ("DJANGO_SETTINGS_MODULE", "FILIATION_HOME"):
        os.environ.pop(inherited, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: the browser's event loop runs on in its process, where no other could run one then."""
    items.sort(key=lambda item: "browser" in item.path.parts[-2:-1])


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The tests' database, whose custody log may be emptied: that is how it is made ready for the next test."""
    from django.db import connection

    from webapp.custody.migrations._kept import KEPT

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for statement in KEPT.dropping(connection.vendor):
            cursor.execute(statement)


def pytest_unconfigure() -> None:
    """Remove this process' home."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """Celery's URL of a real Valkey that belongs to this test process."""
    from webapp import broker

    with broker.running(HOME) as url:
        yield url
