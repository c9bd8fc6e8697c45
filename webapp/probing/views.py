"""Pages of suites and collections."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from forensics import probes, registry
from forensics.errors import ForensicsError
from webapp import presenting
from webapp.accounts.access import may_work
from webapp.catalogue.access import models_for
from webapp.catalogue.models import Model
from webapp.presenting import choice, page_of
from webapp.probing import access, endpoints, listing, live, queries, sealed, services
from webapp.probing.estimating import estimate_for
from webapp.probing.forms import PlanForm, StartForm, SuiteFileForm
from webapp.probing.models import Collection, Suite

ACTS = {
    "pause": (services.pause, "is paused; calls in flight are still stored"),
    "cancel": (services.cancel, "is cancelled; what came back is kept"),
}


def suite_list(request: HttpRequest) -> HttpResponse:
    """Every suite with its size and how many models have answered it."""
    return _suites(request, SuiteFileForm())


def _suites(request: HttpRequest, form: SuiteFileForm, status: int = 200) -> HttpResponse:
    words, origin, sort = (request.GET.get(name, "") for name in ("q", "origin", "sort"))
    found = listing.suites(request.user, words=words, origin=origin, sort=sort)
    page = page_of(request, found, 30)
    covered = listing.coverage_of(request.user, page)
    context = {
        "page": page, "rows": [(suite, covered[suite.pk]) for suite in page], "form": form,
        "missing": listing.shipped_but_not_stored(),
        "q": words, "origin": origin, "sort": sort or "name", "origins": Suite.Origin.choices,
        "any": access.suites_for(request.user).exists(),
    }  # fmt: skip
    return render(request, "probing/suites.html", context, status=status)


@require_POST
def store_own(request: HttpRequest) -> HttpResponse:
    """Store a suite from a file of the analyst's own."""
    form = SuiteFileForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            suite = services.register_own_suite(file.read(), where=str(file.name), user=request.user)
        except ForensicsError as problem:
            form.add_error("file", f"{problem}")
        else:
            messages.success(request, f"The suite {suite} is stored.")
            return redirect("probing:suite", suite.pk)
    return _suites(request, form, 422)


@require_POST
def store_shipped(request: HttpRequest) -> HttpResponse:
    """Store the suites that ship with this version."""
    for suite in services.register_shipped_suites():
        messages.success(request, f"The suite {suite} is stored.")
    return redirect("probing:suites")


def suite_page(request: HttpRequest, suite_id: object) -> HttpResponse:
    """One suite: its hash, its families with their declarations, its probes."""
    suite = access.suite_or_404(request.user, suite_id)
    families = listing.families(suite)
    known = registry.names(probes.PACKAGE)
    for family in families:
        name = family["family"]
        family["declaration"] = registry.load(probes.PACKAGE, name).declaration if name in known else None
    words, family = request.GET.get("q", ""), request.GET.get("family", "")
    page = page_of(request, listing.probes_of(suite, words=words, family=family))
    sealed.viewed(suite, page.object_list, user=request.user, where="suite")
    sized = next(s for s in listing.suites(request.user) if s.pk == suite.pk)
    versions = access.suites_for(request.user).filter(name=suite.name).exclude(pk=suite.pk)
    context = {
        "suite": sized, "families": families, "page": page, "q": words, "family": family, "versions": versions,
        "coverage": listing.coverage_of(request.user, [sized])[suite.pk],
    }  # fmt: skip
    return render(request, "probing/suite.html", context)


