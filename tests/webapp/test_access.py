"""Every address for every kind of person. An address that the matrix lacks fails, so that none is forgotten."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.http import Http404
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter, SlugConverter, StringConverter, UUIDConverter

from tests.helpers.making import scripted_model, stored_suite
from tests.helpers.people import Workplace
from webapp.casework import access as casework
from webapp.casework.cases import access as cases
from webapp.casework.cases.acts import ACTS
from webapp.casework.cases.pages import SECTIONS
from webapp.catalogue import access as catalogue
from webapp.explaining.models import Explanation
from webapp.probing import access as probing

pytestmark = pytest.mark.django_db

OPEN = {"sign-in", "sign-out", "health"}
NOTHING = {UUIDConverter: uuid.uuid4(), IntConverter: 0, StringConverter: "none", SlugConverter: "none"}
WORKING, COMMENTING, OWNING = {"owner", "analyst"}, {"owner", "analyst", "reviewer"}, {"owner"}
INSIDE = {"owner", "analyst", "reviewer", "reader"}


@dataclass(frozen=True)
class Rule:
    """Who may GET and who may POST an address about the team's own thing; the rest of the team is told 403.

    To an outsider the thing does not exist: 404 to both. `shared`: there is no thing in the address. `also`: further
    variants of the address, each with its own part. An empty set for a method: the address does not take it.
    """

    get: set[str] = field(default_factory=lambda: set(INSIDE))
    post: set[str] = field(default_factory=set)
    shared: bool = False
    part: dict[str, str] = field(default_factory=dict)
    query: str = ""


PAGE, SHARED = Rule(), Rule(shared=True)
WRITE = Rule(get=set(), post=WORKING)
PAIR = "?a=own-0&b=own-1"
MATRIX: dict[str, list[Rule]] = {
    "home": [SHARED],
    "teams": [SHARED],
    "team-home": [Rule(get=set(), post=INSIDE | {"outsider"}, shared=True)],
    "team": [Rule(post=OWNING)],
    "team-remove": [Rule(get=set(), post=OWNING)],
    "person-add": [Rule(get=set(), shared=True)],
    "catalogue:list": [SHARED],
    "catalogue:register": [SHARED],
    "catalogue:model": [PAGE],
    "catalogue:authorise": [WRITE],
    "catalogue:test": [WRITE],
    "catalogue:secret": [WRITE],
    "probing:suites": [SHARED],
    "probing:store-shipped": [Rule(get=set(), post=INSIDE | {"outsider"}, shared=True)],
    "probing:store-own": [Rule(get=set(), post=INSIDE | {"outsider"}, shared=True)],
    "probing:suite": [SHARED],
    "probing:collections": [SHARED],
    "probing:start": [SHARED],
    "probing:progress": [SHARED],
    "probing:collection": [PAGE],
    "probing:resume": [WRITE],
    "probing:segment": [WRITE],
    "probing:act": [Rule(get=set(), post=WORKING, part={"act": act}) for act in ("pause", "cancel")],
    "probing:attempts": [PAGE],
    "probing:attempt": [Rule(part={"part": part}) for part in ("request", "raw")],
    "probing:raw": [PAGE],
    "casework:list": [SHARED],
    "casework:start": [SHARED],
    "casework:comparison": [PAGE],
    "casework:progress": [PAGE],
    "casework:retry": [WRITE],
    "casework:csv": [PAGE],
    "casework:pair": [Rule(query=PAIR)],
    "casework:channel": [Rule(query=f"{PAIR}&score=agreement")],
    "casework:probe": [Rule(query=f"{PAIR}&prompt=p000")],
    "cases:list": [SHARED],
    "cases:start": [SHARED],
    "cases:case": [PAGE],
    "cases:progress": [PAGE],
    "cases:attachment": [PAGE],
    "cases:report-file": [Rule(part={"name": "record.json"})],
    "cases:section": [Rule(part={"section": section}) for section in SECTIONS],
    "cases:act": [
        Rule(get=set(), post={"work": WORKING, "comment": COMMENTING, "own": OWNING}[act.right], part={"act": name})
        for name, act in ACTS.items()
    ],
    "custody:log": [SHARED],
    "exporting:progress": [PAGE],
    "exporting:table": [
        Rule(part={"name": name, "kind": kind}) for name, kind in (("responses", "parquet"), ("scores", "csv"))
    ],
    "exporting:bundle": [PAGE],
    "exporting:again": [Rule(get=set(), post=COMMENTING)],
    "explaining:why": [Rule(query=PAIR)],
    "explaining:ask": [Rule(get=set(), post=WORKING, query=PAIR)],
    "explaining:progress": [Rule(query=PAIR)],
    "explaining:csv": [Rule(query=PAIR, part={"name": "waterfall"})],
    "engine:validation": [SHARED],
    "engine:csv": [Rule(shared=True, part={"name": "tippett"})],
    "help:index": [SHARED],
    "help:page": [Rule(shared=True, part={"slug": slug}) for slug in ("lr", "bound", "cllr", "tippett")],
    "help:csv": [SHARED],
}
# Refused, and told so where it was typed, is allowed all the same: who may is judged here, not what they typed.
ALLOWED, FORBIDDEN, ABSENT, NO_SUCH_METHOD = {200, 302, 422}, {403}, {404}, {405}


def addresses(
    patterns: list[URLPattern | URLResolver], space: str = ""
) -> Iterator[tuple[str, dict[str, object], URLPattern]]:
    """(full name, arguments that point at nothing, pattern) of every address."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from addresses(pattern.url_patterns, inner)
        elif pattern.name:
            converters = pattern.pattern.converters.items()
            yield f"{space}{pattern.name}", {name: NOTHING[type(kind)] for name, kind in converters}, pattern


