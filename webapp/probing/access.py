"""Who may see and change which suites, collections and completions. Every look-up of a page goes through here."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from webapp.accounts.access import require_work
from webapp.catalogue.access import models_for
from webapp.probing.models import Attempt, Collection, Completion, Suite


def suites_for(user: Any) -> QuerySet[Suite]:
    """Suites that this user may see."""
    return Suite.objects.all() if user.is_authenticated and user.is_active else Suite.objects.none()


def suite_or_404(user: Any, suite_id: object) -> Suite:
    """The suite, or Http404 whether it is absent or hidden."""
    return get_object_or_404(suites_for(user), pk=suite_id)


def collections_for(user: Any) -> QuerySet[Collection]:
    """Collections on models that this user may see, with model and suite at hand."""
    return Collection.objects.filter(model__in=models_for(user)).select_related("model", "suite")


def collection_or_404(user: Any, collection_id: object) -> Collection:
    """The collection, or Http404 whether it is absent or hidden."""
    return get_object_or_404(collections_for(user), pk=collection_id)


def collection_to_change(user: Any, collection_id: object) -> Collection:
    """The collection; Http404 where it is absent or hidden, PermissionDenied for those who may only read it."""
    collection = collection_or_404(user, collection_id)
    require_work(user, collection.model.team_id)
    return collection


def completion_or_404(user: Any, completion_id: object) -> Completion:
    """The completion, or Http404 whether it is absent or hidden."""
    return get_object_or_404(Completion.objects.filter(collection__model__in=models_for(user)), pk=completion_id)


def attempt_or_404(user: Any, attempt_id: object) -> Attempt:
    """The attempt, or Http404 whether it is absent or hidden."""
    return get_object_or_404(Attempt.objects.filter(call__collection__model__in=models_for(user)), pk=attempt_id)
