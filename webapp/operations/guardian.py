"""Ends the supervised processes when the supervisor is gone, however it went.

A small process of its own session, reached by nothing but a pipe. The supervisor writes `+GROUP` or `-GROUP` lines
(process groups), `+GROUP last` for one that the others need until they have ended. At the end of the pipe, because
the supervisor closed it or was killed, every group left gets SIGTERM, and SIGKILL after a grace. This is the only
place that stops them. Run as a script, standard library only, so that it starts at once and stays small.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

GRACE_SECONDS = 2.5
LAST_GRACE_SECONDS = 1.5
"""Together below the five seconds within which everything has to be gone."""


def is_alive(group: int) -> bool:
    """Whether a process group still has a member (one that ended but was not waited for counts)."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def send(groups: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to process groups; one that is gone is no error."""
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def end(groups: Iterable[int], grace: float) -> None:
    """End process groups: SIGTERM, then SIGKILL for what is left after `grace` seconds."""
    left = set(groups)
    send(left, signal.SIGTERM)
    until = time.monotonic() + grace
    while left and time.monotonic() < until:
        time.sleep(0.03)
        left = {group for group in left if is_alive(group)}
    send(left, signal.SIGKILL)


def watch(lines: Iterable[str]) -> None:
    """Keep the list of groups until the lines end, then end them: the last ones after all others."""
    first: set[int] = set()
    last: set[int] = set()
    for line in lines:
        number, *flags = line[1:].split()
        group = int(number)
        if line.startswith("+"):
            (last if flags else first).add(group)
        else:
            first.discard(group)
            last.discard(group)
    end(first, GRACE_SECONDS)
    end(last, LAST_GRACE_SECONDS)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watch(sys.stdin)
