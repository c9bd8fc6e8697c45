"""Reads for the catalogue's list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q, QuerySet

from webapp.catalogue.access import models_for
from webapp.catalogue.models import Model, Role

SORTS = ("name", "role", "adapter", "done", "created_at")
WAYS = {"weights": "Weights", "endpoint": "Endpoint", "transcripts": "Transcripts"}


def listed(user: Any, *, words: str = "", role: str = "", way: str = "", sort: str = "name") -> QuerySet[Model]:
    """Models that hold every word, with the number of their finished collections, in the order asked for."""
    found = models_for(user).annotate(done=Count("collections", filter=Q(collections__state="done")))
    for word in words.split():
        named = Q(name__icontains=word) | Q(remote_name__icontains=word) | Q(claimed_identity__icontains=word)
        found = found.filter(named | Q(location__icontains=word))
    if role in Role.values:
        found = found.filter(role=role)
    return _way(found, way).order_by(sort if sort.lstrip("-") in SORTS else "name", "name")


def chosen(user: Any, ids: Iterable[str]) -> list[Model]:
    """The models with these ids that the user may see; ids that are none are passed over."""
    return [model for model in models_for(user) if str(model.pk) in set(ids)]


def _way(found: QuerySet[Model], way: str) -> QuerySet[Model]:
    if way == "weights":
        return found.filter(adapter="huggingface")
    if way == "transcripts":
        return found.filter(adapter="recorded")
    return found.exclude(adapter__in=["huggingface", "recorded"]) if way == "endpoint" else found
