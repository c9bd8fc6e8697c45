"""How fast each endpoint may be sent to: one pace for an origin, whoever sends to whatever model behind it."""

from __future__ import annotations

from urllib.parse import urlsplit

from forensics.outbound import DEFAULT_PORTS
from webapp.catalogue import queries as catalogue
from webapp.catalogue.models import Model
from webapp.probing.models import Collection, Endpoint


def origin_of(location: str) -> str:
    """Scheme, host and port of an endpoint's base URL, the port always written out."""
    parts = urlsplit(location)
    host = (parts.hostname or "").rstrip(".")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{parts.port or DEFAULT_PORTS.get(parts.scheme, 0)}"


def is_paced(model: Model) -> bool:
    """Whether calls to this model leave the machine, so that they have a pace to keep."""
    return catalogue.adapter_of(model).queue == "api"


def pace_of(model: Model) -> Endpoint:
    """The pace for a model's endpoint: what was set for its origin, else the default, not stored."""
    origin = origin_of(model.location)
    return Endpoint.objects.filter(origin=origin).first() or Endpoint(origin=origin)


def is_shared(collection: Collection) -> bool:
    """Whether another collection is running on the same origin."""
    origin = origin_of(collection.model.location)
    running = Collection.objects.filter(state=Collection.State.RUNNING).exclude(pk=collection.pk)
    return origin in map(origin_of, running.values_list("model__location", flat=True))


def set_pace(model: Model, *, concurrency: int | None = None, per_minute: int | None = None) -> Endpoint:
    """The endpoint with a new pace, stored: workers take it up with their next slice. None leaves a value."""
    endpoint = pace_of(model)
    endpoint.concurrency = concurrency or endpoint.concurrency
    endpoint.per_minute = per_minute or endpoint.per_minute
    endpoint.save()
    return endpoint
