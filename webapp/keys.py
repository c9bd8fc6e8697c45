"""Secrets that are made on first start."""

from __future__ import annotations

import secrets

from cryptography.fernet import Fernet


def new_secret_key() -> str:
    """A fresh key for signing sessions and forms."""
    return secrets.token_urlsafe(60)


def new_credential_key() -> str:
    """A fresh Fernet key for credentials at rest."""
    return Fernet.generate_key().decode("ascii")
