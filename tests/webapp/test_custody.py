"""The custody log: every way of changing it shows."""

from __future__ import annotations

import pytest
from django.db import models

from webapp.custody.models import Entry
from webapp.custody.queries import verify
from webapp.custody.services import append

pytestmark = pytest.mark.django_db


@pytest.fixture
def log() -> list[Entry]:
    """Four entries."""
    return [append(actor="analyst", action="did", subject=f"thing {i}", number=i, word="ü") for i in range(4)]


def test_an_untouched_log_verifies(log: list[Entry]) -> None:
    found = verify()
    assert (found.intact, found.entries, found.head) == (True, 4, log[-1].entry_hash)
    assert verify(log[1].entry_hash).intact


def test_the_end_of_a_long_chain_is_recomputed_alone_and_says_so(log: list[Entry]) -> None:
    found = verify(last=2)
    assert (found.intact, found.whole, found.entries, found.checked) == (True, False, 4, 2)
    Entry.objects.filter(sequence=1).update(detail={})
    assert verify(last=2).intact
    assert not verify().intact
    Entry.objects.filter(sequence=3).update(detail={})
    assert verify(last=2).problems == ("entry 3 was changed after it was written",)


def test_an_edited_entry_is_named(log: list[Entry]) -> None:
    Entry.objects.filter(sequence=2).update(detail={"number": 9, "word": "ü"})
    assert verify().problems == ("entry 2 was changed after it was written",)


def test_a_removed_entry_is_named(log: list[Entry]) -> None:
    models.QuerySet(Entry).filter(sequence=2).delete()
    assert "entry 2 is missing before entry 3" in verify().problems


def test_swapped_entries_are_named(log: list[Entry]) -> None:
    Entry.objects.filter(sequence=2).update(sequence=99)
    Entry.objects.filter(sequence=3).update(sequence=2)
    Entry.objects.filter(sequence=99).update(sequence=3)
    assert "entry 2 does not follow the entry before it" in verify().problems


def test_a_cut_tail_shows_against_a_published_head(log: list[Entry]) -> None:
    models.QuerySet(Entry).filter(sequence=4).delete()
    assert verify().intact
    assert not verify(log[-1].entry_hash).intact


def test_an_entry_cannot_be_saved_again_or_deleted(log: list[Entry]) -> None:
    from django.db import IntegrityError, transaction

    log[0].action = "did otherwise"
    with pytest.raises(IntegrityError), transaction.atomic():
        log[0].save()
    with pytest.raises(TypeError, match="never deleted"):
        log[0].delete()
