"""Mistakes in the settings, told at start: what is wrong, and what to write instead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

BROKER_SCHEMES = ("redis", "rediss", "redis+socket")


@register()
def check_settings(**_: Any) -> list[CheckMessage]:
    """Everything wrong with the settings in force."""
    return [*_home(), *_secrets(), *_servers(), *_exposure(), *_work()]


def _home() -> Iterator[CheckMessage]:
    home = Path(settings.FILIATION_HOME)
    if not home.is_dir() or not os.access(home, os.W_OK | os.X_OK):
        yield Error(
            f"FILIATION_HOME {home} is not a folder that this user may write to",
            hint="Create it, or set FILIATION_HOME to one that is.",
            id="filiation.E001",
        )
    for name in ("secret.key", "credential.key"):
        if (home / name).exists() and (home / name).stat().st_mode & 0o077:
            yield Error(
                f"{home / name} can be read by others", hint=f"Run: chmod 600 {home / name}", id="filiation.E002"
            )


def _secrets() -> Iterator[CheckMessage]:
    if len(settings.SECRET_KEY) < 50:
        yield Error(
            "SECRET_KEY is shorter than 50 characters", hint="Leave it unset, or lengthen it.", id="filiation.E003"
        )
    for position, key in enumerate(settings.CREDENTIAL_KEYS, start=1):
        try:
            Fernet(key)
        except (ValueError, TypeError):
            yield Error(
                f"credential key {position} of FILIATION_CREDENTIAL_KEYS is not a Fernet key",
                hint="A Fernet key is 32 random bytes in URL-safe base64; the newest comes first.",
                id="filiation.E004",
            )


def _servers() -> Iterator[CheckMessage]:
    if urlsplit(settings.BROKER_URL).scheme not in BROKER_SCHEMES:
        yield Error(
            "REDIS_URL is not an address of Redis or Valkey",
            hint="Write redis://HOST:6379/0 or rediss://..., or leave it unset for the private one.",
            id="filiation.E005",
        )


def _exposure() -> Iterator[CheckMessage]:
    if settings.LOCAL:
        return
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        yield Error("ALLOWED_HOSTS must name the hosts that are served", hint="ALLOWED_HOSTS=name", id="filiation.E006")
    if settings.DEBUG:
        yield Error(
            "DEBUG shows secrets to visitors", hint="Unset DEBUG, or FILIATION_LOCAL=true.", id="filiation.E007"
        )


def _work() -> Iterator[CheckMessage]:
    if settings.LEASE_SECONDS < 1 or settings.SLICE_SECONDS < 1 or settings.JOBS < 1:
        yield Error(
            "FILIATION_LEASE_SECONDS, FILIATION_SLICE_SECONDS and FILIATION_JOBS must be at least 1",
            hint="Leave them unset for 45, 50 and 1.",
            id="filiation.E008",
        )
    if settings.SILENCE_SECONDS <= 0 or settings.REPLY_SECONDS < settings.SILENCE_SECONDS:
        yield Error(
            "FILIATION_SILENCE_SECONDS must be more than 0, and FILIATION_REPLY_SECONDS not less than it",
            hint="Leave them unset for 60 and 180.",
            id="filiation.E010",
        )
    for entry in settings.PRIVATE_HOSTS:
        if any(mark in entry for mark in "/*@ "):
            yield Error(
                f"FILIATION_PRIVATE_HOSTS holds {entry!r}, which is not a host or host:port",
                hint="Write names or addresses, with commas between: gpu.lan:8000,10.0.0.7.",
                id="filiation.E009",
            )
