"""Explanations by a real worker, and their fence."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from forensics.errors import BadInput
from tasks import explaining, work
from tests.helpers.populations import HOSTILE, finished_comparison
from tests.helpers.workers import Worker
from webapp.casework.models import Comparison
from webapp.custody.models import Entry
from webapp.custody.queries import verify
from webapp.explaining import queries, services
from webapp.explaining.models import Explanation

PAIR = (HOSTILE, "family-0-member-1")


def _ended(explanation: Explanation) -> bool:
    explanation.refresh_from_db()
    return explanation.state in ("done", "failed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("valkey")
def test_a_worker_takes_a_pair_apart_and_the_stored_parts_add_up(tmp_path: Path) -> None:
    comparison = finished_comparison(30, 60)
    with Worker(tmp_path / "log", queues="cpu") as worker:
        explanation = services.ask(comparison, PAIR)
        worker.until(lambda: _ended(explanation), 60)
    assert (explanation.state, explanation.error, explanation.progress) == ("done", "", 1.0)
    told = queries.told(explanation)
    assert told.why
    for why in told.why:
        assert why.intercept + sum(term.added for term in why.terms) == pytest.approx(why.llr_raw, abs=1e-9)
        assert len(why.probes) == len({probe.prompt_id for probe in why.probes}) <= 60
    assert sum(p.overlap for p in told.phrases) <= told.overlap * (1 + 1e-6)
    assert verify().intact


@pytest.mark.django_db
def test_a_dead_workers_explanation_is_sent_again_and_its_late_result_changes_nothing() -> None:
    explanation = services.ask(finished_comparison(4, 8), PAIR)
    rows = Explanation.objects.select_related("comparison__suite")
    dead = work.claim(rows, str(explanation.pk))
    assert dead is not None
    assert work.claim(rows, str(explanation.pk)) is None
    Explanation.objects.update(lease_expires=timezone.now() - timedelta(seconds=1))
    assert [e.pk for e in work.silent(Explanation.objects.all())] == [explanation.pk]
    explaining.run_explanation(str(explanation.pk))
    assert _ended(explanation) and (explanation.state, explanation.attempt) == ("done", 2)
    before = explanation.path.read_bytes()
    explaining._finish(dead, queries.told(explanation))
    assert explanation.path.read_bytes() == before
    assert Entry.objects.filter(action="explanation-done").count() == 1


@pytest.mark.django_db
def test_what_cannot_be_explained_is_refused_before_anything_is_stored() -> None:
    comparison = finished_comparison(4, 8)
    with pytest.raises(BadInput, match="not compared with itself"):
        services.ask(comparison, (HOSTILE, HOSTILE))
    comparison.state = Comparison.State.RUNNING
    with pytest.raises(BadInput, match="nothing to explain yet"):
        services.ask(comparison, PAIR)
    assert not Explanation.objects.exists()
