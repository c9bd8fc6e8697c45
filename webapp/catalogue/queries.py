"""Reads of the catalogue."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from forensics import adapters, registry
from forensics.adapters import Adapter, Target
from forensics.connection import planned
from forensics.errors import BadInput
from webapp.catalogue import credentials
from webapp.catalogue.models import Access, Authorisation, Model


def adapter_of(model: Model) -> Adapter:
    """The adapter plug-in that reaches this model."""
    plugin: Adapter = registry.load(adapters.PACKAGE, model.adapter)
    return plugin


def target(model: Model) -> Target:
    """Where the model is, with its secret. For workers and checks; never for a page."""
    secret = "" if model.access == Access.WEIGHTS or model.is_recorded else credentials.reveal(model)
    return unstored_target(model, secret)


def unstored_target(model: Model, secret: str) -> Target:
    """Where a model is, with a secret at hand instead of the stored one."""
    hosts = tuple(settings.PRIVATE_HOSTS)
    return Target(
        model.location,
        model.remote_name,
        secret,
        hosts,
        preset=model.preset,
        stream=model.stream,
        silence=settings.SILENCE_SECONDS,
        patience=settings.REPLY_SECONDS,
    )


def standing_authorisation(model: Model) -> Authorisation | None:
    """The latest authorisation in force now, or None."""
    now = timezone.now()
    in_force = Q(starts_at__lte=now) & (Q(expires_at=None) | Q(expires_at__gt=now))
    return model.authorisations.filter(in_force).first()


def connection_calls(model: Model) -> int:
    """How many small calls a test of the connection makes; 0 where there is none, or its preset is gone."""
    try:
        return planned(adapter_of(model), unstored_target(model, ""))
    except BadInput:
        return 0


def needs_authorisation(model: Model) -> bool:
    """Whether probes leave this machine, so that somebody must have allowed them."""
    return adapter_of(model).queue == "api"
