"""Who may see and change which models. Every look-up of a page goes through here."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from webapp.accounts.access import require_work, visible
from webapp.catalogue.models import Model


def models_for(user: Any) -> QuerySet[Model]:
    """Models that exist for this user: shared ones and those of their teams."""
    return visible(Model.objects.all(), user)


def model_or_404(user: Any, model_id: object) -> Model:
    """The model, or Http404 whether it is absent or hidden."""
    return get_object_or_404(models_for(user), pk=model_id)


def model_to_change(user: Any, model_id: object) -> Model:
    """The model; Http404 where it is absent or hidden, PermissionDenied for those who may only read it."""
    model = model_or_404(user, model_id)
    require_work(user, model.team_id)
    return model
