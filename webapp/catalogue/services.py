"""Writes to the catalogue: each in one transaction, each with a custody entry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from forensics.connection import Report, examine
from forensics.errors import BadInput
from webapp.accounts.access import home_team
from webapp.catalogue import credentials, queries
from webapp.catalogue.models import Access, Authorisation, Model, Role
from webapp.custody import services as custody

CONNECTION = "connection"
"""What the last test of the connection found, among what is known of a model without a collection."""


def register_weights(
    *, name: str, folder: str, role: str = Role.REFERENCE, user: Any = None, claimed_identity: str = ""
) -> Model:
    """A new model from a folder of safetensors weights. Raises UnsafeWeights or BadInput; then nothing is stored."""
    model = _new(name, role, user, adapter="huggingface", location=folder, claimed_identity=claimed_identity)
    model.access = Access.WEIGHTS
    return _store(model, user)


def register_endpoint(
    *,
    name: str,
    base_url: str,
    remote_name: str,
    role: str = Role.QUESTIONED,
    user: Any = None,
    secret: str = "",
    adapter: str = "openai-compatible",
    access: str = Access.TEXT,
    claimed_identity: str = "",
    preset: str = "generic",
    stream: bool = False,
) -> Model:
    """A new model behind an API. One small request checks that it answers.

    Raises OutboundRefused (address not allowed), AdapterError (no sensible answer) or BadInput; then nothing is stored.
    """
    model = _new(name, role, user, adapter=adapter, location=base_url.rstrip("/"), remote_name=remote_name)
    credentials.origin(model.location)
    model.access, model.claimed_identity = access, claimed_identity
    model.preset, model.stream = preset, stream
    return _store(model, user, secret=secret)


def change_endpoint(model: Model, *, base_url: str, remote_name: str, user: Any = None) -> Model:
    """The model at another address or under another name there. A secret bound to another origin is erased."""
    with transaction.atomic():
        before = credentials.origin(model.location)
        model.location, model.remote_name = base_url.rstrip("/"), remote_name
        erased = credentials.origin(model.location) != before
        if erased:
            credentials.erase(model)
        model.check_info.pop(CONNECTION, None)
        model.save()
        custody.append(
            actor=user,
            action="endpoint-changed",
            subject=model.pk,
            team=model.team_id,
            name=model.name,
            secret_erased=erased,
        )
    return model


def set_credential(model: Model, secret: str, *, user: Any = None) -> None:
    """Store (or with '' erase) an endpoint's secret. It cannot be read back in any page."""
    with transaction.atomic():
        if secret:
            credentials.seal(model, secret)
        else:
            credentials.erase(model)
        act = "credential-set" if secret else "credential-erased"
        custody.append(actor=user, action=act, subject=model.pk, team=model.team_id)


def authorise(
    model: Model,
    *,
    granted_by: str,
    basis: str,
    terms_reviewed: bool,
    expires_at: datetime | None = None,
    user: Any = None,
) -> Authorisation:
    """A new record of who allowed probing this target, in force from now on."""
    if not granted_by.strip() or not basis.strip():
        raise BadInput("an authorisation names who granted it and on what ground")
    with transaction.atomic():
        record = Authorisation.objects.create(
            model=model,
            granted_by=granted_by,
            basis=basis,
            terms_reviewed=terms_reviewed,
            starts_at=timezone.now(),
            expires_at=expires_at,
            recorded_by=user,
        )
        told = {"granted_by": granted_by, "basis": basis}
        custody.append(actor=user, action="authorised", subject=model.pk, team=model.team_id, **told)
    return record


def check(model: Model) -> Model:
    """The model with what its adapter can say without sending a probe, saved. Raises what the adapter raises."""
    _fill_check(model, queries.target(model))
    model.save(update_fields=["check_info", "tokenizer_hash", "checked_at"])
    return model


def test_connection(model: Model, *, user: Any = None) -> Report:
    """What a few small calls find out about an endpoint, kept with the model.

    Raises BadInput without an authorisation in force, or where the model is reached in another way: nothing was sent.
    """
    if queries.needs_authorisation(model) and queries.standing_authorisation(model) is None:
        raise BadInput(f"no authorisation in force for {model}: record who allowed probing it, then test again")
    report = examine(queries.adapter_of(model), queries.target(model))
    plain = report.as_json()
    model.check_info = model.check_info | {CONNECTION: plain | {"at": timezone.now().isoformat(timespec="seconds")}}
    with transaction.atomic():
        model.save(update_fields=["check_info"])
        told = {"name": model.name} | plain
        custody.append(actor=user, action="connection-tested", subject=model.pk, team=model.team_id, **told)
    return report


def _new(name: str, role: str, user: Any, **fields: Any) -> Model:
    name = name.strip()
    if not name:
        raise BadInput("a model needs a name")
    if Model.objects.filter(name=name).exists():
        raise BadInput(f"a model called {name!r} is already registered; choose another name")
    if role not in Role.values:
        raise BadInput(f"no role {role!r}; known: {', '.join(Role.values)}")
    return Model(name=name, role=role, team_id=home_team(user), created_by=user, **fields)


def _store(model: Model, user: Any, *, secret: str = "") -> Model:
    # The check may read files or use the network: it runs before the transaction, so that no lock waits for it.
    _fill_check(model, queries.unstored_target(model, secret))
    with transaction.atomic():
        model.save(force_insert=True)
        if secret:
            credentials.seal(model, secret)
        custody.append(
            actor=user,
            action="model-registered",
            subject=model.pk,
            team=model.team_id,
            name=model.name,
            adapter=model.adapter,
            location=model.location,
            check=model.check_info,
        )
    return model


def _fill_check(model: Model, target: Any) -> None:
    info = dict(queries.adapter_of(model).check(target))
    model.tokenizer_hash = info.get("tokenizer", "")[:64]
    tested = {name: kept for name, kept in model.check_info.items() if name == CONNECTION}
    model.check_info, model.checked_at = info | tested, timezone.now()
