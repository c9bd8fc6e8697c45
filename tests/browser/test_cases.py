"""A case in a real browser: every section at phone and desk width, with hostile names, blinded and not."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.browser.conftest import PASSWORD, USER, Opener
from tests.browser.test_pages import SOUND
from tests.helpers.populations import HOSTILE, finished_comparison
from webapp.accounts import teams
from webapp.casework.cases import contents, plans, runs, services
from webapp.casework.cases.pages import SECTIONS
from webapp.casework.models import Case
from webapp.catalogue.models import Model

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def hostile_case(user: User) -> Case:
    """A finished case in which every word that somebody can type is hostile."""
    comparison = finished_comparison()
    models = list(Model.objects.order_by("name"))
    case = services.open_case(
        title=HOSTILE, question=f"Is {HOSTILE} a copy?\n\u202edesrever", commissioned_by=HOSTILE, user=user
    )
    services.set_tags(case, [HOSTILE[:40]], user=user)
    services.add_note(case, HOSTILE, user=user)
    services.authorise(case, granted_by=HOSTILE, basis=HOSTILE, facts=HOSTILE, user=user)
    services.give_verdict(case, "same-base", "open", HOSTILE, user=user)
    for role, chosen in (("questioned", models[:1]), ("reference", models[1:3]), ("background", models[3:])):
        contents.add_items(case, chosen, role, user=user)
    contents.add_alternative(case, "same-base", statement=f"{{questioned}} {HOSTILE}", user=user)
    contents.add_control(case, "negative", models[0], models[-1], ground=HOSTILE, user=user)
    contents.choose_suite(case, comparison.suite, user=user)
    plans.freeze(case, user=user)
    services.deviate(case, "data", HOSTILE, HOSTILE, user=user)
    runs.collect(case, compare=False, user=user)
    runs.adopt(case, comparison, user=user)
    return case


@pytest.mark.parametrize("width", [390, 1280])
def test_every_section_of_a_case_is_sound_with_hostile_words_in_light_and_dark(
    live_server: Any, visit: Opener, width: int
) -> None:
    user = User.objects.create_superuser(USER, password=PASSWORD)
    case = hostile_case(user)
    team = teams.create_team(HOSTILE)
    teams.set_member(team, user, "owner")
    tab = visit(live_server.url, width=width)
    tab.sign_in()
    pages = {f"case-{name}": f"/cases/{case.pk}/{name}/" for name in SECTIONS}
    pages |= {"case-list": "/cases/", "case-start": "/cases/start/", "home-with-a-case": "/", "teams": "/teams/"}
    pages |= {"team": f"/teams/{team.pk}/", "person": "/people/add/"}
    found = {}
    for name, path in pages.items():
        status = tab.open(path)
        for details in tab.page.locator("main details").all():
            details.evaluate("(d) => (d.open = true)")
        for scheme in ("dark", "light"):
            tab.page.emulate_media(color_scheme=scheme)
            tab.shoot(f"{name}-{width}-{scheme}")
        sound = tab.page.evaluate(SOUND)
        ids = "[...document.querySelectorAll('[id]')].map((n) => n.id).filter((id, i, all) => all.indexOf(id) !== i)"
        found[name] = (status, sound.pop("wide") <= 0, sound, tab.page.evaluate(ids), tab.refused(), list(tab.errors))
    good = (200, True, {"headings": 1, "nameless": [], "tables": 0, "owned": 0}, [], [], [])
    assert {name: what for name, what in found.items() if what != good} == {}


def test_a_refused_form_is_open_named_and_keeps_what_was_typed(live_server: Any, visit: Opener) -> None:
    user = User.objects.create_user(USER, password=PASSWORD)
    case = hostile_case(user)
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
