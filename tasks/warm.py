"""The one model that this worker process keeps loaded between slices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from forensics.adapters import Pacer, Session, Target
from webapp.catalogue import queries
from webapp.catalogue.models import Model

_kept: dict[Target, Session] = {}
_open = ExitStack()


@contextmanager
def session(model: Model, pacer: Pacer | None = None) -> Iterator[Session]:
    """An open session. One of the gpu queue, whose workers run one task at a time, stays open until another is asked
    for; any other is closed with the block. Raises what the adapter raises."""
    adapter, target = queries.adapter_of(model), queries.target(model)
    if pacer is not None:
        with adapter.open(target, pacer) as opened:
            yield opened
        return
    if adapter.queue != "gpu":
        with adapter.open(target) as opened:
            yield opened
        return
    if target not in _kept:
        close()
        _kept[target] = _open.enter_context(adapter.open(target))
    yield _kept[target]


def close() -> None:
    """Close the kept session, freeing its memory."""
    _kept.clear()
    _open.close()
