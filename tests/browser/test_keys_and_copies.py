"""Getting about by keyboard, and lines for a terminal that do what the page does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD
from tests.helpers.populations import HOSTILE, OTHER, finished_comparison
from webapp.casework.models import Comparison

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parents[2]


def test_a_list_is_searched_walked_and_opened_without_a_mouse(analyst: Any) -> None:
    finished_comparison()
    tab = analyst()
    page = tab.page
    tab.open("/models/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("member-1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/?q=member-1*")
    for key in "jjjk":
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.textContent") == "family-1-member-1"
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("family-1-member-1")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/suites/")


def test_the_help_names_every_section_and_switches_the_keys_off(analyst: Any) -> None:
    tab = analyst()
    page = tab.page
    tab.open("/models/")
    page.keyboard.press("?")
    sections = page.locator("#keys [data-go]").all_inner_texts()
    assert sections == ["Overview", *page.locator("nav[aria-label=Main] a").all_inner_texts()]
    keys = page.locator("#keys [data-go]").evaluate_all("(all) => all.map((a) => a.dataset.go)")
    assert len(set(keys)) == len(keys)
    page.uncheck("[data-keys-on]")
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    tab.open("/suites/")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()
    page.click("[data-keys-open]")
    expect(page.locator("#keys")).to_be_visible()


def test_letters_typed_into_a_field_are_letters(analyst: Any) -> None:
    tab = analyst()
    tab.open("/models/register/?way=weights")
    tab.page.click("[name=name]")
    tab.page.keyboard.type("gm?/jk")
    assert tab.page.input_value("[name=name]") == "gm?/jk"
    assert tab.page.url.endswith("way=weights")


def _line(tab: Any, kind: str, number: int = 0) -> str:
    """A line of the page's "Copy as", as its button copies it."""
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if not tab.page.locator(".copies").evaluate("(d) => d.open"):
        tab.page.keyboard.press("y")
    tab.page.locator(f".copies [aria-label^='Copy as {kind}']").nth(number).click()
    expect(tab.page.locator("[data-copied]")).to_have_text("Copied.")
    return str(tab.page.evaluate("navigator.clipboard.readText()"))


def _shell(line: str, folder: Path) -> str:
    """What a line prints, run by a shell in a folder as it stands but for where Python is."""
    environment = os.environ | {"FILIATION_HOME": str(settings.FILIATION_HOME), "PYTHONPATH": str(ROOT)}
    if connection.vendor == "sqlite":
        environment["DATABASE_URL"] = f"sqlite:///{connection.settings_dict['NAME']}"
    python = f"{sys.executable} "
    line = re.sub(
        r"\.venv/bin/python (manage\.py)?", lambda found: python + (f"{ROOT}/manage.py" if found[1] else ""), line
    )
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the command opens the test's own database by its file")
def test_the_command_of_a_pair_explains_it_and_that_of_a_probe_finds_both_replies(analyst: Any, tmp_path: Path) -> None:
    comparison, tab = finished_comparison(), analyst()
    two = urlencode({"a": HOSTILE, "b": OTHER})
    tab.open(f"/comparisons/{comparison.pk}/pair/?{two}")
    told = _shell(_line(tab, "command"), tmp_path)
    assert OTHER in told and "24 common prompts" in told
    tab.open(f"/comparisons/{comparison.pk}/pair/probe/?{two}&prompt=p003")
    replies = _shell(_line(tab, "command"), tmp_path).splitlines()[-2:]
    shown = tab.page.locator(".completion").all_inner_texts()
    assert all(text in reply for text, reply in zip(shown, replies, strict=True))


def _curl(tab: Any, line: str, folder: Path) -> str:
    if shutil.which("curl") is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("no curl on PATH: .ci/run installs it")
        pytest.skip("no curl on PATH")
    if not (folder / "filiation.cookies").exists():
        session = tab.page.locator("[aria-label='Sign in with curl']").text_content()
        session = re.sub(r"read -rsp 'Password: ' FILIATION_PASSWORD", f"FILIATION_PASSWORD='{PASSWORD}'", session)
        _shell(session, folder)
    return _shell(line, folder)


def test_curl_reads_a_page_and_starts_what_the_form_has_chosen(analyst: Any, tmp_path: Path) -> None:
    comparison, tab = finished_comparison(), analyst()
    tab.open(f"/comparisons/{comparison.pk}/")
    table = _curl(tab, _line(tab, "curl"), tmp_path)
    assert table.splitlines()[0] == "model_a,model_b,distance,prompts,status"
    assert len(table.splitlines()) == 1 + 9 * 8 // 2

    tab.open(f"/comparisons/start/?suite={comparison.suite.pk}")
    boxes = tab.page.locator("input[name=models]")
    for number in (0, 3, 4):
        boxes.nth(number).check()
    tab.page.fill("[name=title]", "it's $(mine) & yours")
    tab.page.locator("h1").click()
    _curl(tab, _line(tab, "curl"), tmp_path)
    started = Comparison.objects.get(title="it's $(mine) & yours")
    assert started.collections.count() == 3


def test_a_secret_never_stands_in_a_line(analyst: Any) -> None:
    tab = analyst()
    tab.open("/models/register/?way=endpoint")
    tab.page.fill("[name=secret]", "sk-very-secret")
    tab.page.fill("[name=base_url]", "https://api.example.org/v1")
    tab.page.click(".copies summary >> nth=0")
    lines = " ".join(tab.page.locator(".copies code").all_text_contents())
    assert "https://api.example.org/v1" in lines
    assert "sk-very-secret" not in lines
