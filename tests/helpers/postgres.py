"""A private PostgreSQL cluster, run by a user who is not root, reached by a unix socket alone."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl: the newest of Debian's, else that of the one on PATH, else None."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _user() -> str | None:
    """Who runs the server: PostgreSQL refuses root. None is whoever runs the tests."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(home: Path, name: str, *arguments: str) -> None:
    folder, user = binaries(), _user()
    assert folder is not None
    # What it starts keeps what it is given: with a pipe, this would wait for the server's end.
    told = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([folder / name, *arguments], check=True, user=user, cwd=home, timeout=60, **told)


def restart(url: str, mode: str) -> None:
    """Stop the server of a DATABASE_URL that `cluster` gave (`fast`, or `immediate` as in a crash), and start it."""
    home = Path(unquote(url.partition("host=")[2]))
    _run(home, "pg_ctl", "-D", str(home / "data"), "-l", str(home / "log"), "-m", mode, "-w", "restart")


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """DATABASE_URL of a fresh server. Where PostgreSQL is not installed the test is skipped, or fails if CI is set."""
    if binaries() is None:
        message = "PostgreSQL (initdb, pg_ctl) is not installed"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    # A short path: a unix socket's name has about a hundred characters.
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    if user := _user():
        shutil.chown(home, user)
    data = str(home / "data")
    try:
        _run(
            home, "initdb", "-D", data, "-U", "filiation", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"
        )
        options = f"-c listen_addresses='' -c unix_socket_directories='{home}' -c fsync=off"
        _run(home, "pg_ctl", "-D", data, "-l", str(home / "log"), "-w", "-o", options, "start")
        try:
            yield f"postgres://filiation@/postgres?host={quote(str(home))}"
        finally:
            _run(home, "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
