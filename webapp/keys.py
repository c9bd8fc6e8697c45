"""Secrets made on first start and kept beside the data, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet


def stored_key(path: Path, make: Callable[[], str]) -> str:
    """The key in a file of mode 0600, made on first use. Of two processes that start at once, both get one key."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _publish(path, make())
    return path.read_text(encoding="ascii").strip()


def _publish(path: Path, key: str) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".key-")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key + "\n")
        # A link never replaces: the first writer's key stays, and no reader sees half of one.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def new_secret_key() -> str:
    """A fresh key for signing sessions and forms."""
    return secrets.token_urlsafe(60)


def new_credential_key() -> str:
    """A fresh Fernet key for credentials at rest."""
    return Fernet.generate_key().decode("ascii")
