"""Pages without a browser: who may open them, what an error keeps, how many queries they cost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import get_resolver

from tests.helpers.making import stored_suite
from webapp.casework.differences import sides
from webapp.catalogue.models import Model
from webapp.custody.models import Entry
from webapp.probing.models import Collection, Completion

pytestmark = pytest.mark.django_db
OPEN = ("sign-in", "sign-out", "home")
NOBODY = "00000000-0000-4000-8000-000000000000"
PARTS = {"collection_id": NOBODY, "model_id": NOBODY, "suite_id": NOBODY, "comparison_id": NOBODY, "completion_id": 1,
         "name": "heatmap", "act": "pause", "attempt_id": 1, "part": "raw", "number": 1, "slug": "lr"}  # fmt: skip


@pytest.fixture
def analyst(client: Client) -> Client:
    client.force_login(User.objects.create_user("analyst"))
    return client


def addresses() -> list[tuple[str, str]]:
    """Every named address, with ids of nothing in it."""
    found = []

    def walk(resolver: Any, prefix: str, namespace: str) -> None:
        for pattern in resolver.url_patterns:
            route = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                walk(pattern, route, f"{pattern.namespace}:" if pattern.namespace else namespace)
            else:
                for name in pattern.pattern.converters:
                    kind = type(pattern.pattern.converters[name]).__name__.removesuffix("Converter").lower()
                    route = route.replace(f"<{kind}:{name}>", str(PARTS[name])).replace("<str:", "<string:")
                    route = route.replace(f"<string:{name}>", str(PARTS[name]))
                found.append((f"{namespace}{pattern.name}", f"/{route}"))

    walk(get_resolver(), "", "")
    return found


@pytest.mark.parametrize(("name", "path"), addresses())
def test_a_stranger_is_sent_to_sign_in_from_every_page(client: Client, name: str, path: str) -> None:
    if name == "sign-in":
        assert client.get(path).status_code == 200
        return
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 302 or name == "sign-out"
        assert name in OPEN or answer["Location"].startswith("/sign-in/?next=")


@pytest.mark.parametrize(("name", "path"), [a for a in addresses() if NOBODY in a[1] or "/1/" in a[1]])
def test_an_object_that_is_not_there_is_a_plain_404(analyst: Client, name: str, path: str) -> None:
    answer = analyst.get(path)
    assert answer.status_code in (404, 405), name


def transcripts(*rows: dict[str, Any]) -> SimpleUploadedFile:
    body = "\n".join(json.dumps(row) for row in rows).encode()
    return SimpleUploadedFile("theirs.jsonl.gz", gzip.compress(body))


def test_uploaded_transcripts_become_a_recorded_model_with_its_completions(analyst: Client) -> None:
    suite = stored_suite(2)
    rows = [{"prompt_id": f"p00{i}", "response": f"reply {i}"} for i in range(2)]
    form = {"name": "theirs", "role": "questioned", "suite": suite.pk, "file": transcripts(*rows)}
    answer = analyst.post("/models/register/?way=transcripts", form)
    model = Model.objects.get()
    assert answer["Location"] == f"/models/{model.pk}/"
    assert sorted(Completion.objects.values_list("text", flat=True)) == ["reply 0", "reply 1"]


def test_a_bad_row_names_the_file_as_sent_keeps_what_was_typed_and_stores_nothing(
    analyst: Client, settings: Any
) -> None:
    suite = stored_suite(1)
    folder = Path(settings.MEDIA_ROOT) / "transcripts"
    before, kept = Entry.objects.count(), set(folder.glob("*"))
    form = {"name": "their <model>", "role": "questioned", "suite": suite.pk, "file": transcripts({"response": "x"})}
    answer = analyst.post("/models/register/?way=transcripts", form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "theirs.jsonl.gz" in page and "line 1" in page
    assert 'value="their &lt;model&gt;"' in page
    assert (Model.objects.count(), Entry.objects.count()) == (0, before)
    assert set(folder.glob("*")) == kept


def test_a_folder_without_models_says_so_and_keeps_the_path(analyst: Client, tmp_path: Path) -> None:
    answer = analyst.post("/models/register/?way=folder", {"folder": str(tmp_path), "role": "reference"})
    assert answer.status_code == 422
    assert "no sub-folder holds a config.json; nothing was registered" in answer.content.decode()
    assert f'value="{tmp_path}"' in answer.content.decode()


def test_the_list_of_models_costs_the_same_number_of_queries_however_long_it_is(
    analyst: Client, django_assert_max_num_queries: Any
) -> None:
    Model.objects.bulk_create(Model(name=f"m{i}", adapter="recorded", location="x") for i in range(60))
    with django_assert_max_num_queries(8):
        analyst.get("/models/?q=m&sort=-done")


def test_collections_that_the_address_does_not_name_are_not_in_the_live_answer(analyst: Client) -> None:
    model = Model.objects.create(name="m", adapter="recorded", location="x")
    one, _ = (Collection.objects.create(model=model, suite=stored_suite(1), planned=4) for _ in range(2))
    answer = analyst.get(f"/collections/progress.json?ids={one.pk},nonsense").json()
    assert [row["id"] for row in answer["rows"]] == [str(one.pk)]
    assert (answer["planned"], answer["finished"]) == (4, False)


def test_a_raw_reply_is_only_ever_a_download(analyst: Client) -> None:
    suite = stored_suite(1)
    model = Model.objects.create(name="m", adapter="recorded", location="x")
    collection = Collection.objects.create(model=model, suite=suite, planned=1)
    probe = suite.probes.get()
    reply = Completion.objects.create(collection=collection, probe=probe, sample=0, text="<b>", outcome="completed")
    answer = analyst.get(f"/completions/{reply.pk}/raw/")
    assert answer.content == b"<b>"
    assert answer["Content-Disposition"].startswith("attachment")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")


def test_marks_and_escapes_never_lose_a_character() -> None:
    a, b = "The quick\u200b brown fox\x00 jumps", "The slow brown fox jumps\u202e"
    for marks in ("differences", "shared", "none"):
        found = sides(a, b, marks=marks)
        assert ("".join(p.text for p in found.a), "".join(p.text for p in found.b)) == (a, b)
    shown = sides(a, b, escapes=True)
    assert [p.text for p in (*shown.a, *shown.b) if p.escape] == ["U+200B", "U+0000", "U+202E"]
    assert (shown.hidden_a, shown.hidden_b) == (2, 1)