def collection_list(request: HttpRequest) -> HttpResponse:
    """Collections by state and suite; with ids in the address, those alone, watched together."""
    ids = request.GET.get("ids", "")
    if ids:
        return _watch(request, ids)
    wanted = {name: request.GET.get(name, "") for name in ("state", "suite")}
    words, sort = request.GET.get("q", ""), request.GET.get("sort", "-created_at")
    found = listing.collections(request.user, words=words, sort=sort, **wanted)
    page = page_of(request, found, 30)
    rows = live.rows(page)
    open_ids = [r["id"] for r in rows if r["collection"].state == Collection.State.RUNNING]
    context = {
        "page": page, "rows": rows, "q": words, "sort": sort, "states": Collection.State.choices,
        "state_now": wanted["state"], "suite_now": wanted["suite"], "suites": access.suites_for(request.user),
        "open_ids": ",".join(open_ids), "filtered": bool(words or any(wanted.values())),
        "any": access.collections_for(request.user).exists(), "caption": presenting.counted(page, "collection"),
    }  # fmt: skip
    return render(request, "probing/collections.html", context)


def _watch(request: HttpRequest, ids: str) -> HttpResponse:
    rows = live.rows(live.chosen(request.user, ids).order_by("model__name"))
    if not rows:
        raise Http404("no such collections")
    suites = {r["collection"].suite for r in rows}
    done = [r["collection"].model for r in rows if r["collection"].state == Collection.State.DONE]
    context = {
        "rows": rows, "total": live.total(rows), "ids": ids, "done_models": done,
        "suite": suites.pop() if len(suites) == 1 else None,
    }  # fmt: skip
    return render(request, "probing/watch.html", context)


@never_cache
def progress_json(request: HttpRequest) -> JsonResponse:
    """How far the collections named in the address are."""
    found = live.chosen(request.user, request.GET.get("ids", ""))
    return JsonResponse(live.as_json(live.rows(found)))


def start(request: HttpRequest) -> HttpResponse:
    """Choose models, a suite and a budget; what it will use is shown before anything is sent."""
    models = [m for m in models_for(request.user) if not m.is_recorded and may_work(request.user, m.team_id)]
    suites = [s for s in listing.suites(request.user) if s.calls]
    form = StartForm(request.POST or None, user=request.user, models=models, suites=suites)
    if request.method == "POST" and form.is_valid() and "estimate" not in request.POST:
        started = _start(request, form)
        if started:
            return redirect(f"{reverse('probing:collections')}?ids={','.join(started)}")
    source = request.POST if request.method == "POST" else request.GET
    wanted = set(source.getlist("models"))
    suite = next((s for s in suites if str(s.pk) == source.get("suite")), suites[0] if suites else None)
    context = {
        "form": form, "models": models, "suites": suites, "wanted": wanted, "suite": suite,
        "missing": listing.shipped_but_not_stored(),
        "total": len(wanted) * (suite.calls if suite else 0),
        "estimates": _estimates(form, models, wanted, suite),
    }  # fmt: skip
    return render(request, "probing/start.html", context, status=422 if form.errors else 200)


def _start(request: HttpRequest, form: StartForm) -> list[str]:
    started = []
    for model in form.cleaned_data["models"]:
        try:
            collection = services.start_collection(model, form.cleaned_data["suite"], user=request.user, plan=form.plan)
        except ForensicsError as problem:
            form.add_error(None, str(problem))
            messages.warning(request, str(problem))
        else:
            started.append(str(collection.pk))
    return started


def _estimates(form: StartForm, models: list[Model], wanted: set[str], suite: Suite | None) -> list[dict[str, Any]]:
    """What each chosen model's collection would use, at the prices that were filled in."""
    if suite is None or not form.is_bound or form.errors:
        return []
    chosen = [model for model in models if str(model.pk) in wanted]
    return [{"model": model, "estimate": estimate_for(model, suite, form.plan)} for model in chosen]


def collection_page(request: HttpRequest, collection_id: object) -> HttpResponse:
    """One collection, live: counts by outcome, pace, what holds it up, what it used, and what came back."""
    collection = access.collection_or_404(request.user, collection_id)
    return _collection_page(request, collection, PlanForm(initial=_plan_of(collection)))


