"""Settings: what is made on first start, and mistakes that are told at start."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from forensics.reports.bundle.signing import stored_key
from tests.helpers.workers import ROOT
from webapp.keys import new_secret_key


def manage(home: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """manage.py in a process of its own, with that home and those settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "VIRTUAL_ENV") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=kept | {"FILIATION_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_first_start_makes_keys_that_only_their_owner_reads_and_later_starts_keep_them(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert manage(home, "check").returncode == 0
    keys = {name: (home / name).read_text() for name in ("secret.key", "credential.key")}
    assert all(stat.S_IMODE((home / name).stat().st_mode) == 0o600 for name in keys)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    stored = [stored_key(home / "secret.key", new_secret_key) for _ in range(2)]
    assert set(stored) == {keys["secret.key"].strip()}


MISTAKES = {
    "SECRET_KEY": ("short", "SECRET_KEY is shorter"),
    "FILIATION_CREDENTIAL_KEYS": ("nonsense", "is not a Fernet key"),
    "REDIS_URL": ("amqp://host", "REDIS_URL is not an address"),
    "ALLOWED_HOSTS": ("*", "ALLOWED_HOSTS must name"),
    "DEBUG": ("true", "DEBUG shows secrets"),
    "FILIATION_PRIVATE_HOSTS": ("10.0.0.0/8", "not a host or host:port"),
    "FILIATION_JOBS": ("0", "must be at least 1"),
    "FILIATION_REPLY_SECONDS": ("3", "FILIATION_REPLY_SECONDS not less"),
}


def test_mistakes_are_told_at_start_all_at_once(tmp_path: Path) -> None:
    ended = manage(tmp_path, "check", FILIATION_LOCAL="false", **{name: value for name, (value, _) in MISTAKES.items()})
    assert ended.returncode != 0
    assert [told for _, told in MISTAKES.values() if told not in ended.stderr] == []


def test_a_database_without_the_ledgers_locks_is_refused(tmp_path: Path) -> None:
    ended = manage(tmp_path, "check", DATABASE_URL="mysql://a:b@c/d")
    assert ended.returncode != 0
    assert "DATABASE_URL names a database on which the ledger is not right" in ended.stderr


def test_a_key_that_others_can_read_is_told(tmp_path: Path) -> None:
    manage(tmp_path, "check")
    (tmp_path / "credential.key").chmod(0o644)
    assert "chmod 600" in manage(tmp_path, "check").stderr


def test_away_from_home_cookies_travel_only_encrypted(tmp_path: Path) -> None:
    names = "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT"
    show = f"from django.conf import settings as s; print({names})"
    away = manage(tmp_path, "shell", "-v0", "-c", show, FILIATION_LOCAL="false", ALLOWED_HOSTS="a.example")
    assert away.stdout.split() == ["True", "True", "True"], away.stderr
    assert manage(tmp_path, "shell", "-v0", "-c", show).stdout.split() == ["False", "False", "False"]


def test_the_database_waits_for_its_turn_and_migrations_are_complete(tmp_path: Path) -> None:
    from django.conf import settings

    options = settings.DATABASES["default"]["OPTIONS"]
    assert (options["transaction_mode"], options["timeout"]) == ("IMMEDIATE", 20)
    assert manage(tmp_path, "makemigrations", "--check", "--dry-run").returncode == 0
