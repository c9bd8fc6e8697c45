"""`manage.py up` with the real broker, web server, workers and scheduler."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.architecture.imports import ROOT
from tests.webapp.processes import marked, new_mark, until

MANAGE = [sys.executable, "manage.py"]
STARTUP_SECONDS = 90.0
LOGS = ("worker-gpu1", "worker-api", "worker-cpu")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated installation."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run([*MANAGE, "migrate", "-v", "0"], cwd=ROOT, env=_environment(home), check=True)
    return home


def _environment(home: Path) -> dict[str, str]:
    cleared = {k: v for k, v in os.environ.items() if k not in ("REDIS_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE")}
    return {**cleared, "FILIATION_HOME": str(home)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _up(home: Path, port: int, mark: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [*MANAGE, "up", "--port", str(port)]
    environment = {**_environment(home), **mark}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
            until(lambda: not marked(mark))


def _refused(home: Path, *arguments: str) -> str:
    command = [*MANAGE, "up", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=_environment(home), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_everything_starts_serves_and_is_gone_within_five_seconds(home: Path, number: signal.Signals) -> None:
    for name in LOGS:
        (home / "log" / f"{name}.log").unlink(missing_ok=True)
    port, mark = _free_port(), new_mark()
    with _up(home, port, mark) as supervisor:
        assert supervisor.stdout is not None
        assert f"http://127.0.0.1:{port}/" in supervisor.stdout.readline()
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).close()
        until(lambda: all("ready." in (home / "log" / f"{n}.log").read_text() for n in LOGS), STARTUP_SECONDS)
        assert len(marked(mark)) >= 8
        assert "already runs" in _refused(home, "--port", str(_free_port()))
        assert f"port {port} is taken" in _refused(home, "--port", str(port))
        supervisor.send_signal(number)
        until(lambda: not marked(mark))
        assert "CRITICAL" not in (home / "log" / "worker-gpu1.log").read_text()


def test_a_database_without_its_tables_is_told_apart(tmp_path: Path) -> None:
    assert "python manage.py migrate" in _refused(tmp_path)


def test_health_says_which_part_does_not_answer(home: Path) -> None:
    command = [*MANAGE, "health"]
    done = subprocess.run(command, cwd=ROOT, env=_environment(home), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, "CommandError: the broker does not answer")
