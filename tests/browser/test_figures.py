"""Figures in a real browser: drawn in time, saved as files, safe with hostile names, and why a number is what it is."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from forensics.lineage.comparison import compare
from forensics.lineage.storage import save
from tasks import explaining as worker
from tests.browser.conftest import Visit
from tests.helpers.populations import HOSTILE, OTHER, finished_comparison, large_comparison
from webapp.casework.models import Comparison
from webapp.explaining.models import Explanation
from webapp.probing import queries
from webapp.probing.models import Completion

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAIR = {"a": HOSTILE, "b": OTHER}


def why(comparison: Comparison, **query: str) -> str:
    return f"/comparisons/{comparison.pk}/pair/why/?{urlencode(PAIR | query)}"


DRAWING = {"svg", "g", "defs", "clipPath", "rect", "path", "text", "tspan", "image", "line", "linearGradient", "stop",
           "pattern", "circle", "style", "mask"}  # fmt: skip
TIMES = """() => {
    const page = performance.getEntriesByType("navigation")[0];
    const drawn = Number(document.documentElement.dataset.drawn);
    return {server: page.responseStart - page.requestStart, drawn: drawn - page.responseEnd};
}"""


def test_a_heatmap_of_300_models_is_drawn_within_two_seconds_from_data_of_less_than_one_and_a_half(
    analyst: Any,
) -> None:
    comparison, tab = large_comparison(300), analyst()
    tab.open("/comparisons/")  # the static files are then cached, as on any second page
    found = []
    for matrix in ("distance", "kin", "llr_lineage"):  # each is computed anew: none is in the memory of the server
        tab.open(f"/comparisons/{comparison.pk}/?matrix={matrix}")
        found.append(tab.page.evaluate(TIMES))
    assert min(one["server"] for one in found) <= 1500, found
    assert min(one["drawn"] for one in found) <= 2000, found
    assert tab.page.locator(".canvas image").count() == 1
    tab.shoot("heatmap-of-300")


def saved(tab: Visit, key: str, kind: str, folder: Path) -> bytes:
    with tab.page.expect_download(timeout=20_000) as waiting:
        tab.page.locator(f"#{key} [data-save={kind}]").click()
    assert waiting.value.suggested_filename == f"{key}.{kind}"
    path = folder / f"{key}.{kind}"
    waiting.value.save_as(path)
    return path.read_bytes()


def test_every_figure_of_a_comparison_is_saved_with_its_name_and_sentence_as_svg_and_png(
    analyst: Any, tmp_path: Path
) -> None:
    comparison, tab = finished_comparison(30, 60), analyst(scheme="dark")
    for view in ("heatmap", "tree", "network", "ranking"):
        tab.open(f"/comparisons/{comparison.pk}/?{urlencode({'view': view, 'questioned': HOSTILE})}")
        svg = saved(tab, view, "svg", tmp_path).decode()
        title = tab.page.locator(f"#{view} h2").inner_text()
        assert title in svg
        nodes = list(ElementTree.fromstring(svg).iter())  # noqa: S314 - our own page has made it
        assert {node.tag.removeprefix("{http://www.w3.org/2000/svg}") for node in nodes} <= DRAWING
        assert [name for node in nodes for name in node.attrib if name.startswith("on")] == []
        png = saved(tab, view, "png", tmp_path)
        width, height = struct.unpack(">II", png[16:24])
        assert png[:8] == b"\x89PNG\r\n\x1a\n" and width >= 1400 and height >= 500
        assert tab.page.evaluate("window.owned") is None
    assert tab.errors == []


def test_from_a_pair_to_the_probes_that_carry_its_number_and_their_completions(analyst: Any) -> None:
    comparison, tab = finished_comparison(30, 60), analyst()
    comparison.suite.probes.filter(ordinal__lt=3).update(family="one-word")
    tab.open(why(comparison, proposition="distilled"))
    assert [f.get_attribute("id") for f in tab.page.locator("figure").all()] == [
        "waterfall", "tippett", "distributions", "one-words", "layers",
    ]  # fmt: skip
    assert tab.page.locator(".canvas .main-svg").count() >= 4
    tab.page.get_by_text("Take it apart").click()
    tab.page.wait_for_selector("[data-progress]")
    tab.page.evaluate("window.same = true")
    worker.run_explanation(str(Explanation.objects.get().pk))
    # The page follows the work by itself and shows what was found.
    tab.page.wait_for_selector("#phrases .main-svg", timeout=20_000)
    for width in (390, 1280, 1920):
        tab.page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            tab.page.emulate_media(color_scheme=scheme)
            tab.page.wait_for_timeout(250)
            tab.shoot(f"why-{width}-{scheme}")
        assert tab.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    tab.page.get_by_text("Both, side by side").first.click()
    tab.page.wait_for_selector(".side.a .completion")
    assert tab.refused() == [] and tab.errors == []


def test_validation_and_help_at_every_width_in_light_and_dark(analyst: Any) -> None:
    tab = analyst()
    addresses = {
        "validation": "/validation/", "validation-zoo": "/validation/?calibration=zoo-core", "help": "/help/",
        "help-lr": "/help/lr/", "help-bound": "/help/bound/", "help-cllr": "/help/cllr/",
        "help-tippett": "/help/tippett/",
    }  # fmt: skip
    for name, path in addresses.items():
        tab.open(path)
        for width in (390, 1280, 1920):
            tab.page.set_viewport_size({"width": width, "height": 900})
            tab.page.wait_for_timeout(200)
            assert tab.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (name, width)
            for scheme in ("light", "dark") if width != 1920 else ("light",):
                tab.page.emulate_media(color_scheme=scheme)
                tab.shoot(f"{name}-{width}-{scheme}")
        assert tab.page.locator("h1").count() == 1
        assert (tab.refused(), tab.errors) == ([], []), name
    # From a term to its page and on.
    tab.open("/validation/")
    tab.page.locator(".help-link").first.click()
    tab.page.wait_for_url("**/help/lr/")


STRINGS = [
    "<script>window.owned=1</script>", "<img src=x onerror=window.owned=1>", "javascript:window.owned=1",
    "\u202e\u2066reversed", "раураl", "é" * 4000, "العربية عربي", "🜁🜂🜃🜄", "$\\href{javascript:1}{x}$",
    "<b>bold</b><br><sub>x</sub>", "' onmouseover='window.owned=1", '"><svg onload=window.owned=1>',
    "=HYPERLINK(1)", "null", "-1e999", "\ufeff\u200b", "a\u0300" * 300, "</figure></main>",
]  # fmt: skip


def test_hostile_words_in_every_figure_of_a_pair_are_shown_and_never_obeyed(analyst: Any) -> None:
    comparison = finished_comparison(9, 24)
    probes = list(comparison.suite.probes.all())
    for k, probe in enumerate(probes):
        text = f"{STRINGS[k % len(STRINGS)]} {STRINGS[(k + 1) % len(STRINGS)]} and what only these two would ever say"
        both = Completion.objects.filter(probe=probe, collection__model__name__in=PAIR.values())
        both.update(text=text)
        probe.family = "one-word" if k < 8 else probe.family
        probe.save()
    chosen = comparison.collections.select_related("model")
    prompts = queries.prompts(comparison.suite)
    save(compare([queries.response_set(c) for c in chosen], prompts, replicates=2), comparison.folder)
    explanation = Explanation.objects.create(
        comparison=comparison, model_a=min(PAIR.values()), model_b=max(PAIR.values())
    )
    worker.run_explanation(str(explanation.pk))
    explanation.refresh_from_db()
    assert (explanation.state, explanation.error) == ("done", "")
    tab = analyst()
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.on("dialog", lambda dialog: tab.errors.append(dialog.message))
    tab.open(why(comparison))
    tab.page.wait_for_selector("#phrases .main-svg")
    tab.shoot("why-hostile")
    assert tab.page.evaluate("window.owned") is None
    assert (tab.errors, tab.refused()) == ([], [])
    assert [url for url in asked if not url.startswith((tab.base, "data:", "blob:"))] == []
