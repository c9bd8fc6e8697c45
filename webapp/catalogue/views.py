"""Pages of the catalogue."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from forensics.errors import ForensicsError
from webapp.accounts.access import may_work
from webapp.catalogue import access, forms, listing, presenting, queries, services
from webapp.catalogue.models import Access, Role
from webapp.presenting import choice, page_of
from webapp.probing.access import collections_for


def model_list(request: HttpRequest) -> HttpResponse:
    """Models by words, side and way, sorted; a choice of them leads on to a collection or a comparison."""
    wanted = {name: request.GET.get(name, "") for name in ("role", "way", "access")}
    words, sort = request.GET.get("q", ""), request.GET.get("sort", "name")
    page = page_of(request, listing.listed(request.user, words=words, sort=sort, **wanted))
    returned = listing.observed(list(page))
    rows = [(model, presenting.identity(model, returned.get(model.pk, []))) for model in page]
    context = wanted | {
        "q": words, "sort": sort, "page": page, "rows": rows, "roles": Role.choices, "ways": listing.WAYS.items(),
        "accesses": Access.choices, "any": access.models_for(request.user).exists(),
        "filtered": bool(words or any(wanted.values())),
    }  # fmt: skip
    return render(request, "catalogue/list.html", context)


def register(request: HttpRequest) -> HttpResponse:
    """One form, four ways; what was typed is kept after an error."""
    way = choice(request, "way", forms.WAYS, "weights")
    form = forms.WAYS[way](request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            models = form.submit(request.user)
        except ForensicsError as problem:
            form.add_error(None, str(problem))
        else:
            return _registered(request, models)
    context = {"form": form, "way": way, "ways": forms.WAYS.items()}
    return render(request, "catalogue/register.html", context, status=422 if form.errors else 200)


def _registered(request: HttpRequest, models: list) -> HttpResponse:
    if len(models) == 1:
        messages.success(request, f"{models[0].name} is registered.")
        return redirect("catalogue:model", models[0].pk)
    messages.success(request, f"{len(models)} models are registered.")
    return redirect("catalogue:list")


def model_page(request: HttpRequest, model_id: object) -> HttpResponse:
    """One model: how it is reached, what is known of it, who allowed probing it, its collections."""
    return _model_page(request, model_id)


def _model_page(request: HttpRequest, model_id: object, **bound: object) -> HttpResponse:
    model = access.model_or_404(request.user, model_id)
    outside = not model.is_recorded and queries.needs_authorisation(model)
    context = {
        "model": model, "may_work": may_work(request.user, model.team_id), "outside": outside,
        "standing": queries.standing_authorisation(model),
        "has_secret": hasattr(model, "credential"), "authorisation_form": forms.AuthorisationForm(),
        "secret_form": forms.SecretForm(), "connection_calls": queries.connection_calls(model),
        "preset": presenting.preset_title(model), "checked": presenting.checked(model),
        "connection": presenting.connection(model),
        "identity": presenting.identity(model, listing.observed([model]).get(model.pk, [])),
        "collections": collections_for(request.user).filter(model=model)[:100],
    }  # fmt: skip
    return render(request, "catalogue/model.html", context | bound, status=422 if bound else 200)


@require_POST
def authorise(request: HttpRequest, model_id: object) -> HttpResponse:
    """Record who allows probing this endpoint."""
    model = access.model_to_change(request.user, model_id)
    form = forms.AuthorisationForm(request.POST)
    if not form.is_valid():
        return _model_page(request, model_id, authorisation_form=form)
    services.authorise(model, user=request.user, **form.cleaned_data)
    messages.success(request, f"The authorisation for {model.name} is recorded.")
    return redirect("catalogue:model", model.pk)


@require_POST
def test_connection(request: HttpRequest, model_id: object) -> HttpResponse:
    """Send the few calls of a connection test, and show what they found."""
    model = access.model_to_change(request.user, model_id)
    try:
        services.test_connection(model, user=request.user)
    except ForensicsError as problem:
        messages.error(request, str(problem))
    return redirect(f"{reverse('catalogue:model', args=[model.pk])}#connection")


@require_POST
def secret(request: HttpRequest, model_id: object) -> HttpResponse:
    """Store or erase an endpoint's secret."""
    model = access.model_to_change(request.user, model_id)
    form = forms.SecretForm(request.POST)
    if form.is_valid():
        services.set_credential(model, form.cleaned_data["secret"], user=request.user)
        done = "stored" if form.cleaned_data["secret"] else "erased"
        messages.success(request, f"The secret of {model.name} is {done}.")
    return redirect("catalogue:model", model.pk)
