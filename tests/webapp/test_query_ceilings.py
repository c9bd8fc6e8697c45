"""No list costs more queries when it is longer: a ceiling for each, held at two sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.helpers.making import stored_suite
from webapp.casework.cases import services as cases
from webapp.casework.models import Comparison
from webapp.catalogue.models import Model
from webapp.custody import services as custody
from webapp.probing.models import Collection, Completion, Suite

pytestmark = pytest.mark.django_db
# What was measured and three more, two of which are the session and its user.
CEILINGS = {
    "/": 21, "/cases/": 9, "/cases/?q=case&tag=odd&sort=title": 9, "/teams/": 8, "/models/": 9,
    "/models/?q=m&sort=-seen&role=reference&way=endpoint&access=text": 9, "/suites/": 11,
    "/suites/{suite}/": 14, "/collections/": 10, "/collections/?q=m&state=done&sort=-model__name": 10,
    "/collections/?state=running": 12, "/collections/progress.json?ids={running}": 8,
    "/collections/?ids={running}": 8, "/collections/{collection}/": 9, "/collections/start/": 10, "/comparisons/": 9,
    "/comparisons/?q=m&state=queued&sort=-size": 9, "/comparisons/start/": 9, "/models/{model}/": 10, "/custody/": 9,
}  # fmt: skip
BIG = 40


def grown(suite: Suite, begin: int, end: int) -> None:
    """Models with a finished collection of the suite each, and a comparison of the first few and a case for each."""
    models = Model.objects.bulk_create(
        Model(name=f"m{i:03}", adapter="scripted", location="x") for i in range(begin, end)
    )
    probes = list(suite.probes.all())
    for model in models:
        collection = Collection.objects.create(
            model=model, suite=suite, state="done", planned=4, counts={"completed": 4}, identities=[[model.name, "f"]]
        )
        Completion.objects.bulk_create(
            Completion(collection=collection, probe=probe, sample=0, text="yes", outcome="completed")
            for probe in probes
        )
        Collection.objects.create(model=model, suite=suite, planned=4)
        comparison = Comparison.objects.create(title=f"of {model}", suite=suite)
        comparison.collections.set(Collection.objects.order_by("created_at")[:3])
        cases.set_tags(cases.open_case(title=f"case {model}", question="?"), ["odd"])
        custody.append(actor=None, action="note-added", subject=model.pk, name=model.name)


@pytest.fixture
def count(client: Client) -> Callable[[str], int]:
    client.force_login(User.objects.create_user("analyst"))

    def queries(path: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get(path).status_code == 200, path
        return len(seen)

    return queries


def test_every_list_stays_below_its_ceiling_whether_it_is_short_or_long(count: Callable[[str], int]) -> None:
    suite = stored_suite(4)
    grown(suite, 0, 3)
    short = {path: count(path.format(**_ids())) for path in CEILINGS}
    grown(suite, 3, BIG)
    long = {path: count(path.format(**_ids())) for path in CEILINGS}
    assert {path: n for path, n in long.items() if n > CEILINGS[path]} == {}
    # Neither a second page nor more lines on the first adds any.
    assert {path: (short[path], n) for path, n in long.items() if n > short[path] + 1} == {}


def _ids() -> dict[str, Any]:
    done, running = (Collection.objects.filter(state=state) for state in ("done", "running"))
    return {
        "suite": Suite.objects.get().pk, "collection": done[0].pk, "model": Model.objects.all()[0].pk,
        "running": ",".join(str(c.pk) for c in running),
    }  # fmt: skip
