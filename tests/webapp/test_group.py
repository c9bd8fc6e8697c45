"""The supervised group, with small real processes; tests/webapp/test_up.py runs the real services."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.webapp.processes import marked, new_mark, until
from webapp.operations.group import Group, GroupError, Service

STUBBORN = (
    "import signal, time\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)"
)
PARENT = "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', sys.argv[1]])\ntime.sleep(600)"

# A shell that starts this run in the background has SIGINT ignored, and every process inherits that.
SUPERVISOR = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from webapp.operations.group import Group, Service
home, stubborn, parent = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
run = (sys.executable, "-c")
services = [Service("stubborn", (*run, stubborn)), Service("parent", (*run, parent, stubborn))]
with Group(home, services, print) as group:
    print("started", flush=True)
    while True:
        group.tend()
        time.sleep(0.1)
"""


def tended(group: Group) -> bool:
    """True, after one look at the group."""
    group.tend()
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_the_supervisor_ends_nothing_is_left_within_five_seconds(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", SUPERVISOR, str(tmp_path), STUBBORN, PARENT]
    mark = new_mark()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **mark}) as supervisor:
        assert supervisor.stdout is not None and supervisor.stdout.readline() == b"started\n"
        until(lambda: len(marked(mark)) == 5)
        supervisor.send_signal(number)
        until(lambda: not marked(mark))


def test_what_crashes_is_started_again_after_a_growing_wait(tmp_path: Path) -> None:
    said: list[str] = []
    count = tmp_path / "count"
    crash = f"import os; open({str(count)!r}, 'a').write('x'); os._exit(3)"
    with Group(tmp_path, [Service("crasher", (sys.executable, "-c", crash))], said.append) as group:
        began = time.monotonic()
        while not (count.exists() and count.read_text() == "xxx"):
            group.tend()
            time.sleep(0.02)
            assert time.monotonic() - began < 8
    assert time.monotonic() - began >= 3.0
    assert said[0].startswith("crasher ended with exit code 3; it starts again in 1 s")
    assert "in 2 s" in said[1]


def test_a_crash_takes_the_orphans_of_the_crashed_with_it(tmp_path: Path) -> None:
    mark = new_mark()
    service = Service("parent", (sys.executable, "-c", PARENT, STUBBORN), environment=mark)
    with Group(tmp_path, [service], lambda line: None) as group:
        until(lambda: len(marked(mark)) == 2)
        before = marked(mark)
        os.kill(min(before), signal.SIGKILL)
        until(lambda: tended(group) and not before & marked(mark))
        until(lambda: tended(group) and len(marked(mark)) == 2)
    assert not marked(mark)


@pytest.mark.parametrize("noticed", [True, False])
def test_nothing_is_left_even_when_the_guardian_was_killed(tmp_path: Path, noticed: bool) -> None:
    mark = new_mark()
    service = Service("one", (sys.executable, "-c", STUBBORN), environment=mark)
    with Group(tmp_path, [service], lambda line: None) as group:
        first = group._guardian
        assert first is not None
        first.kill()
        if noticed:
            until(lambda: tended(group) and group._guardian is not first)
        assert len(marked(mark)) == 1
    assert not marked(mark)


def test_a_second_supervisor_on_the_same_home_is_refused(tmp_path: Path) -> None:
    with Group(tmp_path, [], lambda line: None), pytest.raises(GroupError, match=f"as process {os.getpid()}"):
        Group(tmp_path, [], lambda line: None).__enter__()
    with Group(tmp_path, [], lambda line: None):
        pass


def test_a_service_that_ends_before_it_is_ready_is_named_with_its_last_words(tmp_path: Path) -> None:
    service = Service("web", (sys.executable, "-c", "raise SystemExit('no such settings')"), ready=lambda: False)
    with pytest.raises(GroupError, match=r"web ended with exit code 1[^\n]*\nno such settings"):
        Group(tmp_path, [service], lambda line: None).__enter__()


def test_signals_are_as_before_when_the_group_has_stopped(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with Group(tmp_path, [], lambda line: None):
        pass
    assert signal.getsignal(signal.SIGINT) is before
