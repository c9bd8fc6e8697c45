"""A case in a real browser: a form that is refused, and then is not."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.browser.conftest import PASSWORD, USER, Opener
from tests.helpers.hostile_case import hostile_case
from tests.helpers.populations import finished_comparison

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_refused_form_is_open_named_and_keeps_what_was_typed(live_server: Any, visit: Opener) -> None:
    user = User.objects.create_user(USER, password=PASSWORD)
    case = hostile_case(user, finished_comparison())
    tab = visit(live_server.url)
    tab.sign_in()
    tab.open(f"/cases/{case.pk}/propositions/")
    page = tab.page
    page.click("summary:has-text('Add an Hd')")
    page.select_option("#id_alternative_key", "third-teacher")
    page.fill("#id_alternative_statement", "a third one taught both")
    page.evaluate("document.querySelectorAll('[required]').forEach((n) => n.removeAttribute('required'))")
    page.click("button:text-is('Set this Hd')")
    assert page.locator("[role=alert]").inner_text().count("a change needs its reason.") == 1
    assert page.input_value("#id_alternative_statement") == "a third one taught both"
    assert page.locator("#id_alternative_reason").is_visible()
    page.fill("#id_alternative_reason", "it came to light")
    page.click("button:text-is('Set this Hd')")
    page.wait_for_selector("text=The Hd is set.")
    tab.open(f"/cases/{case.pk}/plan/")
    assert "it came to light" in page.locator("#dev ~ .table-wrap").inner_text()