def _plan_of(collection: Collection) -> dict[str, Any]:
    return {field.name: getattr(collection, field.name) for field in dataclasses.fields(services.Plan)}


def _collection_page(request: HttpRequest, collection: Collection, form: PlanForm, status: int = 200) -> HttpResponse:
    row = live.row(collection)
    outcome = choice(request, "outcome", [name for name, _ in row["outcomes"]], "")
    page = page_of(request, listing.completions(collection, outcome=outcome), 25)
    context = {
        "row": row, "collection": collection, "page": page, "completions": listing.with_evidence(page),
        "outcome": outcome, "segments": queries.segments(collection) if collection.changed_model else [], "form": form,
        "pace": endpoints.pace_of(collection.model) if endpoints.is_paced(collection.model) else None,
    }  # fmt: skip
    return render(request, "probing/collection.html", context, status=status)


@require_POST
def act(request: HttpRequest, collection_id: object, act: str) -> HttpResponse:
    """Pause or cancel a collection."""
    collection = access.collection_to_change(request.user, collection_id)
    if act not in ACTS:
        raise Http404(act)
    service, done = ACTS[act]
    return _told(request, collection, service(collection, user=request.user), done)


@require_POST
def resume(request: HttpRequest, collection_id: object) -> HttpResponse:
    """Let a paused or failed collection run again, under the budget that was filled in."""
    collection = access.collection_to_change(request.user, collection_id)
    form = PlanForm(request.POST)
    if not form.is_valid():
        return _collection_page(request, collection, form, status=422)
    return _told(request, collection, services.resume(collection, user=request.user, plan=form.plan), "runs again")


@require_POST
def choose_segment(request: HttpRequest, collection_id: object, number: int) -> HttpResponse:
    """Let comparisons read one of the models that answered."""
    collection = access.collection_to_change(request.user, collection_id)
    try:
        services.choose_segment(collection, number, user=request.user)
    except ForensicsError as problem:
        messages.warning(request, str(problem))
    else:
        messages.success(request, f"Comparisons of {collection} now read segment {number + 1} alone.")
    return redirect("probing:collection", collection.pk)


def _told(request: HttpRequest, collection: Collection, moved: bool, done: str) -> HttpResponse:
    if moved:
        messages.success(request, f"The collection of {collection} {done}.")
    else:
        messages.warning(request, f"The collection of {collection} is {collection.state}: it cannot be changed so.")
    return redirect("probing:collection", collection.pk)


def attempts(request: HttpRequest, completion_id: int) -> HttpResponse:
    """Every attempt of the call behind a completion: what was sent, what came back, when, and its hashes."""
    completion = access.completion_or_404(request.user, completion_id)
    context = {
        "completion": completion, "collection": completion.collection, "attempts": listing.attempts(completion),
    }  # fmt: skip
    return render(request, "probing/attempts.html", context)


def raw(request: HttpRequest, completion_id: int) -> HttpResponse:
    """A reply's raw bytes as an attachment; where none were recorded, the text."""
    completion = access.completion_or_404(request.user, completion_id)
    kept = completion.evidence.raw if completion.evidence else b""
    return _download(f"completion-{completion.pk}", kept, completion.text)


def attempt_bytes(request: HttpRequest, attempt_id: int, part: str) -> HttpResponse:
    """An attempt's request as sent or reply as received, as an attachment."""
    attempt = access.attempt_or_404(request.user, attempt_id)
    if part not in ("request", "raw"):
        raise Http404(part)
    sealed.viewed(attempt.call.probe.suite, [attempt.call.probe], user=request.user, where=part)
    return _download(f"attempt-{attempt.pk}-{part}", getattr(attempt, part), "")


def _download(name: str, body: bytes, text: str) -> HttpResponse:
    file = f"{name}.{'bin' if body else 'txt'}"
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(
        body or text.encode("utf-8", "surrogatepass"), content_type="application/octet-stream", headers=headers
    )
