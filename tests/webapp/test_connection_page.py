"""Testing a connection from its page and from the command line, under an authorisation alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from tests.helpers.pretending import KEY, pretending
from tests.helpers.serving import Served, serving
from webapp.catalogue import services
from webapp.catalogue.models import Model
from webapp.custody.models import Entry

pytestmark = pytest.mark.django_db

GRANT = {"granted_by": "The owner", "basis": "Contract 7", "terms_reviewed": True}


@pytest.fixture
def server(settings: Any) -> Iterator[Served]:
    """A server that drops the seed and n."""
    with serving(pretending("seed", "n")) as served:
        settings.PRIVATE_HOSTS = [served.host]
        yield served


@pytest.fixture
def page() -> Client:
    """A signed-in visitor."""
    client = Client()
    client.force_login(User.objects.create_user("ana"))
    return client


def registered(server: Served, **more: Any) -> Model:
    """The server as a model."""
    return services.register_endpoint(name="api", base_url=server.url, remote_name="asked-1", secret=KEY, **more)


def posts(server: Served) -> int:
    """How many probe calls the server saw."""
    return sum(method == "POST" for method, *_ in server.seen)


def test_no_call_leaves_without_an_authorisation(server: Served, page: Client) -> None:
    model = registered(server)
    address = reverse("catalogue:test", args=[model.pk])
    assert "needs the authorisation below first" in page.get(reverse("catalogue:model", args=[model.pk])).text
    assert "no authorisation in force" in page.post(address, follow=True).text
    assert posts(server) == 0
    assert page.get(address).status_code == 405


def test_a_page_says_how_many_calls_it_will_send_and_then_what_they_found(server: Served, page: Client) -> None:
    model = registered(server)
    services.authorise(model, **GRANT)
    shown = page.get(reverse("catalogue:model", args=[model.pk])).text
    assert "Test it with 9 small calls" in shown
    assert "Not tested yet" in shown
    shown = page.post(reverse("catalogue:test", args=[model.pk]), follow=True).text
    assert posts(server) == 9
    for told in ("silently ignored: one seed gave two texts", "silently ignored: 1 came for 2", "with 9 calls"):
        assert told in shown
    assert shown.count('<span class="state warn">Warning</span>') == 2
    kept = Entry.objects.get(action="connection-tested").detail
    assert len(kept["calls"]) == 9
    assert KEY not in json.dumps(kept) + shown


def test_what_a_test_found_is_kept_until_the_address_changes(server: Served) -> None:
    model = registered(server)
    services.authorise(model, **GRANT)
    services.test_connection(model)
    services.check(Model.objects.get())
    assert len(Model.objects.get().check_info["connection"]["findings"]) == 10
    services.change_endpoint(model, base_url="https://api.example.org/v1", remote_name="other")
    assert "connection" not in Model.objects.get().check_info


def command(name: str, *args: str) -> str:
    """What a command prints."""
    out = StringIO()
    call_command(name, *args, stdout=out)
    return out.getvalue()


def test_an_endpoint_is_registered_and_tested_from_the_command_line(server: Served, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{KEY}\n")
    where = ["--url", server.url, "--model", "asked-1", "--secret-file", str(secret)]
    told = command("register_endpoint", "--name", "one", *where, "--preset", "mistral", "--stream")
    assert "may not be probed before an authorisation" in told
    one = Model.objects.get(name="one")
    assert (one.preset, one.stream) == ("mistral", True)
    assert "7 small calls would be sent" in command("test_connection", "one", "--dry-run")
    with pytest.raises(CommandError, match="no authorisation in force"):
        command("test_connection", "one")
    granted = ["--granted-by", "The owner", "--basis", "Contract 7"]
    assert "may be probed" in command("register_endpoint", "--name", "two", *where, *granted)
    plain = json.loads(command("test_connection", "two", "--json"))
    states = {row["name"]: row["state"] for row in plain["findings"]}
    assert (states["key"], states["seed"]) == ("good", "warning")
    Model.objects.filter(name="two").update(remote_name="asked-1", location="http://127.0.0.1:9/v1")
    with pytest.raises(CommandError) as ended:
        command("test_connection", "two")
    assert ended.value.returncode != 0


def test_half_an_authorisation_and_a_preset_of_another_protocol_store_nothing(server: Served) -> None:
    where = ["--name", "x", "--url", server.url, "--model", "m"]
    with pytest.raises(CommandError, match="both --granted-by and --basis"):
        command("register_endpoint", *where, "--granted-by", "Somebody")
    with pytest.raises(CommandError, match="has no presets"):
        command("register_endpoint", *where, "--adapter", "anthropic", "--preset", "vllm")
    assert not Model.objects.exists()


def test_the_form_offers_every_server_and_keeps_the_choice(server: Served, page: Client) -> None:
    address = reverse("catalogue:register") + "?way=endpoint"
    shown = page.get(address).text
    assert '<option value="openai-compatible" selected>' in shown
    for title in ("vLLM", "llama.cpp server", "OpenRouter", "Mistral", "Anthropic Messages API", "Gemini API"):
        assert title in shown
    sent = {"base_url": server.url, "remote_name": "asked-1", "secret": KEY, "name": "api", "role": "questioned"}
    sent |= {"adapter": "openai-compatible", "access": "text", "preset": "openrouter", "stream": "on"}
    shown = page.post(address, sent, follow=True).text
    model = Model.objects.get()
    assert (model.preset, model.stream) == ("openrouter", True)
    assert "OpenRouter" in shown
