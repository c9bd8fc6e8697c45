"""Every page of an installation of 500 models, 100,000 completions, 200 comparisons and 200 cases on SQLite, in server
time."""

from __future__ import annotations

import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks._table import lines

TITLE = (
    "500 models, 100,000 completions, 200 comparisons, 200 cases: every page p95 <= 300 ms, a heatmap of 300 models\n"
    "<= 1.5 s"
)
MODELS = int(os.environ.get("FILIATION_BENCH_MODELS", "500"))
PROBES, COMPARISONS, COMPARED, REPLICATES, VISITS = 200, 200, 300, 100, 30
CASES = 200
ENTRIES = 2_000
MOST, MOST_DRAWN = 0.3, 1.5
WORDS = "a reply of some length, as a model gives it when it is asked an open question and has room to answer. " * 4


def run() -> list[str]:
    """The table's lines."""
    os.environ.update(
        FILIATION_HOME=tempfile.mkdtemp(prefix="filiation-bench-"), DJANGO_SETTINGS_MODULE="webapp.settings"
    )
    os.environ.pop("DATABASE_URL", None)
    import django

    django.setup()
    from django.core.management import call_command

    logging.getLogger("webapp.dispatch").setLevel(logging.ERROR)
    call_command("migrate", verbosity=0)
    large = _fill()
    rows = [_row(name, seconds, MOST_DRAWN if name.startswith("first") else MOST) for name, seconds in _visits(large)]
    return lines(("page", "p95", "asked for", ""), rows)


def _row(name: str, seconds: float, most: float) -> tuple[str, str, str, str]:
    return name, f"{seconds * 1000:,.0f} ms", f"<= {most * 1000:,.0f} ms", "" if seconds <= most else "too slow"


def _fill() -> Any:
    """Everything stored; returns the largest comparison."""
    from django.utils import timezone

    from forensics.probes import Probe, Suite
    from forensics.records import GenerationConfig, Prompt
    from webapp.catalogue.models import Model
    from webapp.custody import services as custody
    from webapp.probing import services
    from webapp.probing.models import Collection, Completion

    probes = tuple(Probe(Prompt.chat(f"p{i:03}", f"Question {i}?"), GenerationConfig()) for i in range(PROBES))
    suite = services.register_suite(Suite("large", "1", "For measuring", probes))
    models = Model.objects.bulk_create(
        Model(name=f"model-{i:03}", adapter="scripted", location="none", claimed_identity=f"maker/model-{i:03}")
        for i in range(MODELS)
    )
    now = timezone.now()
    runs = Collection.objects.bulk_create(
        Collection(model=m, suite=suite, state="done", planned=PROBES, counts={"completed": PROBES}, finished_at=now,
                   identities=[[m.name, "f"]])
        for m in models
    )  # fmt: skip
    asked = list(suite.probes.all())
    for collection in runs:
        Completion.objects.bulk_create(
            Completion(
                collection=collection, probe=probe, sample=0, text=f"{WORDS}{collection.pk}", outcome="completed"
            )
            for probe in asked
        )
    for number in range(ENTRIES):
        custody.append(actor=None, action="note-added", subject=models[number % MODELS].pk, name=f"note {number}")
    large = _compared(suite, runs)
    _cases(models, suite, large)
    return large


def _cases(models: list[Any], suite: Any, large: Any) -> None:
    """As many cases, each with models in every role and a frozen plan. The large comparison answers the first."""
    from django.contrib.auth.models import User

    from tests.helpers.people import opened_case
    from webapp.casework.cases import plans, runs

    user = User.objects.create_user("bench")
    for number in range(CASES):
        size = COMPARED if number == 0 else 12
        case = opened_case(models[number : number + size], suite, user=user)
        plans.freeze(case, user=user)
        if number == 0:
            runs.adopt(case, large, user=user)


