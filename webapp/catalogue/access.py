"""Who may see and change which models. Every look-up of a page goes through here."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from webapp.catalogue.models import Model


def models_for(user: Any) -> QuerySet[Model]:
    """Models that this user may see: all for a signed-in active user, none for anybody else."""
    return Model.objects.all() if user.is_authenticated and user.is_active else Model.objects.none()


def model_or_404(user: Any, model_id: object) -> Model:
    """The model, or Http404 whether it is absent or hidden."""
    return get_object_or_404(models_for(user), pk=model_id)
