"""Two hundred hostile strings as names, prompts, completions and labels: nothing is obeyed, and nothing breaks."""

from __future__ import annotations

import random
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from forensics.lineage.storage import save
from forensics.probes import Probe, Suite
from forensics.records import Completion, GenerationConfig, Message, Mode, Prompt, ResponseSet
from tests.browser.conftest import USER, Visit
from tests.helpers.hostile import KINDS, NAMES, NUL, STRINGS
from tests.helpers.hostile_case import hostile_case
from tests.helpers.populations import random_result, record
from webapp.casework.cases.pages import SECTIONS
from webapp.casework.models import Comparison
from webapp.catalogue.models import Model
from webapp.probing import services
from webapp.probing.importing import store
from webapp.probing.models import Collection
from webapp.probing.models import Completion as Stored

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
HARM = """() => ({
    owned: window.owned ?? 0,
    made: [...document.querySelectorAll("main :is(script:not([type='application/json']), iframe, object, embed, base, "
        + "video, audio, marquee, img, style, template, xmp, plaintext)")].map((n) => n.outerHTML.slice(0, 200)),
    handlers: [...document.querySelectorAll("*")].filter((n) => [...n.attributes].some((a) => a.name.startsWith("on")))
        .map((n) => n.outerHTML.slice(0, 200)),
    links: [...document.querySelectorAll("a[href], form[action]")].map((n) => n.href ?? n.action)
        .filter((url) => new URL(url, location).origin !== location.origin),
    whole: Boolean(document.querySelector("h1") && document.querySelector("footer.foot")),
    wide: document.documentElement.scrollWidth > innerWidth,
})"""
HARMLESS = {"owned": 0, "made": [], "handlers": [], "links": [], "whole": True, "wide": False}


def hostile_comparison() -> Comparison:
    """Every string is a model's name, a prompt and a completion; titles and what models claim to be are hostile too."""
    config = GenerationConfig(max_tokens=16)
    messages = [(Message("system", text), Message("user", text or "x")) for text in STRINGS]
    probes = tuple(
        Probe(Prompt(f"p{i:03}", both, Mode.CHAT, NAMES[i][:60] if i % 10 == 0 else "open"), config)
        for i, both in enumerate(messages)
    )
    suite = services.register_suite(Suite(KINDS["scripts"][0], KINDS["events"][0][:60], NAMES[1], probes))
    for number, name in enumerate(NAMES):
        said = STRINGS if number < 2 else [STRINGS[number]]
        replies = [Completion(f"p{i:03}", NUL + text if number == 1 else text) for i, text in enumerate(said)]
        who = {"claimed_identity": STRINGS[-number][:300], "remote_name": NAMES[-number], "location": NAMES[number]}
        store(ResponseSet.of(name, replies), Model(name=name, adapter="recorded", **who), suite)
    comparison = record(suite, NAMES[0])
    save(random_result(sorted(NAMES)), comparison.folder)
    return comparison


def _paths(comparison: Comparison) -> list[str]:
    place, two = f"/comparisons/{comparison.pk}/", urlencode({"a": NAMES[0], "b": NAMES[1]})
    picked = random.Random(5).sample(range(len(STRINGS)), 12)
    first = [STRINGS.index(texts[0]) for texts in KINDS.values()]
    last = Collection.objects.get(model__name=NAMES[1]).pk
    return [
        "/", *(f"/models/?page={n}" for n in range(1, 6)),
        *(f"/models/?{urlencode({'q': NAMES[n]})}" for n in picked[:3]),
        *(f"/models/{Model.objects.get(name=NAMES[n]).pk}/" for n in first[:4]), "/suites/", "/collections/start/",
        f"/suites/{comparison.suite.pk}/", f"/suites/{comparison.suite.pk}/?page=3", "/collections/?page=2",
        *(f"/collections/{last}/?page={n}" for n in (1, 4, 9)), "/comparisons/start/", f"/comparisons/?{two}",
        "/custody/",
        place, f"{place}?view=tree&{urlencode({'questioned': NAMES[0]})}", f"{place}?view=pairs",
        *(f"{place}?view=ranking&{urlencode({'questioned': NAMES[n]})}" for n in (0, 40)),
        f"{place}?view=network", f"{place}?view=refusals", f"{place}pair/why/?{two}",
        f"{place}pair/?{two}", f"{place}pair/channel/?{two}&score=agreement",
        *(f"{place}pair/probe/?{two}&prompt=p{n:03}&hidden=shown&mark=shared" for n in (*first, *picked)),
    ]  # fmt: skip


def test_no_hostile_string_opens_a_dialog_leaves_the_site_or_breaks_a_page(analyst: Any) -> None:
    comparison, tab = hostile_comparison(), analyst()
    assert len(set(NAMES)) >= 200
    case = hostile_case(User.objects.get(username=USER), comparison)
    sections = [f"/cases/{case.pk}/{name}/" for name in SECTIONS]
    found = {path: _harm(tab, path) for path in (*_paths(comparison), "/cases/", *sections)}
    assert {path: what for path, what in found.items() if what != (200, HARMLESS, [], [], [], [])} == {}
    tab.open(f"/comparisons/{comparison.pk}/")
    tab.shoot("hostile-heatmap")


def _harm(tab: Visit, path: str) -> tuple[Any, ...]:
    status = tab.open(path)
    told = tab.page.evaluate(HARM)
    heard = [list(tab.errors), list(tab.dialogs), list(tab.outside)]
    for kept in (tab.errors, tab.dialogs, tab.outside):
        kept.clear()
    return (status, told, tab.refused(), *heard)


class Elements(HTMLParser):
    """The elements of a page, those with a handler, and the words of its first completion."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handled: list[str] = []
        self.said = ""
        self._within = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an element down."""
        self.tags.add(tag)
        self.handled += [tag for name, _ in attrs if name.startswith("on")]
        self._within = self._within or (not self.said and ("class", "completion") in attrs)

    def handle_endtag(self, tag: str) -> None:
        """A completion ends with its block."""
        self._within = self._within and tag != "div"

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        self.said += data if self._within else ""


def test_every_string_is_shown_whole_and_makes_no_element(client: Client, django_user_model: Any) -> None:
    comparison = hostile_comparison()
    client.force_login(django_user_model.objects.create_user("analyst"))
    two = urlencode({"a": NAMES[0], "b": NAMES[1]})
    pages = []
    for number in range(len(STRINGS)):
        answer = client.get(f"/comparisons/{comparison.pk}/pair/probe/?{two}&prompt=p{number:03}&mark=none")
        pages.append(Elements(answer.content.decode()))
    usual = pages[-1].tags | {"p", "span"}
    assert {t: p.tags - usual for t, p in zip(STRINGS, pages, strict=True) if p.tags - usual or p.handled} == {}
    assert [text for text, page in zip(STRINGS, pages, strict=True) if page.said != text] == []


def test_a_null_character_in_a_reply_is_stored_as_a_mark_that_something_was_there(db: None) -> None:
    hostile_comparison()
    texts = list(Stored.objects.filter(collection__model__name=NAMES[1]).values_list("text", flat=True))
    assert len(texts) == len(STRINGS)
    assert all("\x00" not in text and text.startswith("before\ufffdafter") for text in texts)


def test_a_name_with_a_null_character_is_refused_by_its_field(client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("analyst"))
    answer = client.post("/models/register/?way=weights", {"folder": "x", "name": NUL, "role": "reference"})
    assert answer.status_code == 422
    assert "Null characters are not allowed" in answer.content.decode()
