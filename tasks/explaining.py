"""Takes the likelihood ratios of one pair apart and stores what they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from forensics.errors import BadInput
from tasks import work
from tasks.app import app
from tasks.comparing import computed
from webapp import dispatch
from webapp.casework import queries as casework
from webapp.custody import services as custody
from webapp.explaining.models import Explanation
from webapp.probing import queries

if TYPE_CHECKING:
    from forensics.lineage.comparison import Material
    from forensics.lineage.explanation import Explanation as Told

TOP = 25
"""Phrases and habits that are kept; probes are all kept."""
NOT_SAME = (
    "the stored comparison was made by another calibration or another state of the data; compare again, and ask again"
)


@app.task(name=dispatch.EXPLAIN)
def run_explanation(explanation_id: str) -> None:
    """Explain a pair that waits, or whose worker died; do nothing if another worker has it."""
    work.perform(_rows(), explanation_id, _compute, _finish)


def _rows() -> QuerySet[Explanation]:
    return Explanation.objects.select_related("comparison__suite")


def _compute(explanation: Explanation, show: work.Show) -> Told:
    """The channels once more, from cached fingerprints, without the bootstrap; then the pair taken apart."""
    from forensics.lineage.explanation import explain

    comparison = explanation.comparison
    stored, kept = casework.result(comparison), list["Material"]()
    anew = computed(comparison, lambda stage, share: show(stage, 0.8 * share), replicates=0, keep=kept.append)
    if anew.calibration != stored.calibration or anew.models != stored.models:
        raise BadInput(NOT_SAME)
    show("taking the pair apart", 0.85)
    words = queries.response_set(casework.collection_of(comparison, explanation.model_a))
    prompts = queries.prompts(comparison.suite)
    return explain(stored, kept[0], prompts, words, explanation.model_b, top=TOP)


def _finish(explanation: Explanation, told: Told) -> None:
    from forensics.lineage.explanation_file import write

    with transaction.atomic():
        if work.mine(_rows(), explanation).update(
            state=work.DONE, stage="done", progress=1.0, finished_at=timezone.now()
        ):
            # Inside the transaction: the row says done only if the file is in its place.
            write(told, explanation.path)
            models = [explanation.model_a, explanation.model_b]
            custody.append(actor=None, action="explanation-done", subject=explanation.comparison_id, models=models)
