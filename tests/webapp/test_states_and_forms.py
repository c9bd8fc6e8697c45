"""What a list says when it has nothing to show, and what a form says and keeps when something in it is wrong."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.helpers.making import endpoint_model, scripted_model, stored_suite
from webapp.casework.models import Comparison
from webapp.catalogue.models import Model
from webapp.probing.models import Collection

pytestmark = pytest.mark.django_db
EMPTY = re.compile(r'<div class="empty">(.*?)</div>\s*</div>', re.DOTALL)
ERROR = re.compile(r'<p class="error">(.*?)</p>', re.DOTALL)
CHOSEN = re.compile(r'name="(?:models|suite)"[^>]* checked')
SUMMARY = re.compile(r'<div class="note bad" role="alert".*?</div>', re.DOTALL)


@pytest.fixture
def analyst(client: Client) -> Client:
    client.force_login(User.objects.create_user("analyst"))
    return client


def _empty(client: Client, path: str) -> tuple[int, int]:
    """How many empty places a page has, and how many things to do stand in them."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    found = EMPTY.findall(answer.content.decode())
    return len(found), sum(part.count('class="button') for part in found)


LISTS = ("/models/", "/suites/", "/collections/", "/comparisons/")


@pytest.mark.parametrize("path", [*LISTS, "/collections/start/", "/comparisons/start/"])
def test_an_empty_list_says_so_and_offers_one_thing_to_do(analyst: Client, path: str) -> None:
    assert _empty(analyst, path) == (1, 1)


@pytest.mark.parametrize("path", LISTS)
def test_a_filter_that_leaves_nothing_offers_everything_and_keeps_its_words(
    analyst: Client, path: str, tmp_path: Any
) -> None:
    model, suite = scripted_model(tmp_path), stored_suite(1)
    Collection.objects.create(model=model, suite=suite, planned=1)
    Comparison.objects.create(title="one", suite=suite)
    assert _empty(analyst, path) == (0, 0)
    assert _empty(analyst, f"{path}?q=nowhere") == (1, 1)
    page = analyst.get(f"{path}?q=nowhere").content.decode()
    assert 'value="nowhere"' in page
    assert f'href="{path}">Show all' in page


def test_a_failed_comparison_says_what_happened_what_is_safe_and_what_to_do(analyst: Client) -> None:
    failed = Comparison.objects.create(title="x", suite=stored_suite(1), state="failed", error="no <model> answered")
    page = analyst.get(f"/comparisons/{failed.pk}/").content.decode()
    assert "no &lt;model&gt; answered" in page
    assert "the response sets are unchanged" in page
    assert f'action="/comparisons/{failed.pk}/retry/"' in page
    assert "no &lt;model&gt; answered" in analyst.get("/comparisons/").content.decode()


def _file(body: bytes = b"", name: str = "theirs.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, body)


BAD = {
    "weights": ({"folder": "", "name": "kept", "role": "reference"}, {"folder": "required"}, ["kept"]),
    "weights-role": ({"folder": "x", "name": "kept", "role": "suspect"}, {"role": "valid choice"}, ["kept"]),
    "endpoint": (
        {"base_url": "", "name": "kept", "remote_name": "also", "granted_by": "somebody", "secret": "sk-secret"},
        {"base_url": "required", "basis": "names both who allowed it and on what ground"},
        ["kept", "also", "somebody"],
    ),
    "transcripts": ({"name": "kept", "role": "questioned"}, {"file": "required", "suite": "required"}, ["kept"]),
    "results": ({"role": "nobody"}, {"file": "required", "role": "valid choice"}, []),
    "folder": ({"folder": " ", "role": "reference"}, {"folder": "required"}, []),
}


@pytest.mark.parametrize("case", BAD)
def test_registering_refuses_by_field_with_a_sentence_and_keeps_what_was_typed(analyst: Client, case: str) -> None:
    data, wrong, kept = BAD[case]
    answer = analyst.post(f"/models/register/?way={case.partition('-')[0]}", data)
    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert not Model.objects.exists()
    for field, words in wrong.items():
        assert f'href="#id_{field}"' in page, "the summary leads to the field"
        assert re.search(rf'id="id_{field}_error">.*?{words}.*?</div>', page, re.DOTALL), field
        assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', page), field
    assert all(sentence.strip().endswith(".") for sentence in ERROR.findall(page))
    assert all(f'value="{text}"' in page for text in kept)
    assert "sk-secret" not in page


def test_a_comparison_of_one_model_is_refused_and_keeps_title_and_choice(analyst: Client, tmp_path: Any) -> None:
    model, suite = scripted_model(tmp_path), stored_suite(1)
    Collection.objects.create(model=model, suite=suite, planned=1, state="done", counts={"completed": 1})
    for models in ([], [model.pk]):
        answer = analyst.post(f"/comparisons/start/?suite={suite.pk}", {"models": models, "title": "my <title>"})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "at least two models" in page
        assert 'value="my &lt;title&gt;"' in page
        assert 'id="id_models_error"' in page
        assert len(CHOSEN.findall(page)) == len(models)
    assert not Comparison.objects.exists()


def test_a_collection_refuses_a_bad_budget_by_field_and_keeps_the_rest(analyst: Client, tmp_path: Any) -> None:
    model, suite = scripted_model(tmp_path), stored_suite(1)
    form = {"models": [model.pk], "suite": suite.pk, "budget_calls": "-3", "budget_tokens": "many", "budget_money": "5"}
    page = (answer := analyst.post("/collections/start/", form)).content.decode()
    assert answer.status_code == 422
    for field in ("budget_calls", "budget_tokens", "price_in"):
        assert f'id="id_{field}_error"' in page
    assert 'value="-3"' in page and 'value="many"' in page and 'value="5"' in page
    assert len(CHOSEN.findall(page)) == 2
    assert not Collection.objects.exists()


def test_an_authorisation_is_refused_by_field_on_the_page_of_its_model(analyst: Client) -> None:
    model = endpoint_model("http://127.0.0.1:9/v1")
    page = analyst.post(f"/models/{model.pk}/authorise/", {"granted_by": "kept", "expires_at": "soon"}).content.decode()
    assert 'id="id_basis_error"' in page and 'id="id_expires_at_error"' in page
    assert 'value="kept"' in page and 'value="soon"' in page
    assert model.authorisations.count() == 1


def test_a_suite_that_is_none_is_refused_by_its_field(analyst: Client) -> None:
    answer = analyst.post("/suites/own/", {"file": _file(b"{", "suite.json")})
    assert answer.status_code == 422
    assert SUMMARY.search(answer.content.decode())
    assert 'id="id_file_error"' in answer.content.decode()
