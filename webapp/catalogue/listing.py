"""Reads for the catalogue's list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Count, DateTimeField, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from webapp.catalogue.access import models_for
from webapp.catalogue.models import Access, Model, Role
from webapp.probing.models import Collection

SORTS = ("name", "role", "adapter", "access", "done", "seen", "created_at")
WAYS = {"weights": "Weights", "endpoint": "Endpoint", "transcripts": "Transcripts"}


def listed(
    user: Any, *, words: str = "", role: str = "", way: str = "", access: str = "", sort: str = "name"
) -> QuerySet[Model]:
    """Models that hold every word, in the order asked for.

    Each with `done`, its finished collections, and `seen`: when it last answered, else when it was last looked at.
    """
    answered = Collection.objects.filter(model=OuterRef("pk")).order_by().values("model")
    last = answered.annotate(at=Max(Coalesce("finished_at", "sent_at"))).values("at")
    counted = answered.filter(state=Collection.State.DONE).annotate(n=Count("pk")).values("n")
    found = models_for(user).annotate(
        done=Coalesce(Subquery(counted), 0),
        seen=Coalesce(Subquery(last), "checked_at", output_field=DateTimeField()),
    )
    for word in words.split():
        named = Q(name__icontains=word) | Q(remote_name__icontains=word) | Q(claimed_identity__icontains=word)
        found = found.filter(named | Q(location__icontains=word))
    if role in Role.values:
        found = found.filter(role=role)
    if access in Access.values:
        found = found.filter(access=access)
    return _way(found, way).order_by(_order(sort), "name")


def _order(sort: str) -> Any:
    key = sort.lstrip("-")
    if key not in SORTS:
        return "name"
    # What was never seen comes last, whichever way it is sorted.
    return F(key).desc(nulls_last=True) if sort.startswith("-") else F(key).asc(nulls_last=True)


def chosen(user: Any, ids: Iterable[str]) -> list[Model]:
    """The models with these ids that the user may see; ids that are none are passed over."""
    wanted = set(ids)
    return [model for model in models_for(user) if str(model.pk) in wanted]


def observed(models: Sequence[Model]) -> dict[Any, list[str]]:
    """Model id to the names under which its latest collection that was told any was answered."""
    told = Collection.objects.filter(model__in=models).exclude(identities=[]).order_by("created_at")
    return {model: [name for name, _ in kept if name] for model, kept in told.values_list("model", "identities")}


def _way(found: QuerySet[Model], way: str) -> QuerySet[Model]:
    if way == "weights":
        return found.filter(adapter="huggingface")
    if way == "transcripts":
        return found.filter(adapter="recorded")
    return found.exclude(adapter__in=["huggingface", "recorded"]) if way == "endpoint" else found
