"""Takes in what workers of this machine left behind when they died, without waiting for their leases to run out."""

from __future__ import annotations

import logging
from pathlib import Path

from django.db import InterfaceError, OperationalError

from tasks import journal, ledger
from webapp.probing.models import Collection

log = logging.getLogger(__name__)

LENGTH_OF_ID = 36


def take_over(collection_id: object = "") -> list[Collection]:
    """The collections, or the one, that something was left of; it is in the ledger now.

    A journal that cannot be taken in keeps nobody from the others. It stays for a better moment where the database or
    the disk is at fault; else it is put aside under another name, and leases tell what became of its calls.
    """
    taken = [_try(path) for path in journal.files(collection_id)]
    return [collection for collection in taken if collection is not None]


def _try(path: Path) -> Collection | None:
    try:
        return _take_in(path)
    except (OperationalError, InterfaceError, OSError) as problem:
        log.warning("%s cannot be taken in now: %s", path, problem)
    except Exception:
        log.exception("%s cannot be taken in, and is put aside", path)
        path.rename(path.with_suffix(".bad"))
    return None


def _take_in(path: Path) -> Collection | None:
    with journal.left_behind(path) as left:
        if left is None:
            return None
        collection = Collection.objects.select_related("model").filter(pk=path.name[:LENGTH_OF_ID]).first()
        if collection is not None:
            replies, settled = len(left.answered), ledger.take_in(collection, left)
            log.info("collection %s: a worker ended, %d replies and %d calls in all were taken in from its journal",
                     collection.pk, replies, settled)  # fmt: skip
        return collection
