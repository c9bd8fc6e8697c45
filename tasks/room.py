"""Room on the database's disk: a little is kept in reserve, so that a full disk can be written down as such."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from django.db import DatabaseError, connection

RESERVE = 1 << 20
FULL = (
    "there is no room left on the disk of the database. What came back until then is kept whole, and nothing more is "
    "sent. Make room, then resume"
)
SQLITE_FULL, POSTGRESQL_FULL = "SQLITE_FULL", "53100"


class NoRoom(Exception):
    """The reserve cannot be kept: the disk is full."""


def is_full(problem: BaseException | None) -> bool:
    """Whether an error, or what it comes from, says that the disk is full."""
    while problem is not None:
        told = {getattr(problem, "sqlite_errorname", ""), getattr(problem, "sqlstate", "")}
        if isinstance(problem, NoRoom) or told & {SQLITE_FULL, POSTGRESQL_FULL}:
            return True
        problem = problem.__cause__ if isinstance(problem, DatabaseError) else None
    return False


def _reserve() -> Path | None:
    """The file, beside a database that is one; a server looks after its own disk."""
    return Path(f"{connection.settings_dict['NAME']}-reserve") if connection.vendor == "sqlite" else None


def keep() -> None:
    """Make sure of the reserve; raises NoRoom."""
    path = _reserve()
    if path is None or (path.exists() and path.stat().st_size == RESERVE):
        return
    try:
        with path.open("wb") as file:
            file.write(b"\0" * RESERVE)
            os.fsync(file.fileno())
    except OSError as problem:
        path.unlink(missing_ok=True)
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise NoRoom(str(problem)) from problem


def free() -> bool:
    """Whether there was a reserve. It is given up: for what is under way, and for why nothing more is sent."""
    path = _reserve()
    try:
        if path is not None:
            path.unlink()
    except FileNotFoundError:
        return False
    return path is not None
