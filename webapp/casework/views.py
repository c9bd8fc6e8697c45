"""Pages of comparisons: the list, starting one, and its figures."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from forensics.errors import ForensicsError
from forensics.figures.heatmap import matrices
from forensics.lineage.records import PROPOSITIONS
from forensics.lineage.records import Comparison as Result
from forensics.records import Relation
from webapp import drawing, presenting
from webapp.accounts.access import may_work
from webapp.casework import access, queries, reading, services
from webapp.casework.forms import CompareForm
from webapp.casework.models import Comparison
from webapp.catalogue.access import models_for
from webapp.presenting import choice, page_of
from webapp.probing import listing
from webapp.probing import queries as probing

VIEWS = {
    "heatmap": "Heatmap", "tree": "Lineage tree", "network": "Network", "ranking": "Ranking", "refusals": "Refusals",
    "pairs": "Pairs",
}  # fmt: skip


def comparison_list(request: HttpRequest) -> HttpResponse:
    """Comparisons by words, suite and state, the newest first unless sorted otherwise."""
    wanted = {name: request.GET.get(name, "") for name in ("state", "suite")}
    words, sort = request.GET.get("q", ""), request.GET.get("sort", "-created_at")
    page = page_of(request, queries.listed(request.user, words=words, sort=sort, **wanted), 30)
    context = wanted | {
        "q": words, "sort": sort, "page": page, "caption": presenting.counted(page, "comparison"),
        "states": Comparison.State.choices, "suites": queries.suites_compared(request.user),
        "any": access.comparisons_for(request.user).exists(),
    }  # fmt: skip
    return render(request, "casework/list.html", context)


def start(request: HttpRequest) -> HttpResponse:
    """Choose a suite, then two or more of the models that have answered it."""
    suites = [s for s in listing.suites(request.user) if s.models]
    suite = next((s for s in suites if str(s.pk) == request.GET.get("suite")), _most_answered(suites))
    answered = probing.models_with_responses(suite, models_for(request.user)) if suite else []
    models = [model for model in answered if may_work(request.user, model.team_id)]
    form = CompareForm(request.POST or None, models=models)
    if request.method == "POST" and suite and form.is_valid():
        try:
            comparison = services.start_comparison(suite=suite, user=request.user, **form.cleaned_data)
        except ForensicsError as problem:
            form.add_error(None, str(problem))
        else:
            return redirect("casework:comparison", comparison.pk)
    source = request.POST if request.method == "POST" else request.GET
    wanted = set(source.getlist("models")) & form.by_id.keys()
    context = {"form": form, "suites": suites, "suite": suite, "models": models, "wanted": wanted}
    return render(request, "casework/start.html", context, status=422 if form.errors else 200)


def _most_answered(suites: list[Any]) -> Any:
    return max(suites, key=lambda suite: suite.models, default=None)


def comparison_page(request: HttpRequest, comparison_id: object) -> HttpResponse:
    """Progress until it is done; then heatmap, tree, ranking or pairs, as the address says."""
    comparison = access.comparison_or_404(request.user, comparison_id)
    context: dict[str, Any] = {"comparison": comparison, "size": comparison.collections.count()}
    if comparison.state != Comparison.State.DONE:
        return render(request, "casework/progress.html", context | _progress(comparison))
    view = choice(request, "view", VIEWS, "heatmap")
    result = queries.result(comparison)
    context |= {"view": view, "views": VIEWS.items(), "calibration": result.calibration, "models": result.models}
    context |= (_pairs if view == "pairs" else FIGURES[view])(request, comparison, result)
    return render(request, f"casework/{view}.html", context)


def _heatmap(request: HttpRequest, comparison: Comparison, result: Result) -> dict[str, Any]:
    matrix = choice(request, "matrix", matrices(result), "distance")
    drawn = reading.figure(comparison, "heatmap", matrix=matrix)
    names = {"models": drawn["data"]["models"], "matrix": matrix}
    return _drawn(request, comparison, drawn, names=names) | {"matrix": matrix, "matrices": matrices(result)}


def _tree(request: HttpRequest, comparison: Comparison, result: Result) -> dict[str, Any]:
    questioned = choice(request, "questioned", result.models, "")
    try:
        reading.tree(comparison.pk, comparison.attempt)
    except ForensicsError as problem:
        return {"questioned": questioned, "no_figure": str(problem)}
    drawn = reading.figure(comparison, "tree", questioned=questioned)
    return _drawn(request, comparison, drawn) | {"questioned": questioned}


def _ranking(request: HttpRequest, comparison: Comparison, result: Result) -> dict[str, Any]:
    questioned = choice(request, "questioned", result.models, _first_questioned(comparison, result))
    proposition = choice(request, "proposition", PROPOSITIONS, "lineage")
    drawn = reading.figure(comparison, "ranking", questioned=questioned, proposition=proposition)
    identification = reading.identification(comparison.pk, comparison.attempt, questioned)
    page = page_of(request, reading.ranked(result, identification, proposition), 50)
    return _drawn(request, comparison, drawn) | {
        "questioned": questioned, "proposition": proposition, "propositions": reading.PROPOSITION_WORDS.items(),
        "identification": identification, "page": page, "bounds": reading.bounds(result.calibration, proposition),
    }  # fmt: skip


def _network(request: HttpRequest, comparison: Comparison, result: Result) -> dict[str, Any]:
    questioned = choice(request, "questioned", result.models, "")
    drawn = reading.figure(comparison, "network", questioned=questioned)
    return _drawn(request, comparison, drawn) | {"questioned": questioned}


def _refusals(request: HttpRequest, comparison: Comparison, _result: Result) -> dict[str, Any]:
    return _drawn(request, comparison, reading.figure(comparison, "refusals"))


FIGURES = {"heatmap": _heatmap, "tree": _tree, "network": _network, "ranking": _ranking, "refusals": _refusals}


def _first_questioned(comparison: Comparison, result: Result) -> str:
    named = comparison.collections.filter(model__role="questioned").order_by("model__name")
    return named.values_list("model__name", flat=True).first() or result.models[0]


def _pairs(request: HttpRequest, comparison: Comparison, result: Result) -> dict[str, Any]:
    words, relation = request.GET.get("q", ""), request.GET.get("relation", "")
    sort = request.GET.get("sort", "-kin")
    rows = reading.pairs(result, words=words, relation=relation, sort=sort)
    return {
        "page": page_of(request, rows, 50), "q": words, "relation": relation, "sort": sort,
        "relations": [r.value for r in Relation], "comparison": comparison,
    }  # fmt: skip


def _drawn(request: HttpRequest, comparison: Comparison, drawn: dict[str, Any], **more: Any) -> dict[str, Any]:
    query = request.GET.copy()
    for name in ("view", "page"):
        query.pop(name, None)
    name = drawn["data"]["name"]
    address = reverse("casework:csv", args=[comparison.pk, name])
    csv = f"{address}?{query.urlencode()}" if query else address
    shown = drawing.of(drawn["plugin"], drawn["data"], drawn["figure"], csv=csv, key=name, **more)
    return {"drawn": shown, "drawings": [shown]}


def _progress(comparison: Comparison) -> dict[str, Any]:
    return {
        "state": presenting.state(comparison.state),
        "stage": comparison.stage or "waiting for a worker",
        "share": round(100 * comparison.progress),
        "finished": comparison.state in (Comparison.State.DONE, Comparison.State.FAILED),
    }


@never_cache
def progress_json(request: HttpRequest, comparison_id: object) -> JsonResponse:
    """How far a comparison is."""
    return JsonResponse(_progress(access.comparison_or_404(request.user, comparison_id)))


@require_POST
def retry(request: HttpRequest, comparison_id: object) -> HttpResponse:
    """Queue a failed comparison again."""
    comparison = access.comparison_to_change(request.user, comparison_id)
    if not services.retry(comparison, user=request.user):
        messages.warning(request, f"This comparison is {comparison.state}: only a failed one can be tried again.")
    return redirect("casework:comparison", comparison.pk)


def table_csv(request: HttpRequest, comparison_id: object, name: str) -> HttpResponse:
    """A figure's whole table as CSV; text that a spreadsheet would run as a formula is prefixed."""
    comparison = access.comparison_or_404(request.user, comparison_id)
    if name not in FIGURES or comparison.state != Comparison.State.DONE:
        raise Http404(name)
    result = queries.result(comparison)
    drawn = FIGURES[name](request, comparison, result)
    if "drawn" not in drawn:
        raise Http404(drawn["no_figure"])
    options = {key: drawn[key] for key in ("matrix", "questioned", "proposition") if key in drawn}
    return drawing.csv_file(name, reading.figure(comparison, name, **options)["data"]["table"])
