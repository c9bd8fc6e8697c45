"""Pages of one pair: its LLRs, one channel of it, its probes, and two raw completions side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from forensics.lineage.records import Comparison as Result
from webapp.casework import access, drilldown, pairing, queries, reading
from webapp.casework.differences import sides
from webapp.casework.models import Comparison
from webapp.explaining import queries as explaining
from webapp.presenting import choice, page_of
from webapp.probing import listing
from webapp.probing.models import Collection

MARKS = {"differences": "Differences", "shared": "Shared phrases", "none": "Nothing"}


def pair(request: HttpRequest, comparison_id: object) -> HttpResponse:
    """One pair: its LLRs with bounds and words, its channels, and the probes that both answered."""
    comparison, a, b = _two(request, comparison_id)
    result, places = _places(comparison, a, b)
    context = _probe_list(request, comparison, a, b) | {
        "comparison": comparison, "a": a, "b": b, "pair": reading.pair(result, a.model.name, b.model.name),
        "scores": pairing.scores(result, places),
    }  # fmt: skip
    return render(request, "casework/pair.html", context)


def channel(request: HttpRequest, comparison_id: object) -> HttpResponse:
    """One channel of a pair: its scores, where the pair stands among all pairs, and the probes behind it."""
    comparison, a, b = _two(request, comparison_id)
    result, places = _places(comparison, a, b)
    every = pairing.scores(result, places)
    chosen = next((s for s in every if s.name == request.GET.get("score", "")), None)
    if chosen is None:
        raise Http404("no such score in this comparison")
    taken = _taken_apart(comparison, chosen, (a.model.name, b.model.name))
    context = _probe_list(request, comparison, a, b, taken["parts"]) | taken | {
        "comparison": comparison, "a": a, "b": b, "score": chosen, "drawing": pairing.bars(chosen.standing),
        "siblings": [s for s in every if s.channel == chosen.channel], "channels": every,
        "nearest": [(side.model.name, pairing.nearest_of(result, chosen.name, place))
                    for side, place in zip((a, b), places, strict=True)],
    }  # fmt: skip
    return render(request, "casework/channel.html", context)


def _taken_apart(comparison: Comparison, score: pairing.Score, names: tuple[str, str]) -> dict[str, Any]:
    """What each probe gives, once a worker has taken the pair apart; else how far that is."""
    explanation = explaining.explanation_of(comparison, names) if pairing.is_by_probe(score.channel) else None
    done = explanation is not None and explanation.state == explanation.State.DONE
    parts = pairing.parts(explaining.told(explanation), score.name) if explanation and done else {}
    return {
        "by_probe": pairing.is_by_probe(score.channel), "explanation": explanation, "parts": parts,
        "query": urlencode({"a": names[0], "b": names[1]}),
    }  # fmt: skip


def _probe_list(
    request: HttpRequest, comparison: Comparison, a: Collection, b: Collection, parts: Mapping[str, float] | None = None
) -> dict[str, Any]:
    filters = _probe_filters(request)
    probes = drilldown.shared_probes(a, b, **filters)
    page = page_of(request, drilldown.by_part(probes, parts) if parts else probes, 25)
    return {
        "page": page, "filters": filters, "filtered": any(filters.values()),
        "rows": drilldown.rows(a, b, page.object_list, parts), "families": listing.families(comparison.suite),
    }  # fmt: skip


def probe(request: HttpRequest, comparison_id: object) -> HttpResponse:
    """Two raw completions of one probe side by side, repeats counted by their distinct texts."""
    comparison, a, b = _two(request, comparison_id)
    probes = drilldown.shared_probes(a, b, **_probe_filters(request))
    chosen = drilldown.shared_probes(a, b).filter(prompt_id=request.GET.get("prompt", "")).first()
    if chosen is None:
        raise Http404("no such probe in this pair")
    row = drilldown.rows(a, b, [chosen])[0]
    left, right = _reply(request, "sample_a", row.a), _reply(request, "sample_b", row.b)
    marks, escapes = choice(request, "mark", MARKS, "differences"), request.GET.get("hidden") == "shown"
    before, after = drilldown.neighbours(probes, chosen)
    context = {
        "comparison": comparison, "a": a, "b": b, "probe": chosen, "row": row, "left": left, "right": right,
        "sides": sides(left.first.text, right.first.text, marks=marks, escapes=escapes), "mark": marks,
        "marks": MARKS.items(), "hidden": escapes, "before": before, "after": after,
        "score": request.GET.get("score", ""),
    }  # fmt: skip
    return render(request, "casework/probe.html", context)


def _two(request: HttpRequest, comparison_id: object) -> tuple[Comparison, Collection, Collection]:
    comparison = access.comparison_or_404(request.user, comparison_id)
    if comparison.state != Comparison.State.DONE:
        raise Http404("this comparison has no result yet")
    try:
        a, b = (queries.collection_of(comparison, request.GET.get(side, "")) for side in ("a", "b"))
    except Collection.DoesNotExist as missing:
        raise Http404("no such model in this comparison") from missing
    if a.pk == b.pk:
        raise Http404("a pair is two models")
    return comparison, a, b


def _places(comparison: Comparison, a: Collection, b: Collection) -> tuple[Result, tuple[int, int]]:
    result = queries.result(comparison)
    try:
        return result, (result.models.index(a.model.name), result.models.index(b.model.name))
    except ValueError as missing:
        raise Http404("this model was left out of the result") from missing


def _probe_filters(request: HttpRequest) -> dict[str, Any]:
    return {
        "words": request.GET.get("q", ""), "family": request.GET.get("family", ""),
        "same": request.GET.get("same") == "yes",
    }  # fmt: skip


def _reply(request: HttpRequest, name: str, replies: tuple[drilldown.Reply, ...]) -> drilldown.Reply:
    """The distinct reply that holds the sample of the address, or the most frequent one."""
    wanted = request.GET.get(name, "")
    return next((r for r in replies if wanted in map(str, r.samples)), replies[0])
