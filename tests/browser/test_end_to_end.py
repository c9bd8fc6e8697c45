"""The whole path in a browser: a folder of models registered, probed by real workers, compared, read down."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest
from playwright.sync_api import expect

from forensics.zoo.members import WEIGHTS
from tests.browser.conftest import PASSWORD, USER, Opener
from webapp.operations.services import first_free_port

pytestmark = [pytest.mark.browser, pytest.mark.zoo, pytest.mark.timeout(400)]
ROOT = Path(__file__).resolve().parents[2]
# Relatives by weights, and strangers, and enough of them for rare phrases to be rare. The demonstration takes all.
MEMBERS = (
    "alder", "alder-borel", "alder-chat", "alder-chat-2", "alder-chat-permuted", "birch", "birch-chat", "cedar",
    "cedar-cyra", "dogwood", "gorse",
)  # fmt: skip
ENSURE = f"from webapp.accounts.services import ensure_analyst; ensure_analyst({USER!r}, {PASSWORD!r})"
MINUTES = 60_000


def _manage(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few members of the zoo as weights folders."""
    weights = Path(os.environ.get("FILIATION_ZOO_WEIGHTS", WEIGHTS))
    everything, chosen = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("zoo")
    command = [sys.executable, "-m", "forensics.zoo", "build", str(everything), "--weights", str(weights)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for name in MEMBERS:
        shutil.move(everything / name, chosen / name)
    return chosen


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a fresh installation: Valkey, web server, workers and scheduler as one group of real processes."""
    home = tmp_path_factory.mktemp("home")
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
    environment |= {"FILIATION_HOME": str(home), "FILIATION_LEASE_SECONDS": "45", "FILIATION_SLICE_SECONDS": "50"}
    _manage(environment, "migrate", "-v0")
    _manage(environment, "shell", "-v0", "-c", ENSURE)
    port = first_free_port("127.0.0.1", 8900)
    command = [sys.executable, "manage.py", "up", "--port", str(port)]
    group = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        _until_it_answers(group, f"http://127.0.0.1:{port}/sign-in/")
        yield f"http://127.0.0.1:{port}"
    finally:
        group.send_signal(signal.SIGINT)
        group.wait(15)


def _until_it_answers(group: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(600):
        assert group.poll() is None, "the group ended before it answered"
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - a loopback address made above
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{url} did not answer within a minute")


def test_a_zoo_is_registered_probed_compared_and_read_down_to_two_replies(
    installation: str, zoo: Path, visit: Opener
) -> None:
    tab = visit(installation)
    tab.sign_in()
    tab.shoot("e2e-1-empty")
    page = tab.page

    page.click("main >> text=Register a model")
    page.click("text=Folder of folders")
    page.fill("[name=folder]", str(zoo))
    page.click("text=Register all")
    expect(page.get_by_text(f"{len(MEMBERS)} models are registered.")).to_be_visible(timeout=MINUTES)
    tab.shoot("e2e-2-registered")

    tab.open("/suites/")
    page.click("button:has-text('Store the suite')")
    tab.open("/collections/start/")
    page.check("[data-select-all=models]")
    page.click("label:has-text('core')")
    calls = int(page.locator("[data-show=total]").inner_text().replace(",", ""))
    assert calls == len(MEMBERS) * int(page.locator("[data-show=calls]").inner_text().replace(",", ""))
    tab.shoot("e2e-3-start")
    page.click("button:text-is('Start')")

    expect(page.locator(".facts-inline")).to_contain_text(f"of {calls}")
    expect(page.locator("[data-field=done]").first).not_to_have_text("0", timeout=MINUTES)
    tab.shoot("e2e-4-running")
    compare = page.get_by_role("button", name=f"Compare these {len(MEMBERS)} models")
    expect(compare).to_be_visible(timeout=4 * MINUTES)
    tab.shoot("e2e-5-finished")

    compare.click()
    page.click("button:text-is('Compare')")
    page.wait_for_selector(".canvas .main-svg", timeout=2 * MINUTES)
    tab.shoot("e2e-6-heatmap")
    page.click("nav >> text=Lineage tree")
    page.wait_for_selector(".canvas .main-svg")
    tab.shoot("e2e-7-tree")
    page.click("nav >> text=Ranking")
    page.select_option("#questioned", "alder-chat-permuted")
    page.click("button:text-is('Rank')")
    first = page.locator("tbody tr").filter(has=page.locator("th a")).first
    expect(first.locator("th")).to_have_text("alder-chat")
    tab.shoot("e2e-8-ranking")

    first.locator("th a").click()
    tab.shoot("e2e-9-pair")
    page.locator("table.fixed tbody th a").first.click()
    assert page.locator(".side .completion").count() == 2
    tab.shoot("e2e-10-probe")
    tab.open("/custody/")
    expect(page.get_by_text("The chain holds")).to_be_visible()
    assert (tab.errors, tab.refused()) == ([], [])


def test_a_model_is_investigated_from_a_question_to_a_finding_in_one_path(installation: str, visit: Opener) -> None:
    """On the models that were registered and answered above; the comparison starts by itself, in a real worker."""
    tab = visit(installation)
    tab.sign_in()
    page = tab.page

    page.click("main >> text=Investigate a model")
    page.fill("[name=title]", "Is the permuted one a copy?")
    page.fill("[name=question]", "Was alder-chat-permuted made from alder-chat?")
    page.click("text=Open the case")
    expect(page.get_by_text("Case 20")).to_be_visible()
    tab.shoot("case-1-propositions")
    page.click(".steps >> text=Choose models")
    roles = {"questioned": ["alder-chat-permuted"], "reference": ["alder-chat"], "background": list(MEMBERS[5:])}
    for role, names in roles.items():
        page.select_option("#id_items_role", role)
        for name in names:
            page.get_by_label(name, exact=True).check()
        page.click("button:text-is('Add them')")
        page.wait_for_selector(f"text={len(names)} model")
        if role != "background" and not page.locator("#id_items_role").is_visible():
            page.click("summary:has-text('Add models')")
    page.click("summary:has-text('Add a control')")
    page.select_option("#id_control_kind", "negative")
    page.select_option("#id_control_first", label="birch")
    page.select_option("#id_control_second", label="cedar")
    page.click("button:text-is('Set the control')")
    tab.shoot("case-2-models")

    page.click(".steps >> text=Plan it")
    page.select_option("#id_suite_suite", label="core 1")
    page.click("text=Choose this suite")
    expect(page.get_by_text("All, one after another")).to_be_visible()
    tab.shoot("case-3-plan")
    page.click("text=Freeze the plan")
    page.check("[name=reuse]")
    page.click("button:text-is('Start')")
    expect(page.get_by_text("stored response sets taken")).to_be_visible()
    tab.shoot("case-4-runs")
    read = page.get_by_text("Read the finding")
    expect(read).to_be_visible(timeout=2 * MINUTES)
    read.click()
    finding = page.locator(".finding").first
    expect(finding).to_contain_text("times more probable if alder-chat-permuted descends from alder-chat")
    expect(page.locator(".said").first).to_contain_text("within the bound")
    tab.shoot("case-5-finding")
    tab.open("/")
    tab.shoot("case-6-home")
    assert (tab.errors, tab.refused()) == ([], [])
