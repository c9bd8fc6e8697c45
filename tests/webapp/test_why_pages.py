"""Why this number, the validation of the engine and the help, as pages: who may see them, and what they say."""

from __future__ import annotations

import csv
import io
import re
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from forensics.evaluation import calibration as calibrations
from forensics.evaluation import experience, metrics
from tasks import explaining as worker
from tests.helpers.making import stored_suite
from tests.helpers.populations import HOSTILE, finished_comparison
from webapp.casework.models import Comparison
from webapp.custody.models import Entry
from webapp.explaining import queries, services
from webapp.explaining.models import Explanation
from webapp.help import examples
from webapp.help.pages import PAGES
from webapp.help.terms import sections

pytestmark = pytest.mark.django_db
PAIR = {"a": HOSTILE, "b": "family-0-member-1"}


@pytest.fixture
def signed_in() -> Client:
    """A client of somebody who is signed in."""
    client = Client()
    client.force_login(User.objects.create_user("analyst"))
    return client


def address(comparison: Comparison, name: str = "why", *rest: str, **query: str) -> str:
    return f"{reverse(f'explaining:{name}', args=[comparison.pk, *rest])}?{urlencode(PAIR | query)}"


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer
    return answer.content.decode()


@pytest.mark.django_db(transaction=True)  # the heartbeat writes from a thread of its own
def test_a_pair_is_taken_apart_once_and_what_was_stored_is_shown_ever_after(signed_in: Client) -> None:
    comparison = finished_comparison(30, 60)
    before = page(signed_in, address(comparison, proposition="distilled"))
    assert "Take it apart" in before and "Evidence waterfall" in before and "within the bound" in before
    unknown = page(signed_in, address(comparison, proposition="weights"))
    assert "No LR reported" in unknown and "Evidence waterfall" not in unknown and "nobody knows" in unknown
    assert not Explanation.objects.exists(), "reading a page starts nothing"
    for _ in range(2):
        answer = signed_in.post(address(comparison, "ask"))
        assert answer.status_code == 302
    explanation = Explanation.objects.get()
    assert "waiting for a worker" in page(signed_in, address(comparison))
    assert signed_in.get(address(comparison, "progress")).json()["finished"] is False
    for _ in range(2):
        worker.run_explanation(str(explanation.pk))
    explanation.refresh_from_db()
    assert (explanation.state, explanation.error, explanation.attempt) == ("done", "", 1)
    told = queries.told(explanation)
    result = comparison.folder
    assert explanation.path.is_file() and explanation.path.parent.parent == result.parent
    after = page(signed_in, address(comparison, proposition=told.why[0].proposition))
    first = told.why[0].probes[0]
    assert first.prompt_id in after and "Probes that carry it" in after and "side by side" in after
    assert Entry.objects.filter(action__startswith="explanation-").count() == 2
    stamp = explanation.path.stat().st_mtime_ns
    signed_in.post(address(comparison, "ask"))
    worker.run_explanation(str(explanation.pk))
    assert explanation.path.stat().st_mtime_ns == stamp


def test_the_stored_explanation_is_the_engines_own_and_the_order_of_the_pair_is_no_matter() -> None:
    comparison = finished_comparison(8, 12)
    one = services.ask(comparison, (PAIR["a"], PAIR["b"]))
    assert services.ask(comparison, (PAIR["b"], PAIR["a"])).pk == one.pk
    worker.run_explanation(str(one.pk))
    one.refresh_from_db()
    assert one.state == "done"
    told = queries.told(one)
    assert {told.model_a, told.model_b} == set(PAIR.values())
    assert told.phrases and all(0 <= p.background <= p.models for p in told.phrases)
    assert told.why == () and told.status.startswith("No LR reported")


