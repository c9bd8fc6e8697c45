"""docker-compose.yml: what every service must have, and that nothing secret stands in it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.architecture.imports import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NEEDED = {"web", "worker-api", "worker-gpu", "worker-cpu", "beat", "redis", "postgres"}
SECRET_WORD = re.compile(r"pass|secret|key|token|url", re.IGNORECASE)
CREDENTIALS_IN_URL = re.compile(r"://[^/\s]*:[^/\s]*@")


def test_every_part_has_its_service() -> None:
    assert set(SERVICES) == NEEDED


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_healthy_by_test_and_runs_as_nobody_special(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    user = str(service["user"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), user
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service
    assert re.fullmatch(r"[a-z0-9/.-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?", service["image"]), "pin the image's version"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_secret_is_named_by_file_and_never_written_down(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        assert not CREDENTIALS_IN_URL.search(str(value)), key
        if SECRET_WORD.search(key) and key != "REDIS_URL":
            assert key.endswith("_FILE"), key
            assert str(value).removeprefix("/run/secrets/") in SERVICES[name]["secrets"], key


def test_secrets_come_from_files_that_git_does_not_hold() -> None:
    assert {tuple(secret) for secret in COMPOSE["secrets"].values()} == {("file",)}
    for secret in COMPOSE["secrets"].values():
        ignored = subprocess.run(["git", "check-ignore", "-q", secret["file"]], cwd=ROOT, check=False)
        assert ignored.returncode == 0, secret["file"]


def test_only_the_web_server_is_reachable_and_only_from_its_own_machine() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(ports) == ["web"]
    assert all(str(port).startswith("127.0.0.1:") for port in ports["web"])
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["worker-gpu"]["networks"] == ["inside"]


def test_every_queue_has_its_worker_and_every_named_thing_exists() -> None:
    queues = {s["command"][s["command"].index("-Q") + 1] for n, s in SERVICES.items() if n.startswith("worker-")}
    assert queues == {"gpu", "api", "cpu"}
    for service in SERVICES.values():
        assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        named = [v.split(":")[0] for v in service["volumes"] if re.match(r"[a-z]", v)]
        assert set(named) <= set(COMPOSE["volumes"])


def test_what_the_image_copies_exists_and_is_let_through() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in let_through
    assert any(re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", line) for line in lines)


def test_compose_itself_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker's compose plug-in is not on this machine; the tests above check the file's structure")
    done = subprocess.run([docker, "compose", "config", "-q"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
