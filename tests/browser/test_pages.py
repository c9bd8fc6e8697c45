"""Every page in a real browser: light and dark, phone and desk, with hostile names and completions."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.urls import resolve
from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.axe import grave_faults
from tests.browser.conftest import USER, Visit
from tests.browser.walk import NOT_THERE, WITHOUT_A_PAGE, addresses, addresses_of_cases, names
from tests.helpers.hostile_case import hostile_case
from tests.helpers.making import stored_suite
from tests.helpers.populations import HOSTILE, OTHER, finished_comparison, large_comparison, record
from webapp.accounts import teams
from webapp.catalogue.models import Model
from webapp.probing.models import Collection, Completion, ProbeCall

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_every_address_is_walked_or_has_a_reason_not_to_be(db: None) -> None:
    comparison = finished_comparison()
    walked = {resolve(path.split("?")[0]).view_name for name, path in _all(comparison).items() if name not in NOT_THERE}
    assert sorted(set(names()) - walked - WITHOUT_A_PAGE.keys() - {"sign-in"}) == []
    assert sorted(WITHOUT_A_PAGE.keys() - set(names())) == [], "a reason for an address that is gone"


def _all(comparison: Any) -> dict[str, str]:
    user, _ = User.objects.get_or_create(username=USER)
    User.objects.filter(pk=user.pk).update(is_superuser=True)  # who sees the pages of people, too
    case, team = hostile_case(user, comparison), teams.create_team(HOSTILE)
    teams.set_member(team, user, "owner")
    Model.objects.create(name="one to probe", adapter="scripted", location="made up")
    waiting = record(comparison.suite, "one that waits", "queued", stage="waiting for a worker")
    failed = record(comparison.suite, "one that failed", "failed", error=f"{HOSTILE}: it failed")
    return addresses(comparison, waiting, failed) | addresses_of_cases(case, team)


SOUND = """() => ({
    wide: document.documentElement.scrollWidth - innerWidth,
    outside: [...document.querySelectorAll("main details[open] > div")].map((n) => n.getBoundingClientRect())
        .filter((r) => r.left < 0 || r.right > innerWidth).length,
    doubles: [...document.querySelectorAll("[id]")].map((n) => n.id).filter((id, i, all) => all.indexOf(id) !== i),
    headings: document.querySelectorAll("h1").length,
    nameless: [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a")]
        .filter((n) => !(n.labels?.length || n.textContent.trim() || n.ariaLabel || n.querySelector("[aria-label]")))
        .map((n) => n.outerHTML),
    tables: [...document.querySelectorAll("table")].filter((t) => !t.caption?.textContent.trim()).length,
    owned: window.owned ?? 0,
})"""
OPENED = "document.querySelectorAll('main details').forEach((d) => (d.open = true))"
WIDTHS = {390: ("light",), 1280: ("light", "dark"), 1920: ()}
"""Width to the schemes in which axe-core judges: contrast differs between them, and room between the widths."""


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_sound_at_every_width_in_light_and_dark(analyst: Any, width: int) -> None:
    tab = analyst(width=width)
    found = {}
    for name, path in _all(finished_comparison()).items():
        status = tab.open(path)
        shifted = tab.page.evaluate("window.shifted")
        tab.page.evaluate(OPENED)
        sound = tab.page.evaluate(SOUND)
        tab.page.evaluate("document.querySelectorAll('main details.copies').forEach((d) => (d.open = false))")
        faults = []
        for scheme in ("dark", "light"):
            tab.page.emulate_media(color_scheme=scheme)
            tab.shoot(f"{name}-{width}-{scheme}")
            if scheme in WIDTHS[width]:
                faults += grave_faults(tab.page, rules=["color-contrast"] if scheme == "dark" else None)
        at_rest = (sound.pop("wide") <= 0, shifted < 0.05)
        heard = (tab.refused(), list(tab.errors), list(tab.dialogs), list(tab.outside))
        found[name] = (status, at_rest, sound, faults, heard)
    good = (
        (True, True),
        {"outside": 0, "doubles": [], "headings": 1, "nameless": [], "tables": 0, "owned": 0},
        [],
        ([], [], [], []),
    )
    wrong = {n: what for n, what in found.items() if what != (404 if n in NOT_THERE else 200, *good)}
    assert wrong == {}


def _seconds(tab: Visit, path: str) -> float:
    began = time.monotonic()
    tab.open(path)
    return time.monotonic() - began


def test_a_heatmap_of_135_models_opens_within_two_seconds_and_a_cell_leads_to_its_pair(analyst: Any) -> None:
    comparison, tab = large_comparison(), analyst()
    tab.open("/comparisons/")  # the static files are then cached, as on any second page
    assert min(_seconds(tab, f"/comparisons/{comparison.pk}/") for _ in range(3)) < 2.0
    image = tab.page.locator(".canvas image")
    assert image.evaluate("(i) => getComputedStyle(i).imageRendering") == "pixelated"
    tab.shoot("heatmap-of-135")
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    assert box is not None
    place = (box["x"] + box["width"] * 0.3, max(box["y"], 0) + 200)
    tab.page.mouse.move(*place, steps=4)
    tab.page.wait_for_selector(".readout a")
    with tab.page.expect_navigation(url="**/pair/?a=model-*&b=model-*"):
        tab.page.mouse.click(*place)


def test_hidden_characters_are_written_out_on_the_switch_and_markup_is_never_obeyed(analyst: Any) -> None:
    comparison, tab = finished_comparison(), analyst()
    two = urlencode({"a": HOSTILE, "b": OTHER, "prompt": "p000"})
    tab.open(f"/comparisons/{comparison.pk}/pair/probe/?{two}")
    assert "<script>" in tab.page.locator(".side.a .completion").inner_text()
    assert tab.page.locator(".side.a .esc").count() == 0
    tab.page.click("text=Shown (2 and 0)")
    assert tab.page.locator(".side.a .esc").all_inner_texts() == ["U+200B", "U+202E"]
    assert tab.page.evaluate("window.owned") is None


def test_the_theme_switch_is_remembered_and_redraws_the_figure(analyst: Any) -> None:
    comparison, tab = finished_comparison(), analyst()
    tab.open(f"/comparisons/{comparison.pk}/?view=tree")
    ink = "getComputedStyle(document.querySelector('.canvas .textpoint text')).fill"
    light = tab.page.evaluate(ink)
    tab.page.click("[data-theme-switch]")
    assert tab.page.evaluate(ink) != light
    tab.open("/models/")
    assert tab.page.evaluate("document.documentElement.dataset.theme") == "dark"


def _running_collection(calls: int = 4) -> Collection:
    model = Model.objects.create(name="rehearsed", adapter="scripted", location="made up")
    suite = stored_suite(calls)
    collection = Collection.objects.create(model=model, suite=suite, planned=calls)
    ProbeCall.objects.bulk_create(
        ProbeCall(collection=collection, probe=probe, sample=0) for probe in suite.probes.all()
    )
    return collection


def _answer(collection: Collection, *ordinals: int) -> None:
    for probe in collection.suite.probes.filter(ordinal__in=ordinals):
        Completion.objects.create(
            collection=collection, probe=probe, sample=0, text="yes", outcome="completed", received_at=timezone.now()
        )
        collection.calls.filter(probe=probe).update(state="done")


def test_a_running_collection_is_followed_without_a_reload_and_says_when_it_is_done(analyst: Any) -> None:
    collection, tab = _running_collection(), analyst()
    tab.open(f"/collections/{collection.pk}/")
    tab.page.evaluate("window.same = true")
    _answer(collection, 0, 1, 2)
    expect(tab.page.locator("[data-field=done]")).to_have_text("3")
    assert tab.page.evaluate("window.same") is True
    _answer(collection, 3)
    Collection.objects.filter(pk=collection.pk).update(state="done", counts={"completed": 4})
    tab.page.wait_for_selector("progress.done")
    assert "4 of 4" in tab.page.locator(".facts-inline").inner_text()


def test_a_running_collection_can_be_read_without_scripts(analyst: Any) -> None:
    collection, tab = _running_collection(), analyst(scripts=False)
    _answer(collection, 0)
    tab.open(f"/collections/{collection.pk}/")
    assert "1 of 4" in tab.page.locator(".facts-inline").inner_text()
    assert tab.page.get_by_text("Reload").is_visible()


def test_the_first_tab_stop_leads_past_the_navigation(analyst: Any) -> None:
    tab = analyst()
    tab.open("/models/")
    tab.page.keyboard.press("Tab")
    assert tab.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.page.keyboard.press("Enter")
    assert tab.page.evaluate("document.activeElement.id") == "main"
