"""Why this number: from one likelihood ratio to the channels, phrases, cells and probes that make it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from forensics.lineage.observed import one_words
from forensics.lineage.records import PROPOSITIONS
from webapp import drawing, presenting
from webapp.casework import queries as casework
from webapp.casework.reading import PROPOSITION_WORDS
from webapp.casework.reading import pair as pair_of
from webapp.explaining import access, queries, reading, services
from webapp.explaining.models import Explanation
from webapp.presenting import choice, page_of

SHOWN_CELLS = 25


def why(request: HttpRequest, comparison_id: object) -> HttpResponse:
    """One LR: by channel, among pairs of known relation, and down to phrases and probes once that is computed."""
    asked = _asked(request, comparison_id)
    explanation = queries.explanation_of(asked.comparison, asked.pair)
    llrs = {llr["name"]: llr for llr in pair_of(asked.result, *asked.pair)["llrs"]}
    figures = [reading.drawn(asked, name) for name in _figures(asked)]
    context: dict[str, Any] = {
        "comparison": asked.comparison, "a": asked.pair[0], "b": asked.pair[1], "proposition": asked.proposition,
        "propositions": [(name, PROPOSITION_WORDS[name]) for name in PROPOSITIONS if name in llrs],
        "llr": llrs[asked.proposition], "score": asked.score, "scores": reading.scores(asked), "query": asked.query,
        "explanation": explanation, "drawings": figures, "drawn": {f.key.replace("-", "_"): f for f in figures},
        "told": asked.told, "sha": asked.result.calibration.get("hash", ""),
    }  # fmt: skip
    if explanation and explanation.state != Explanation.State.DONE:
        context |= _progress(explanation)
    if asked.told:
        context |= _parts(request, asked)
    return render(request, "explaining/why.html", context)


def _asked(request: HttpRequest, comparison_id: object) -> reading.Asked:
    comparison = access.finished_or_404(request.user, comparison_id)
    result = casework.result(comparison)
    pair = access.pair_or_404(comparison, request.GET.get("a", ""), request.GET.get("b", ""))
    proposition = choice(request, "proposition", [p for p in PROPOSITIONS if p in result.llr], "lineage")
    explanation = queries.explanation_of(comparison, pair)
    done = explanation is not None and explanation.state == Explanation.State.DONE
    told = queries.told(explanation) if explanation and done else None
    words = one_words(queries.one_word_sets(comparison, pair), queries.one_word_prompts(comparison))
    asked = reading.Asked(comparison, result, pair, proposition, "", told, words)
    known = reading.scores(asked)
    score = choice(request, "score", known, known[0] if known else "")
    return reading.Asked(comparison, result, pair, proposition, score, told, words)


def _figures(asked: reading.Asked) -> list[str]:
    """What there is to show: the phrases once the pair is taken apart, and what needs an LR or a record of others."""
    there = {
        "waterfall": asked.llr is not None, "tippett": asked.llr is not None, "distributions": bool(asked.score),
        "phrases": asked.told is not None,
    }  # fmt: skip
    return [name for name in reading.FIGURES if there.get(name, True)]


def _parts(request: HttpRequest, asked: reading.Asked) -> dict[str, Any]:
    told = asked.told
    found = reading.why_of(told, asked.proposition) if told else None
    return {
        "why": found, "page": page_of(request, found.probes if found else (), 25),
        "cells": found.cells[:SHOWN_CELLS] if found else (), "cell_count": len(found.cells) if found else 0,
    }  # fmt: skip


def _progress(explanation: Explanation) -> dict[str, Any]:
    return {
        "state": presenting.state(explanation.state),
        "stage": explanation.stage or "waiting for a worker",
        "share": round(100 * explanation.progress),
        "finished": explanation.state in (Explanation.State.DONE, Explanation.State.FAILED),
    }


@never_cache
def progress_json(request: HttpRequest, comparison_id: object) -> JsonResponse:
    """How far the explanation of a pair is."""
    comparison = access.finished_or_404(request.user, comparison_id)
    pair = access.pair_or_404(comparison, request.GET.get("a", ""), request.GET.get("b", ""))
    explanation = queries.explanation_of(comparison, pair)
    if explanation is None:
        raise Http404("nobody has asked for this yet")
    return JsonResponse(_progress(explanation))


@require_POST
def ask(request: HttpRequest, comparison_id: object) -> HttpResponse:
    """Have a pair taken apart by a worker, unless that was done."""
    comparison = access.finished_to_change(request.user, comparison_id)
    pair = access.pair_or_404(comparison, request.GET.get("a", ""), request.GET.get("b", ""))
    services.ask(comparison, pair, user=request.user)
    query = request.GET.copy()
    # A channel's page asks for the same thing, and shows its own part of the answer.
    page, place = ("casework:channel", "probes") if query.pop("back", None) else ("explaining:why", "parts")
    return redirect(f"{reverse(page, args=[comparison.pk])}?{query.urlencode()}#{place}")


def table_csv(request: HttpRequest, comparison_id: object, name: str) -> HttpResponse:
    """The whole table of one of the page's figures."""
    asked = _asked(request, comparison_id)
    if name not in _figures(asked):
        raise Http404(name)
    found, options = reading.subject(asked, name)
    return drawing.csv_file(name, drawing.table_of(name, found, **options))
