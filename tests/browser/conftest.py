"""A real Chromium. Where there is none, the tests are skipped on a user's machine and fail in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

# Playwright's sync API runs an event loop in this thread, which Django takes for an async caller.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts" / "pages"
OPTIONS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
USER, PASSWORD = "analyst", "correct horse battery"
# plotly.js tries these inline styles; none is needed, and the policy rightly refuses them (see evidence.css).
HARMLESS = ("STYLE", "rect", "image")
LISTEN = """addEventListener("securitypolicyviolation", (event) => (window.refused ??= []).push(
    [event.violatedDirective, event.sourceFile ?? "", event.target?.nodeName ?? ""]));
window.shifted = 0;
new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("no Chromium on PATH: .ci/run installs it with the system's package manager")
        pytest.skip("no Chromium on PATH; install the package chromium to run the browser tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One tab, and what went wrong in it."""

    page: Page
    base: str
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Write down script errors, dialogs, and requests to anywhere but the site."""
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: None if self._own(request.url) else self.outside.append(request.url))

    def _own(self, url: str) -> bool:
        return url.startswith((f"{self.base}/", "data:", "blob:"))

    def open(self, path: str) -> int:
        """Open an address; returns its status. A figure is waited for."""
        answer = self.page.goto(self.base + path)
        if self.page.locator("[data-figure]").count():
            self.page.wait_for_selector(".canvas .main-svg", timeout=20_000)
        assert answer is not None
        return answer.status

    def sign_in(self) -> None:
        """Through the form, as a person does."""
        self.open("/sign-in/")
        self.page.fill("[name=username]", USER)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_selector("nav[aria-label=Main]")

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole page, to be looked at."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.jpg", type="jpeg", quality=80, full_page=True)

    def refused(self) -> list[Any]:
        """What the content security policy refused, but for what plotly.js is known to try in vain."""
        found = self.page.evaluate("window.refused ?? []")
        return [r for r in found if not (r[1].endswith("plotly.min.js") and r[2] in HARMLESS)]


Opener = Callable[..., Visit]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Opener]:
    """Opens tabs: `visit(base, width=1280, scheme="light", scripts=True)`."""
    contexts: list[BrowserContext] = []

    def open_tab(base: str, *, width: int = 1280, scheme: Any = "light", scripts: bool = True) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, java_script_enabled=scripts
        )
        context.add_init_script(LISTEN)
        contexts.append(context)
        tab = Visit(context.new_page(), base)
        tab.watch()
        return tab

    yield open_tab
    for context in contexts:
        context.close()


@pytest.fixture
def analyst(live_server: Any, visit: Opener) -> Opener:
    """Opens a signed-in tab on a live server."""
    from django.contrib.auth.models import User

    User.objects.create_user(USER, password=PASSWORD)

    def signed_in(**options: Any) -> Visit:
        tab = visit(live_server.url, **options)
        tab.sign_in()
        return tab

    return signed_in
