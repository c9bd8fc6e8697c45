"""A suite of the analyst's own, drawn for a case or written by hand, on the page and by the command."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from forensics.probes import draw_suite
from tests.helpers.making import scripted_model, suite_record
from webapp.custody.models import Entry
from webapp.probing.models import Probe, Suite

pytestmark = pytest.mark.django_db


@pytest.fixture
def page() -> Client:
    """A signed-in visitor."""
    client = Client()
    client.force_login(User.objects.create_user("ana"))
    return client


def sent(page: Client, raw: bytes, name: str = "mine.json") -> tuple[int, str]:
    """Status and text of the page after an upload."""
    answer = page.post(reverse("probing:store-own"), {"file": SimpleUploadedFile(name, raw)}, follow=True)
    return answer.status_code, answer.text


def changed(**more: Any) -> bytes:
    """A small suite whose second probe is changed."""
    plain = suite_record(3).as_json()
    plain["probes"][1] |= more
    return json.dumps(plain).encode()


def test_a_drawn_suite_is_stored_with_its_hash_and_sent_again_changes_nothing(page: Client) -> None:
    drawn = draw_suite("quick", "case 12")
    for _ in range(2):
        status, shown = sent(page, json.dumps(drawn.as_json()).encode())
        assert (status, f"The suite {drawn.name} {drawn.version} is stored." in shown) == (200, True)
    suite = Suite.objects.get()
    assert (suite.suite_hash, suite.origin, suite.probes.count()) == (drawn.suite_hash, "uploaded", len(drawn.probes))
    assert Entry.objects.filter(action="suite-registered").count() == 1


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"\xff\xfe{}", "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b"[]", "has no probes"),
        (changed(mode="sung"), "probe 2"),
        (changed(prompt_id="p" * 201), "longer than 200 characters"),
        (changed(category="a\0b"), "NUL"),
        (changed(messages=[{"role": "user", "content": "a\0b"}]), "NUL"),
        (changed(prompt_id=suite_record(3).probes[0].prompt.prompt_id), "appears twice"),
    ],
)
def test_what_is_no_suite_is_named_and_nothing_is_stored(page: Client, raw: bytes, said: str) -> None:
    status, shown = sent(page, raw)
    assert (status, said in shown) == (422, True)
    assert not Suite.objects.exists() and not Probe.objects.exists()


def test_a_name_and_version_stand_for_one_suite(page: Client) -> None:
    assert sent(page, json.dumps(suite_record(3).as_json()).encode())[0] == 200
    status, shown = sent(page, json.dumps(suite_record(4).as_json()).encode())
    assert (status, "another version" in shown) == (422, True)
    assert Suite.objects.get().probes.count() == 3


def test_the_command_takes_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    scripted_model(tmp_path)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("collect", model="rehearsed", suite=str(file))
    file.write_bytes(json.dumps(suite_record(3).as_json()).encode())
    out = StringIO()
    call_command("collect", model="rehearsed", suite=str(file), dry_run=True, stdout=out)
    assert "3 calls" in out.getvalue()
    assert Suite.objects.get().origin == "uploaded"


def test_whoever_is_shown_probes_of_a_secret_pool_is_on_record_for_it(page: Client) -> None:
    sent(page, changed(category="secret/one"))
    seen = Entry.objects.filter(action="sealed-viewed")
    before = seen.count()
    page.get(reverse("probing:suite", args=[Suite.objects.get().pk]) + "?q=Question+0")
    assert seen.count() == before
    page.get(reverse("probing:suite", args=[Suite.objects.get().pk]))
    entry = seen.order_by("-sequence")[0]
    assert (seen.count(), entry.actor, entry.detail) == (before + 1, "ana", {"where": "suite", "probes": ["p001"]})
