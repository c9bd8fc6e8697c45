"""Which processes make up Filiation on one machine, and how each is started."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from webapp import broker
from webapp.operations.group import GroupError, Service

CELERY = (sys.executable, "-m", "celery", "-A", "tasks.app")
QUIET = ("--loglevel", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat")
MODEL_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
"""Several workers share the cores: one thread each, or torch's threads spin against one another."""


@dataclass(frozen=True)
class Shape:
    """How many of what: the web address, one worker per GPU (or per core given to local models), and the others."""

    host: str = "127.0.0.1"
    port: int = 8000
    gpu_workers: int = 1
    api_processes: int = 2
    cpu_processes: int = 1

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the pages."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://{host}:{self.port}/"


def services(home: Path, shape: Shape, *, embedded_broker: bool) -> list[Service]:
    """Every process of the group, in the order in which they start."""
    gpu = [_worker("gpu", f"gpu{i}", "--pool", "solo") for i in range(1, shape.gpu_workers + 1)]
    return [
        *([_valkey(home)] if embedded_broker else []),
        _web(shape),
        *gpu,
        _worker("api", "api", "--concurrency", str(shape.api_processes)),
        _worker("cpu", "cpu", "--concurrency", str(shape.cpu_processes)),
        Service("beat", (*CELERY, "beat", "--loglevel", "INFO", "--pidfile=", "--schedule", str(home / "beat"))),
    ]


def require_free(shape: Shape) -> None:
    """Raise GroupError where something else listens on the web port. (The web server itself would share it.)"""
    if not is_free(shape.host, shape.port):
        raise GroupError(f"port {shape.port} is taken on {shape.host}. Stop what uses it, or name another: --port N")


def is_free(host: str, port: int) -> bool:
    """Whether this address can be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def first_free_port(host: str, start: int) -> int:
    """The first port from `start` that can be listened on; raises GroupError after a hundred."""
    for port in range(start, start + 100):
        if is_free(host, port):
            return port
    raise GroupError(f"no port from {start} to {start + 99} is free on {host}; name one: --port N")


def _valkey(home: Path) -> Service:
    url = broker.client_url(home)
    return Service("valkey", tuple(broker.command(home)), ready=lambda: broker.answers(url), last=True)


def _web(shape: Shape) -> Service:
    address = ("--host", shape.host, "--port", str(shape.port))
    options = ("--interface", "wsgi", "--blocking-threads", "8", "--backpressure", "64", "--no-ws")
    command = (sys.executable, "-m", "granian", *options, *address, "webapp.wsgi:application")
    return Service("web", command, ready=lambda: not is_free(shape.host, shape.port))


def _worker(queue: str, name: str, *options: str) -> Service:
    command = (*CELERY, "worker", "-Q", queue, "-n", f"{name}@%h", "--prefetch-multiplier", "1", *QUIET, *options)
    return Service(f"worker-{name}", command, environment=MODEL_THREADS)
