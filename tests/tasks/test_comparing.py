"""Comparisons by a real worker, and their fence."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from forensics.errors import BadInput
from forensics.records import Completion, ResponseSet
from tasks import comparing, work
from tests.helpers.making import stored_suite
from tests.helpers.workers import Worker
from webapp.casework import queries, services
from webapp.casework.models import Comparison
from webapp.catalogue.models import Model
from webapp.custody.queries import verify
from webapp.probing import importing
from webapp.probing.models import Suite

WORDS = [f"{colour}{tree}" for colour in ("red", "grey", "pale", "dark") for tree in ("fir", "elm", "oak", "yew")]


def recorded(suite: Suite, names: str) -> list[Model]:
    """Recorded models with random replies; a name given in capitals says what its small letter says, mostly."""
    models = []
    for name in names:
        dice = random.Random(name.lower())
        rows = [
            Completion(p.prompt_id, " ".join(dice.choices(WORDS, k=40)) + (" also" if name.isupper() else ""))
            for p in suite.probes.all()
        ]
        model = Model(name=name, adapter="recorded", location="memory")
        importing.store(ResponseSet.of(name, rows), model, suite)
        models.append(model)
    return models


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("valkey")
def test_a_worker_compares_and_the_stored_result_finds_the_copy(tmp_path: Path) -> None:
    suite = stored_suite(30)
    models = recorded(suite, "abcdefghA")
    with Worker(tmp_path / "log", queues="cpu") as worker:
        comparison = services.start_comparison(suite=suite, models=models, title="Nine")
        worker.until(lambda: _ended(comparison), 60)
    assert (comparison.state, comparison.error, comparison.progress) == ("done", "", 1.0)
    result = queries.result(comparison)
    assert result.models == tuple("Aabcdefgh")
    twin = result.models.index("a")
    others = [result.kin[twin, k] for k in range(9) if k not in (0, twin)]
    assert result.kin[twin, 0] > max(others)
    assert [c.text[-4:] for c in queries.completions(comparison, "A", "p003")] == ["also"]
    assert verify().intact


def _ended(comparison: Comparison) -> bool:
    comparison.refresh_from_db()
    return comparison.state in ("done", "failed")


@pytest.mark.django_db
def test_a_comparison_runs_once_however_often_its_message_comes() -> None:
    suite = stored_suite(12)
    comparison = services.start_comparison(suite=suite, models=recorded(suite, "abc"))
    for _ in range(2):
        comparing.run_comparison(str(comparison.pk))
    comparison.refresh_from_db()
    assert (comparison.state, comparison.attempt) == ("done", 1)
    assert sorted(path.name for path in comparison.folder.parent.glob(f"{comparison.pk}*")) == [str(comparison.pk)]


@pytest.mark.django_db
def test_a_dead_workers_comparison_is_sent_again_and_its_late_result_is_refused() -> None:
    suite = stored_suite(12)
    comparison = services.start_comparison(suite=suite, models=recorded(suite, "abc"))
    dead = work.claim(Comparison.objects.all(), str(comparison.pk))
    assert dead is not None
    assert work.claim(Comparison.objects.all(), str(comparison.pk)) is None
    Comparison.objects.update(lease_expires=timezone.now() - timedelta(seconds=1))
    assert [c.pk for c in work.silent(Comparison.objects.all())] == [comparison.pk]
    comparing.run_comparison(str(comparison.pk))
    comparison.refresh_from_db()
    assert (comparison.state, comparison.attempt) == ("done", 2)
    before = queries.result(comparison)
    comparing._finish(dead, before)
    comparison.refresh_from_db()
    assert (comparison.state, comparison.attempt) == ("done", 2)


@pytest.mark.django_db
def test_what_cannot_be_compared_is_refused_before_anything_is_stored() -> None:
    suite = stored_suite(3)
    models = recorded(suite, "ab")
    bare = Model.objects.create(name="bare", adapter="scripted", location="x")
    with pytest.raises(BadInput, match="no finished collection of small 1 for: bare"):
        services.start_comparison(suite=suite, models=[*models, bare])
    with pytest.raises(BadInput, match="at least two"):
        services.start_comparison(suite=suite, models=[models[0], models[0]])
    assert not Comparison.objects.exists()


@pytest.mark.django_db
def test_an_engine_error_is_told_on_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = stored_suite(3)
    comparison = services.start_comparison(suite=suite, models=recorded(suite, "ab"))

    def refuse(*_: object, **__: object) -> None:
        raise BadInput("no common prompt", where="b")

    monkeypatch.setattr("forensics.lineage.comparison.compare", refuse)
    comparing.run_comparison(str(comparison.pk))
    comparison.refresh_from_db()
    assert (comparison.state, comparison.error) == ("failed", "b: no common prompt")
    with pytest.raises(BadInput, match="no result yet"):
        queries.result(comparison)
    assert services.retry(comparison)