def test_a_comparison_whose_data_have_changed_is_not_explained_by_something_else(signed_in: Client) -> None:
    comparison = finished_comparison(8, 12)
    explanation = services.ask(comparison, (PAIR["a"], PAIR["b"]))
    comparison.collections.remove(comparison.collections.exclude(model__name__in=PAIR.values()).first())  # type: ignore[arg-type]
    worker.run_explanation(str(explanation.pk))
    explanation.refresh_from_db()
    assert explanation.state == "failed"
    shown = page(signed_in, address(comparison))
    assert "compare again" in shown and "the comparison is unchanged" in shown and "Try again" in shown
    signed_in.post(address(comparison, "ask"))
    explanation.refresh_from_db()
    assert explanation.state == "queued"


def test_addresses_of_no_pair_are_404(signed_in: Client) -> None:
    comparison = finished_comparison(4, 8)
    for query in ({"a": "x"}, {"b": "x"}, {"b": HOSTILE}):
        for name in ("why", "ask", "progress"):
            method = signed_in.post if name == "ask" else signed_in.get
            assert method(address(comparison, name, **query)).status_code == 404
    assert signed_in.get(address(comparison, "progress")).status_code == 404
    assert signed_in.get(address(comparison, "csv", "none")).status_code == 404
    assert signed_in.get(address(comparison, "csv", "phrases")).status_code == 404
    assert signed_in.get(f"/comparisons/{uuid.uuid4()}/pair/why/").status_code == 404
    assert signed_in.get(address(comparison, "ask")).status_code == 405
    Comparison.objects.update(state="running")
    assert signed_in.get(address(comparison)).status_code == 404


def rows(client: Client, url: str) -> list[list[str]]:
    answer = client.get(url)
    assert answer["Content-Type"].startswith("text/csv") and "attachment" in answer["Content-Disposition"]
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_every_figure_has_its_whole_table_as_a_csv_without_formulas(signed_in: Client) -> None:
    comparison = finished_comparison(30, 60)
    for name in ("waterfall", "tippett", "distributions", "one-words", "layers"):
        found = rows(signed_in, address(comparison, "csv", name, proposition="distilled"))
        assert found[0] and all(len(row) == len(found[0]) for row in found)
    for name in ("network", "refusals"):
        found = rows(signed_in, reverse("casework:csv", args=[comparison.pk, name]))
        assert not [cell for row in found for cell in row if re.match(r"[=+@]|-(?![\d.])", cell)]
    for name in ("tippett", "ece", "errors", "distributions", "prompts", "figures"):
        assert len(rows(signed_in, reverse("engine:csv", args=[name]))) > 2
    assert signed_in.get(reverse("engine:csv", args=["none"])).status_code == 404
    assert len(rows(signed_in, reverse("help:csv"))) > 2


def test_the_one_word_figure_counts_the_replies_of_the_two(signed_in: Client) -> None:
    comparison = finished_comparison(4, 8)
    comparison.suite.probes.filter(prompt_id="p003").update(family="one-word")
    found = rows(signed_in, address(comparison, "csv", "one-words"))
    assert {row[0] for row in found[1:]} == {"p003"}
    assert sum(float(row[2]) for row in found[1:]) == pytest.approx(1.0)


def test_the_validation_page_shows_the_shipped_record_with_intervals_and_bounds(signed_in: Client) -> None:
    for chosen in calibrations.shipped():
        told = experience.shipped(chosen.name, chosen.hash)
        shown = page(signed_in, f"{reverse('engine:validation')}?{urlencode({'calibration': chosen.name})}")
        assert chosen.hash in shown and chosen.origin.split(",")[0] in shown
        for row in told["propositions"]:
            assert f"{row['left_out_bounded']['cllr']:.4f}" in shown
            assert f"{row['left_out']['misleading_10']:.4f}" in shown
    for study in {row["study"] for row in experience.record()["figures"]}:
        shown = page(signed_in, f"{reverse('engine:validation')}?{urlencode({'study': study})}")
        assert f">{study}</th>" in shown
    nothing = page(signed_in, f"{reverse('engine:validation')}?study=teachers&corpus=zeroeval")
    assert "No figure of this study on this recording" in nothing