def every_address() -> list[tuple[str, dict[str, object], URLPattern]]:
    return list(addresses(get_resolver().url_patterns))


def test_every_address_sends_a_stranger_to_sign_in() -> None:
    closed = [(name, arguments) for name, arguments, _ in every_address() if name not in OPEN]
    assert len(closed) >= 10
    for name, arguments in closed:
        url = reverse(name, kwargs=arguments)
        for method in ("get", "post"):
            answer = getattr(Client(), method)(url)
            assert answer.status_code == 302, f"{method} {url} gave {answer.status_code}"
            assert answer["Location"].startswith(reverse("sign-in")), url


def test_every_address_is_in_the_matrix_and_nothing_else() -> None:
    assert {name for name, _, _ in every_address()} - OPEN == set(MATRIX)


@pytest.fixture
def workplace(monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """One of everything, with a stored result so that the pages of pairs exist."""
    from tests.helpers.populations import random_result
    from webapp.casework import queries

    place = Workplace()
    result = random_result(sorted(m.name for m in place.models))
    type(place.comparison).objects.filter(pk=place.comparison.pk).update(state="done", attempt=1, progress=1.0)
    place.comparison.refresh_from_db()
    from forensics.lineage.storage import save

    save(result, place.comparison.folder)
    queries._load.cache_clear()
    Explanation.objects.create(comparison=place.comparison, model_a="own-0", model_b="own-1")
    return place


def urls(place: Workplace, name: str, rule: Rule) -> str:
    arguments = next(arguments for known, arguments, _ in every_address() if known == name)
    parts = {key: rule.part.get(key, place.parts().get(key)) for key in arguments}
    return reverse(name, kwargs=parts) + rule.query


def expected(rule: Rule, who: str, method: str) -> set[int]:
    """What this person is told. A method that the address does not take is refused before anything is looked up."""
    may = rule.get if method == "get" else rule.post
    if rule.shared:
        return ALLOWED if who in may or (method == "get" and rule.get) else FORBIDDEN | NO_SUCH_METHOD | ALLOWED
    if method == "get" and not rule.get:
        return NO_SUCH_METHOD
    if who == "outsider":
        return ABSENT | NO_SUCH_METHOD
    if method == "post" and not rule.post:
        return ALLOWED | NO_SUCH_METHOD
    return ALLOWED if who in may else FORBIDDEN


def asked(client: Client, method: str, url: str) -> int:
    """The status, with whatever was changed taken back, so that one person's act is not the next one's surprise."""
    with transaction.atomic():
        answer = getattr(client, method)(url)
        if answer.streaming:
            b"".join(answer)
        transaction.set_rollback(True)
    status: int = answer.status_code
    return status


@pytest.mark.parametrize("who", ["owner", "analyst", "reviewer", "reader", "outsider"])
def test_everybody_is_told_what_the_matrix_says(workplace: Workplace, who: str) -> None:
    client, wrong = Client(raise_request_exception=False), []
    client.force_login(workplace.people[who])
    for name, rules in MATRIX.items():
        for rule in rules:
            for method in ("get", "post"):
                url = urls(workplace, name, rule)
                status = asked(client, method, url)
                if status not in expected(rule, who, method):
                    wrong.append(f"{method} {url} ({name}) told {who} {status}")
    assert wrong == []


@pytest.mark.parametrize("who", ["owner", "outsider"])
def test_what_is_not_there_is_a_plain_404_for_everybody(workplace: Workplace, who: str) -> None:
    client, wrong = Client(raise_request_exception=False), []
    client.force_login(workplace.people[who])
    for name, arguments, _ in every_address():
        if name in OPEN or not arguments:
            continue
        for method in ("get", "post"):
            status = getattr(client, method)(reverse(name, kwargs=arguments)).status_code
            if status not in ABSENT | NO_SUCH_METHOD:
                wrong.append(f"{method} {name} gave {status}")
    assert wrong == []


def test_no_page_choice_count_or_live_answer_tells_an_outsider_that_a_teams_things_exist(workplace: Workplace) -> None:
    client = Client()
    client.force_login(workplace.people["outsider"])
    own = {str(workplace.case.pk), workplace.case.number, str(workplace.comparison.pk), str(workplace.team.pk)}
    own |= {str(m.pk) for m in workplace.models} | {m.name for m in workplace.models} | {"chamber seven"}
    for name, rules in MATRIX.items():
        if not rules[0].shared or not rules[0].get:
            continue
        page = client.get(urls(workplace, name, rules[0])).content.decode()
        assert not [word for word in own if word in page], name
    assert client.get(f"/collections/?ids={workplace.collection.pk}").status_code == 404
    live = client.get(f"/collections/progress.json?ids={workplace.collection.pk}").json()
    assert (live["rows"], live["planned"]) == ([], 0)
    suite = client.get(reverse("probing:suite", args=[workplace.suite.pk])).content.decode()
    assert "<dt>Models answered</dt><dd>0</dd>" in suite


def test_forms_take_no_choice_that_does_not_exist_for_the_person(workplace: Workplace) -> None:
    client = Client()
    client.force_login(workplace.people["outsider"])
    ids = [str(m.pk) for m in workplace.models]
    start = client.post(reverse("probing:start"), {"models": ids, "suite": workplace.suite.pk})
    compare = client.post(f"{reverse('casework:start')}?suite={workplace.suite.pk}", {"models": ids})
    typed = {"title": "x", "question": "y?", "relation": "lineage", "team": workplace.team.pk}
    opened = client.post(f"{reverse('cases:start')}?questioned={ids[0]}", typed)
    assert (start.status_code, compare.status_code, opened.status_code) == (422, 422, 422)


def test_a_reader_may_not_start_collections_on_the_teams_models(workplace: Workplace, tmp_path: Path) -> None:
    model = scripted_model(tmp_path)
    type(model).objects.filter(pk=model.pk).update(team=workplace.team)
    for who, status in (("reader", 422), ("analyst", 302)):
        client = Client()
        client.force_login(workplace.people[who])
        answer = client.post(reverse("probing:start"), {"models": [model.pk], "suite": workplace.suite.pk})
        assert answer.status_code == status, who


def test_look_ups_give_nothing_to_strangers_and_to_people_who_left(tmp_path: Path) -> None:
    model, suite = scripted_model(tmp_path), stored_suite()
    left = User.objects.create_user("left", is_active=False)
    here = User.objects.create_user("here")
    for nobody in (AnonymousUser(), left):
        found: list[Any] = [
            catalogue.models_for(nobody), probing.suites_for(nobody), probing.collections_for(nobody),
            casework.comparisons_for(nobody), cases.cases_for(nobody),
        ]  # fmt: skip
        assert not any(rows.exists() for rows in found)
        with pytest.raises(Http404):
            catalogue.model_or_404(nobody, model.pk)
    assert catalogue.model_or_404(here, model.pk) == model
    assert probing.suite_or_404(here, suite.pk) == suite


def test_answers_carry_the_strict_policy() -> None:
    answer = Client().get(reverse("sign-in"))
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
