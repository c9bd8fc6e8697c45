"""Sending work never fails or delays what asked for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from tests.helpers.making import scripted_model, stored_suite
from webapp import dispatch
from webapp.probing import services
from webapp.probing.models import Collection


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_a_collection_is_started_at_once_and_left_to_the_reconciler(
    tmp_path: Path, settings: Any
) -> None:
    settings.BROKER_URL = f"redis+socket://{tmp_path}/nobody.sock"
    dispatch._publisher.cache_clear()
    try:
        began = time.monotonic()
        collection = services.start_collection(scripted_model(tmp_path), stored_suite())
        assert time.monotonic() - began < 2.0
    finally:
        dispatch._publisher.cache_clear()
    assert (collection.state, collection.planned) == ("running", 6)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_for_what_was_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(dispatch, "_send", lambda name, *_, **__: sent.append(name))
    model, suite = scripted_model(tmp_path), stored_suite()
    with pytest.raises(RuntimeError, match="undone"), transaction.atomic():
        services.start_collection(model, suite)
        raise RuntimeError("undone")
    assert (sent, Collection.objects.count()) == ([], 0)
    services.start_collection(model, suite)
    assert sent == [dispatch.COLLECT]