def test_what_an_address_asks_for_and_there_is_none_of_gives_way_to_what_there_is(signed_in: Client) -> None:
    odd = {"calibration": "none", "proposition": "x", "score": "y", "study": "z", "page": "99999"}
    assert "pooled-open-chat" in page(signed_in, f"{reverse('engine:validation')}?{urlencode(odd)}")


@pytest.mark.parametrize("slug", PAGES)
def test_every_page_of_help_has_its_term_in_words_and_a_worked_example(signed_in: Client, slug: str) -> None:
    shown = page(signed_in, reverse("help:page", args=[slug]))
    assert f"<h1>{PAGES[slug].title}</h1>" in shown and "worked example" in shown
    assert not re.search(r"\{\{|\{%|None|nan", shown.split("<main")[1].split("</main>")[0])


def test_no_page_of_help_is_404_and_all_terms_are_listed(signed_in: Client) -> None:
    assert signed_in.get(reverse("help:page", args=["posterior"])).status_code == 404
    shown = page(signed_in, reverse("help:index"))
    assert len(sections()) >= 6
    for section in sections():
        assert f'id="{section.title.lower().replace(" ", "-")}"' in shown
    assert "how many times more probable the findings are if Hp holds than if Hd holds" in shown
    assert "<code>llr_weights</code>" in shown and "<code>llr_*</code>" in shown and "<code>llr_*_raw</code>" in shown


def test_the_worked_examples_say_what_the_engine_computes() -> None:
    lr: dict[str, Any] = examples.likelihood_ratio()
    assert lr["share"]["derived"] > 0.3 > 0.05 > lr["share"]["unrelated"]
    assert lr["bounded"] <= lr["raw"] and lr["posterior"] < 0.1
    bound = examples.bound()["rows"]
    assert bound[0]["upper"] == bound[1]["upper"] < bound[2]["upper"], "families rule, not pairs"
    assert all(row["raw"] > row["bounded"] == row["upper"] for row in bound)
    cost: dict[str, Any] = examples.cllr()
    assert cost["cllr"] == pytest.approx(sum(cost["sides"]) / 2)
    by_hand = [np_log2(1 + 10**-x) for x in examples.RELATED]
    assert [row["cost"] for row in cost["rows"][:3]] == pytest.approx(by_hand, abs=1e-9)
    assert cost["nothing"] == pytest.approx(1.0) and cost["bold"] > 1.0 > cost["cllr"]
    assert cost["least"] + cost["rest"] == pytest.approx(cost["cllr"])
    told = examples.tippett()
    assert told["at"] == {"related": pytest.approx(2 / 3, abs=1e-4), "unrelated": pytest.approx(1 / 3, abs=1e-4)}


def np_log2(value: float) -> float:
    import math

    return math.log2(value)


def test_a_stranger_sees_none_of_it_and_a_colleague_all(signed_in: Client) -> None:
    comparison = finished_comparison(4, 8)
    colleague = Client()
    colleague.force_login(User.objects.create_user("colleague"))
    urls = [address(comparison), reverse("engine:validation"), reverse("help:index"), reverse("help:page", args=["lr"])]
    for url in urls:
        assert Client().get(url).status_code == 302
        assert colleague.get(url).status_code == signed_in.get(url).status_code == 200


def test_pages_of_figures_ask_the_database_for_little(signed_in: Client, django_assert_max_num_queries: Any) -> None:
    comparison = finished_comparison(8, 12)
    for url, most in ((address(comparison), 16), (reverse("engine:validation"), 4), (reverse("help:index"), 4)):
        signed_in.get(url)
        with django_assert_max_num_queries(most):
            signed_in.get(url)


def test_a_suite_without_one_word_questions_says_so(signed_in: Client) -> None:
    assert stored_suite(4).probes.count() == 4
    comparison = finished_comparison(4, 8)
    assert "answered no one-word question in common" in page(signed_in, address(comparison))
    assert metrics.THRESHOLDS == (10, 100, 1000), "the columns of the validation page"
