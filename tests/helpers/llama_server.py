"""A real llama.cpp server on loopback, in a process of its own, serving a member of the zoo.

It speaks the OpenAI protocol and Anthropic's. Run as ``python -m tests.helpers.llama_server MEMBER FOLDER``: it prints
its address and serves until its input ends.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "served-member"


@contextlib.contextmanager
def serving_member(member: str, folder: Path) -> Iterator[str]:
    """The base URL of its API. Skips the test where llama.cpp is not installed, unless CI is true."""
    try:
        import xllamacpp  # noqa: F401
    except ImportError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("xllamacpp is not installed (requirements-dev.txt)")
    command = [sys.executable, "-m", "tests.helpers.llama_server", member, str(folder)]
    log = (folder / "llama.log").open("wb")
    with log, subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-1, stderr=log) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        address = server.stdout.readline().decode().strip()
        assert address.startswith("http://"), (folder / "llama.log").read_text(encoding="utf-8", errors="replace")
        try:
            yield f"{address}/v1"
        finally:
            server.stdin.close()
            server.wait(20)


def _serve(member: str, folder: Path) -> None:
    import xllamacpp

    from tests.helpers.gguf_file import write_gguf

    params = xllamacpp.CommonParams()
    params.model.path = str(write_gguf(member, folder / f"{member}.gguf"))
    params.model_alias = {NAME}
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel, params.n_gpu_layers = 2048, 8, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]))
