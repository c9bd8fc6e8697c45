"""Secrets given as files, as docs/deployment.md and docker-compose.yml do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cryptography.fernet import Fernet

from tests.architecture.imports import ROOT

SHOW = (
    "from django.conf import settings as s; print(s.SECRET_KEY, s.CREDENTIAL_KEYS[0], s.DATABASES['default']['NAME'])"
)


def test_a_secret_is_read_from_the_file_that_the_environment_names(tmp_path: Path) -> None:
    key, told = Fernet.generate_key().decode(), "s" * 60
    values = {
        "SECRET_KEY": told,
        "FILIATION_CREDENTIAL_KEYS": key,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'other.sqlite3'}",
    }
    environment = {k: v for k, v in os.environ.items() if k not in values}
    environment |= {"FILIATION_HOME": str(tmp_path / "home"), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    for name, value in values.items():
        (tmp_path / name).write_text(value)
        environment[f"{name}_FILE"] = str(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [told, key, str(tmp_path / "other.sqlite3")]
    assert not (tmp_path / "home" / "secret.key").exists()
