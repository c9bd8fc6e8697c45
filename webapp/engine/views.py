"""The validation of the engine itself: what its likelihood ratios did on pairs whose lineage is documented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from forensics.evaluation import experience
from webapp import drawing
from webapp.casework.reading import PROPOSITION_WORDS
from webapp.engine import reading
from webapp.presenting import choice, page_of

TABLE = ("study", "corpus", "of", "by", "measure", "n", "against", "families", "value", "low", "high", "command")


def validation(request: HttpRequest) -> HttpResponse:
    """One calibration: conditions, bounds, figures with intervals, plots; below, every single figure on record."""
    one = _chosen(request)
    found = reading.drawings(one, urlencode(one.query))
    studies, corpora = reading.studies()
    study, corpus = choice(request, "study", studies, ""), choice(request, "corpus", corpora, "")
    record = experience.record()
    context = {
        "one": one, "calibrations": reading.judged(), "rows": reading.rows(one), "measures": reading.MEASURES,
        "drawn": found, "drawings": list(found.values()), "words": PROPOSITION_WORDS[one.proposition],
        "propositions": [(name, PROPOSITION_WORDS[name]) for name in one.calibration.propositions],
        "limits": [(name, PROPOSITION_WORDS[name], m) for name, m in one.calibration.propositions.items()],
        "study": study, "corpus": corpus, "studies": studies, "corpora": corpora, "record": record,
        "page": page_of(request, reading.figures(study, corpus), 25), "prompts_on": reading.PROMPTS_ON,
    }  # fmt: skip
    return render(request, "engine/validation.html", context)


def _chosen(request: HttpRequest) -> reading.Chosen:
    return reading.chosen(*(request.GET.get(name, "") for name in ("calibration", "proposition", "score")))


def table_csv(request: HttpRequest, name: str) -> HttpResponse:
    """A figure's table, or all single figures of a study and recording under the name `figures`."""
    if name == "figures":
        study, corpus = request.GET.get("study", ""), request.GET.get("corpus", "")
        rows = [[_cell(row, column) for column in TABLE] for row in reading.figures(study, corpus)]
        return drawing.csv_file("validation", {"columns": list(TABLE), "rows": rows})
    if name not in reading.FIGURES:
        raise Http404(name)
    told, options = reading.subject(_chosen(request), name)
    return drawing.csv_file(name, drawing.table_of(name, told, **options))


def _cell(row: Mapping[str, Any], column: str) -> Any:
    if column in ("low", "high"):
        limits = row.get("interval")
        return limits[column == "high"] if limits else "not estimable"
    return row.get(column, "")
