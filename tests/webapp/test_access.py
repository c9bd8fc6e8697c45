"""Nothing is shown to anybody who is not signed in, under whatever address."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import Http404
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter, SlugConverter, StringConverter, UUIDConverter

from tests.helpers.making import scripted_model, stored_suite
from webapp.casework import access as casework
from webapp.catalogue import access as catalogue
from webapp.probing import access as probing

pytestmark = pytest.mark.django_db

OPEN = {"sign-in", "sign-out", "health"}
NOTHING = {UUIDConverter: uuid.uuid4(), IntConverter: 0, StringConverter: "none", SlugConverter: "none"}


def addresses(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[tuple[str, dict[str, object]]]:
    """(full name, arguments that point at nothing) of every address."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from addresses(pattern.url_patterns, inner)
        elif pattern.name:
            converters = pattern.pattern.converters.items()
            yield f"{space}{pattern.name}", {name: NOTHING[type(converter)] for name, converter in converters}


def test_every_address_sends_a_stranger_to_sign_in() -> None:
    closed = [(name, arguments) for name, arguments in addresses(get_resolver().url_patterns) if name not in OPEN]
    assert len(closed) >= 10
    for name, arguments in closed:
        url = reverse(name, kwargs=arguments)
        for method in ("get", "post"):
            answer = getattr(Client(), method)(url)
            assert answer.status_code == 302, f"{method} {url} gave {answer.status_code}"
            assert answer["Location"].startswith(reverse("sign-in")), url


def test_look_ups_give_nothing_to_strangers_and_to_people_who_left(tmp_path: Path) -> None:
    model, suite = scripted_model(tmp_path), stored_suite()
    left = User.objects.create_user("left", is_active=False)
    here = User.objects.create_user("here")
    for nobody in (AnonymousUser(), left):
        assert not catalogue.models_for(nobody).exists()
        assert not probing.suites_for(nobody).exists()
        assert not probing.collections_for(nobody).exists()
        assert not casework.comparisons_for(nobody).exists()
        with pytest.raises(Http404):
            catalogue.model_or_404(nobody, model.pk)
    assert catalogue.model_or_404(here, model.pk) == model
    assert probing.suite_or_404(here, suite.pk) == suite


def test_answers_carry_the_strict_policy() -> None:
    answer = Client().get(reverse("sign-in"))
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
