"""Secrets of endpoints, and who may be probed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from cryptography.fernet import Fernet
from django.utils import timezone

from forensics.errors import AdapterError, BadInput, IntegrityError, OutboundRefused
from tests.helpers.making import stored_suite
from tests.helpers.serving import serving
from webapp.catalogue import credentials, queries, services
from webapp.catalogue.models import Credential, Model
from webapp.custody.models import Entry
from webapp.probing import services as probing

pytestmark = pytest.mark.django_db

SECRET = "sk-very-secret"


@pytest.fixture
def endpoint() -> Model:
    """A stored endpoint with a secret."""
    model = Model.objects.create(
        name="api", adapter="openai-compatible", location="https://api.example.org/v1", remote_name="m"
    )
    credentials.seal(model, SECRET)
    return model


def test_a_secret_is_unreadable_at_rest_and_in_what_is_logged(endpoint: Model) -> None:
    services.set_credential(endpoint, SECRET)
    assert SECRET.encode() not in bytes(Credential.objects.get().ciphertext)
    assert SECRET not in repr(queries.target(endpoint))
    assert SECRET not in str(list(Entry.objects.values()))
    assert queries.target(endpoint).secret == SECRET


def test_a_secret_is_of_no_use_at_another_origin(endpoint: Model) -> None:
    Model.objects.update(location="https://evil.example.org/v1")
    endpoint.refresh_from_db()
    with pytest.raises(IntegrityError, match=r"belongs to https://api\.example\.org:443"):
        queries.target(endpoint)


def test_moving_within_the_origin_keeps_the_secret_and_leaving_it_erases_it(endpoint: Model) -> None:
    services.change_endpoint(endpoint, base_url="https://API.example.org:443/v2/", remote_name="n")
    assert queries.target(endpoint).secret == SECRET
    services.change_endpoint(endpoint, base_url="http://api.example.org/v2", remote_name="n")
    assert not Credential.objects.exists()
    assert queries.target(endpoint).secret == ""


def test_keys_can_be_rotated(endpoint: Model, settings: Any) -> None:
    old = settings.CREDENTIAL_KEYS
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode(), *old]
    assert credentials.reveal(endpoint) == SECRET
    settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS[:1]
    with pytest.raises(IntegrityError, match="cannot be decrypted"):
        credentials.reveal(endpoint)


def test_an_endpoint_is_probed_only_under_an_authorisation_in_force(endpoint: Model) -> None:
    suite = stored_suite()
    with pytest.raises(BadInput, match="no authorisation in force"):
        probing.start_collection(endpoint, suite)
    past = timezone.now() - timedelta(days=1)
    granted = {"granted_by": "Owner", "basis": "contract 7", "terms_reviewed": True}
    services.authorise(endpoint, **granted, expires_at=past)
    with pytest.raises(BadInput, match="no authorisation in force"):
        probing.start_collection(endpoint, suite)
    services.authorise(endpoint, **granted)
    assert probing.start_collection(endpoint, suite).planned == 6


def test_an_endpoint_that_may_not_be_reached_or_refuses_the_key_is_not_stored(settings: Any) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "no"}}, status=401)

    with serving(refuse) as server:
        asked = {"name": "x", "base_url": server.url, "remote_name": "m", "secret": SECRET}
        with pytest.raises(OutboundRefused):
            services.register_endpoint(**asked)
        assert server.seen == []
        settings.PRIVATE_HOSTS = [server.host]
        with pytest.raises(AdapterError, match="refuses the key"):
            services.register_endpoint(**asked)
    assert not Model.objects.exists()
    assert not Credential.objects.exists()


def test_a_reachable_endpoint_is_stored_with_what_its_check_said(settings: Any) -> None:
    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "m"}]})

    with serving(models) as server:
        settings.PRIVATE_HOSTS = [server.host]
        model = services.register_endpoint(name="x", base_url=server.url + "/", remote_name="m", secret=SECRET)
    assert model.check_info["model_listed"] == "true"
    assert (model.location, queries.target(model).secret) == (server.url, SECRET)
    with pytest.raises(BadInput, match="already registered"):
        services.register_endpoint(name="x", base_url=server.url, remote_name="m")