def _compared(suite: Any, runs: list[Any]) -> Any:
    from django.utils import timezone

    from forensics.lineage.storage import save
    from forensics.lineage.tree_file import save_tree
    from tests.helpers.populations import random_result
    from webapp.casework.models import Comparison

    found = Comparison.objects.bulk_create(
        Comparison(
            title=f"comparison {i}", suite=suite, state="done", attempt=1, progress=1.0, finished_at=timezone.now()
        )
        for i in range(COMPARISONS)
    )
    through = Comparison.collections.through
    sizes = {c.pk: COMPARED if number == 0 else 40 for number, c in enumerate(found)}
    for comparison in found:
        chosen = runs[: sizes[comparison.pk]]
        through.objects.bulk_create(through(comparison=comparison, collection=run) for run in chosen)
    result, folder = random_result([run.model.name for run in runs[:COMPARED]], REPLICATES), Path(found[0].folder)
    save(result, folder)
    save_tree(result, folder)  # as the worker does, once
    return found[0]


def _visits(large: Any) -> Iterator[tuple[str, float]]:
    from django.contrib.auth.models import User
    from django.test import Client

    from webapp.casework.cases.pages import SECTIONS
    from webapp.casework.models import Case

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(username="bench"))
    case = Case.objects.order_by("number")[0]
    place, two = f"/comparisons/{large.pk}/", urlencode({"a": "model-000", "b": "model-004"})
    run = large.collections.select_related("model").first()
    yield "first sight of the heatmap", _seconds(client, place)
    yield "first sight of the tree", _seconds(client, f"{place}?view=tree")
    yield "first sight of the network", _seconds(client, f"{place}?view=network")
    yield "first sight of a ranking", _seconds(client, f"{place}?view=ranking&questioned=model-007")
    pages: dict[str, Callable[[int], str]] = {
        "overview": lambda _: "/",
        "models": lambda i: f"/models/?page={i % 10}",
        "models, searched and sorted": lambda i: f"/models/?q=model-{i % 9}&sort=-seen",
        "a model": lambda _: f"/models/{run.model.pk}/",
        "suites": lambda _: "/suites/",
        "a suite": lambda i: f"/suites/{large.suite_id}/?page={i % 4}",
        "collections": lambda i: f"/collections/?page={i % 16}",
        "collections, searched and sorted": lambda i: f"/collections/?q=model-{i % 9}&sort=-model__name",
        "a collection": lambda i: f"/collections/{run.pk}/?page={i % 8}",
        "starting a collection": lambda _: "/collections/start/",
        "comparisons": lambda i: f"/comparisons/?page={i % 7}",
        "comparisons, searched and sorted": lambda i: f"/comparisons/?q=model-{i % 4}99&sort=-size",
        "starting a comparison": lambda _: "/comparisons/start/",
        "heatmap of 300": lambda _: place,
        "heatmap of 300, as a table": lambda _: f"{place}heatmap.csv",
        "tree of 300": lambda _: f"{place}?view=tree",
        "ranking of 300": lambda i: f"{place}?view=ranking&questioned=model-{i % 20:03}",
        "pairs of 300 models": lambda i: f"{place}?view=pairs&q=model-{i:03}&page={i % 3}&sort=-lineage",
        "a pair": lambda i: f"{place}pair/?{two}&page={i % 8}",
        "a channel": lambda _: f"{place}pair/channel/?{two}&score=agreement",
        "a probe": lambda i: f"{place}pair/probe/?{two}&prompt=p{i:03}",
        "why this number": lambda i: f"{place}pair/why/?{two}&proposition={('weights', 'lineage')[i % 2]}",
        "network of 300": lambda _: f"{place}?view=network",
        "refusals": lambda _: f"{place}?view=refusals",
        "custody": lambda _: "/custody/",
        "validation": lambda _: "/validation/",
        "help": lambda _: "/help/",
        "cases": lambda i: f"/cases/?page={i % 7}",
        "opening a case": lambda _: "/cases/start/",
        **{f"a case of 300 models: {name}": lambda _, name=name: f"/cases/{case.pk}/{name}/" for name in SECTIONS},
    }
    for name, address in pages.items():
        found = [_seconds(client, address(visit)) for visit in range(VISITS)]
        yield name, statistics.quantiles(found, n=20)[-1]


def _seconds(client: Any, address: str) -> float:
    began = time.perf_counter()
    answer = client.get(address)
    assert answer.status_code == 200, f"{address}: {answer.status_code}"
    return time.perf_counter() - began
