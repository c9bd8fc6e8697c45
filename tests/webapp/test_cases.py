"""Cases: what is planned is frozen, what changes afterwards is a deviation, and nothing is lost or chosen by hand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from forensics.errors import BadInput
from forensics.evaluation.propositions import alternatives, filled
from tests.helpers.making import scripted_model, stored_suite
from tests.helpers.people import opened_case, person, recorded_model
from webapp.accounts import teams
from webapp.casework.cases import contents, contrary, findings, plans, readiness, runs, services
from webapp.casework.cases.acts import ACTS
from webapp.casework.cases.blinding import Mask
from webapp.casework.cases.pages import SECTIONS
from webapp.casework.models import Case, Comparison, Deviation
from webapp.casework.reporting.record import Version, case_record
from webapp.custody.models import Entry
from webapp.custody.queries import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst() -> User:
    return person("analyst")


@pytest.fixture
def case(analyst: User) -> Case:
    """Four recorded models, one questioned and one a reference; nothing is frozen."""
    suite = stored_suite(3)
    return opened_case([recorded_model(f"model-{i}", suite) for i in range(4)], suite, user=analyst)


@pytest.fixture
def page(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def url(case: Case, section: str = "") -> str:
    return f"/cases/{case.pk}/{section}/" if section else f"/cases/{case.pk}/"


def do(page: Client, case: Case, act: str, **data: Any) -> Any:
    return page.post(f"/cases/{case.pk}/do/{act}/", data)


def test_cases_are_numbered_by_year_and_opened_with_hp_and_independent_training(case: Case, analyst: User) -> None:
    second = services.open_case(title="b", question="?", user=analyst)
    year, number = case.number.split("-")
    assert (second.number, int(number)) == (f"{year}-{int(number) + 1:04}", 1)
    assert {(p.side, p.key) for p in case.propositions.all()} == {("Hp", "lineage"), ("Hd", "independent-training")}


def test_a_plan_that_lacks_something_is_not_frozen_and_says_what(analyst: User) -> None:
    case = services.open_case(title="a", question="?", user=analyst)
    with pytest.raises(BadInput, match="lacks a questioned model, a reference model, a suite"):
        plans.freeze(case)
    assert not case.is_frozen


def test_the_frozen_plan_is_hashed_in_canonical_form_and_a_tampered_one_shows(case: Case) -> None:
    plan = plans.freeze(case)
    plan.refresh_from_db()
    assert plan.sha256 == hashlib.sha256(rfc8785.dumps(plan.content)).hexdigest()
    assert {item["name"] for item in plan.content["items"]} == {f"model-{i}" for i in range(4)}
    assert plans.holds(plan)
    plan.content["seed"] += 1
    assert not plans.holds(plan)
    with pytest.raises(BadInput, match="frozen already"):
        plans.freeze(case)


def test_after_the_freeze_every_kind_of_change_needs_a_reason_and_becomes_a_numbered_deviation(case: Case) -> None:
    other, suite = recorded_model("late", stored_suite(3)), stored_suite(4, name="other")
    plans.freeze(case)
    frozen, item = dict(case.plan.content), case.items.get(model__name="model-3")
    changes: list[Any] = [
        lambda **why: contents.set_hypothesis(case, "distilled", **why),
        lambda **why: contents.add_alternative(case, "same-base", **why),
        lambda **why: contents.add_items(case, [other], "background", **why),
        lambda **why: contents.choose_suite(case, suite, **why),
        lambda **why: contents.add_control(case, "negative", other, item.model, **why),
        lambda **why: contents.withdraw_control(case.controls.get(), **why),
        lambda **why: contents.withdraw_item(item, **why),
    ]
    for change in changes:
        before = Entry.objects.count(), case.deviations.count()
        with pytest.raises(BadInput, match="give the reason"):
            change()
        case.refresh_from_db()
        assert (Entry.objects.count(), case.deviations.count()) == before
        change(reason="it was asked for")
    assert [d.number for d in case.deviations.all()] == list(range(1, len(changes) + 1))
    assert [d.what for d in case.deviations.all()] == [
        "propositions", "propositions", "items", "suite", "controls", "controls", "items",
    ]  # fmt: skip
    case.plan.refresh_from_db()
    assert case.plan.content == frozen
    assert case.items.filter(withdrawn_at__isnull=False).count() == 1
    assert case.propositions.get(key="lineage").withdrawn_at is not None
    assert verify().intact


def test_a_change_and_its_custody_entry_stand_or_fall_together(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("webapp.casework.cases.recording.custody.append", broken)
    with pytest.raises(OSError, match="full"):
        services.add_note(case, "something")
    with pytest.raises(OSError, match="full"):
        plans.freeze(case)
    case = Case.objects.get(pk=case.pk)
    assert (case.notes.count(), case.is_frozen, case.state) == (0, False, "preparing")


def test_nothing_is_acquired_before_the_plan_is_frozen_and_recorded_sets_are_taken_then(case: Case) -> None:
    with pytest.raises(BadInput, match="freeze the plan first"):
        runs.collect(case)
    plans.freeze(case)
    started = runs.collect(case)
    assert (len(started.running), len(started.taken), started.problems) == (0, 4, ())
    assert [c.model.name for c in case.collections.order_by("model__name")] == [f"model-{i}" for i in range(4)]


def test_the_comparison_starts_by_itself_once_and_only_when_every_collection_is_done(
    case: Case, tmp_path: Path
) -> None:
    live = scripted_model(tmp_path)
    contents.add_items(case, [live], "background")
    plans.freeze(case)
    runs.collect(case)
    assert runs.start_due() == []
    running = case.collections.get(model=live)
    running.completions.all()
    type(running).objects.filter(pk=running.pk).update(state="done", content_hash="0" * 64)
    (comparison,) = runs.start_due()
    assert (comparison.case, comparison.seed, comparison.collections.count()) == (case, case.seed, 5)
    assert runs.start_due() == []
    assert Entry.objects.get(action="comparison-started").detail["case"] == case.number


def test_a_comparison_that_cannot_start_by_itself_says_why_where_the_analyst_looks(case: Case, page: Client) -> None:
    plans.freeze(case)
    runs.collect(case)
    mixed = case.collections.first()
    assert mixed is not None
    type(mixed).objects.filter(pk=mixed.pk).update(identities=[["a", ""], ["b", ""]])
    assert runs.start_due() == []
    case.refresh_from_db()
    assert not case.compare_when_done
    assert "more than one model answered" in page.get(url(case, "runs")).content.decode()
    assert "more than one model answered" in page.get("/").content.decode()


def finished(case: Case, analyst: User) -> Comparison:
    """The case compared by the real engine, here and now."""
    from forensics.lineage.comparison import compare
    from forensics.lineage.storage import save
    from webapp.probing import queries

    if not case.is_frozen:
        plans.freeze(case, user=analyst)
    runs.collect(case, user=analyst)
    comparison = runs.compare(case, user=analyst)
    chosen = comparison.collections.select_related("model")
    sets = [queries.response_set(c) for c in chosen]
    save(compare(sets, queries.prompts(comparison.suite), replicates=5), comparison.folder)
    Comparison.objects.filter(pk=comparison.pk).update(state="done", attempt=1, finished_at=comparison.created_at)
    comparison.refresh_from_db()
    return comparison


def test_without_a_calibration_that_covers_the_data_every_hd_says_no_lr_reported_and_why(
    case: Case, analyst: User, page: Client
) -> None:
    contents.add_alternative(case, "third-teacher")
    finished(case, analyst)
    found = findings.findings(case, Mask(case))
    assert {(row.value, row.hd.key) for row in found.rows} == {(None, "independent-training"), (None, "third-teacher")}
    told = page.get(url(case, "compare")).content.decode()
    assert "No LR reported" in told and "It is not an LR of 1" in told and "This case has no controls" in told
    assert all(row.why in row.sentence for row in found.rows)


def test_contrary_evidence_is_listed_by_rule_and_counts_what_the_database_holds(case: Case, analyst: User) -> None:
    finished(case, analyst)
    first = case.collections.first()
    assert first is not None
    type(first).objects.filter(pk=first.pk).update(state="cancelled", error="stopped by hand")
    services.deviate(case, "data", "the endpoint was away", "an outage", user=analyst)
    models = [item.model for item in case.items.all()]
    contents.add_control(case, "same", models[2], models[3], reason="forgotten", user=analyst)
    mask = Mask(case)
    found = findings.findings(case, mask)
    rows = contrary.contrary(case, found, mask)
    rules = [row.rule for row in rows]
    assert (rules.count("run"), rules.count("deviation")) == (1, 2)
    assert rules.count("finding") == 1
    assert {"positive control", "negative control"} <= {row.of for row in rows}
    record = case_record(case, Version())
    sections = readiness.readiness(record)
    assert len(sections) == 20
    states = {s.title: s.state for s in sections}
    assert (states["Contrary evidence"], states["Controls"], states["Alternatives"]) == ("ready", "blocked", "blocked")
    listed = {rule["rule"]: rule["rows"] for rule in record["contrary"]["rules"]}
    assert (len(listed["deviation"]), len(listed["run"])) == (Deviation.objects.filter(case=case).count(), 1)
    assert sum(map(len, listed.values())) == len(rows)
    listed["deviation"].pop()
    assert {s.title: s.state for s in readiness.readiness(record)}["Contrary evidence"] == "blocked"


def test_the_readiness_checklist_turns_ready_section_by_section(case: Case, analyst: User) -> None:
    def blocked() -> set[str]:
        return {s.title for s in readiness.blocked(readiness.readiness_of(case, "memo"))}

    assert {"Administrative", "Instructions and authority", "Method", "Controls", "Alternatives"} <= blocked()
    services.change_facts(case, commissioned_by="The court")
    services.set_role(case, person("second"), "reviewer")
    services.authorise(case, granted_by="The court", basis="Order 7")
    for key in alternatives():
        services.give_verdict(case, key, "open", "looked at")
    models = [item.model for item in case.items.order_by("pk")]
    for kind, pair in {"positive": models[:2], "negative": models[2:], "same": models[1:3]}.items():
        contents.add_control(case, kind, *pair)
    finished(case, analyst)
    # The stored sets were recorded before the plan was frozen, which no later word mends.
    assert blocked() == {"Method", "Controls", "Review"}
    for control in case.controls.all():
        contents.explain_control(control, "three prompts decide nothing")
    assert blocked() == {"Method", "Review"}


def test_a_blinded_case_names_no_model_on_any_page_until_it_is_unblinded_which_is_logged(
    case: Case, analyst: User, page: Client
) -> None:
    services.change_facts(case, title="Is model-0 a copy?", question="Was model-0 made from model-1?")
    services.add_note(case, "model-2 looks odd")
    finished(case, analyst)
    services.blind(case, user=analyst)
    reader = Client()
    colleague = person("colleague")
    services.set_role(case, colleague, "analyst", user=analyst)
    reader.force_login(colleague)
    for section in SECTIONS:
        told = reader.get(url(case, section)).content.decode()
        assert "model-" not in told, section
    assert "model-" not in str(reader.get(f"/cases/{case.pk}/progress.json").json())
    assert do(reader, case, "unblind", why="I want to").status_code == 403
    assert do(page, case, "unblind").status_code == 422
    assert do(page, case, "unblind", why="the report names them").status_code == 302
    assert Entry.objects.get(action="case-unblinded").detail["reason"] == "the report names them"
    assert "model-0" in reader.get(url(case, "compare")).content.decode()
    with pytest.raises(BadInput, match="unblinded before"):
        services.blind(Case.objects.get(pk=case.pk))


def test_a_proposition_set_after_unblinding_is_a_deviation_whether_or_not_the_plan_is_frozen(
    case: Case, page: Client
) -> None:
    services.blind(case)
    services.unblind(case, "needed")
    refused = do(page, case, "alternative", key="same-base", level="source")
    assert (refused.status_code, "reason" in refused.context["failed"].errors) == (422, True)
    do(page, case, "alternative", key="same-base", level="source", reason="the names suggest it")
    contents.choose_suite(case, stored_suite(4, name="other"))
    assert [(d.what, d.unblinded) for d in Deviation.objects.all()] == [("propositions", True)]


@pytest.mark.parametrize("act", [name for name, act in ACTS.items() if act.form.__name__ != "EmptyForm"])
def test_every_form_refuses_what_is_empty_or_wrong_by_field_with_a_sentence_and_changes_nothing(
    case: Case, page: Client, act: str
) -> None:
    plans.freeze(case)
    if act == "unblind":
        services.blind(case)
    names = "title role relation key kind level answer what person granted_by tags ground suite models first row"
    junk = dict.fromkeys(f"{names} budget_calls expires_at text team".split(), "9" * 600 + "kept")
    junk["text"] = ""
    before = Entry.objects.count()
    answer = do(page, case, act, **junk)
    told = answer.content.decode()
    assert answer.status_code == 422, told
    assert Entry.objects.count() == before
    form = answer.context["failed"]
    assert form.errors
    assert all(str(error).rstrip().endswith((".", ":")) for errors in form.errors.values() for error in errors)
    kept = [
        name for name in form.fields if name in junk and junk[name] and form.fields[name].widget.input_type == "text"
    ]
    assert all("9kept" in str(form[name]) for name in kept)


def test_an_attachment_is_kept_under_its_hash_and_only_ever_handed_out_as_a_download(case: Case, page: Client) -> None:
    body = b"<script>alert(1)</script>"
    file = SimpleUploadedFile("../../letter.html", body, content_type="text/html")
    assert do(page, case, "attach", file=file).status_code == 302
    record = case.attachments.get()
    assert (record.name, record.sha256) == ("letter.html", hashlib.sha256(body).hexdigest())
    answer = page.get(f"/cases/{case.pk}/attachments/{record.pk}/")
    assert b"".join(answer) == body  # type: ignore[arg-type]
    assert answer["Content-Disposition"].startswith("attachment")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert do(page, case, "attach", file=SimpleUploadedFile("empty.txt", b"")).status_code == 422


def test_an_attachment_that_is_too_large_leaves_nothing_behind(
    case: Case, page: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr("webapp.casework.cases.attachments.MOST_BYTES", 10)
    answer = do(page, case, "attach", file=SimpleUploadedFile("big.bin", b"x" * 11))
    assert "is larger than" in answer.content.decode()
    assert not list((Path(settings.MEDIA_ROOT) / "attachments").glob("*.part"))
    assert not case.attachments.exists()


def test_a_case_is_followed_from_nothing_to_its_frozen_plan_through_the_pages(page: Client, tmp_path: Path) -> None:
    suite = stored_suite(3)
    models = [recorded_model(f"m-{i}", suite) for i in range(3)] + [scripted_model(tmp_path)]
    opened = page.post(
        f"/cases/start/?questioned={models[0].pk}", {"title": "A", "question": "Is it?", "relation": "distilled"}
    )
    case = Case.objects.get()
    assert opened["Location"] == url(case, "propositions")
    assert case.items.get().model == models[0]
    assert "Choose the questioned model" in page.get(url(case)).content.decode()
    do(page, case, "items", role="reference", models=[models[1].pk])
    do(page, case, "items", role="background", models=[m.pk for m in models[2:]])
    do(page, case, "suite", suite=suite.pk)
    plan = page.get(url(case, "plan")).content.decode()
    assert "What it will take" in plan and "Without positive, negative, A/A control" in plan
    frozen = do(page, case, "freeze")
    assert frozen["Location"] == url(case, "runs")
    do(page, case, "collect", compare="on")
    case.refresh_from_db()
    assert (case.collections.count(), case.compare_when_done, case.state) == (4, True, "active")
    assert "Running" in page.get(url(case, "runs")).content.decode()


def test_a_closed_case_is_read_and_not_changed(case: Case, page: Client) -> None:
    do(page, case, "close")
    answer = do(page, case, "tags", tags="late")
    assert answer.status_code == 302  # tags find a case again, closed or not
    refused = do(page, case, "hypothesis", relation="distilled")
    assert (refused.status_code, "the case is closed" in refused.content.decode()) == (422, True)
    do(page, case, "reopen")
    assert do(page, case, "hypothesis", relation="distilled").status_code == 302


def test_the_list_filters_sorts_and_tells_an_empty_one_from_a_filtered_one(case: Case, page: Client) -> None:
    services.set_tags(case, ["Urgent", "urgent", " court "])
    assert "Who taught it?" in page.get("/cases/?q=taught&tag=urgent&state=preparing&mine=yes").content.decode()
    assert "Nothing fits" in page.get("/cases/?q=nothing").content.decode()
    Case.objects.all().delete()
    assert "No case yet" in page.get("/cases/").content.decode()


def test_lists_cost_the_same_number_of_queries_however_long_they_are(
    analyst: User, page: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(40):
        services.open_case(title=f"case {number}", question="?", user=analyst)
    with django_assert_max_num_queries(9):
        page.get("/cases/?q=case&sort=title")
    with django_assert_max_num_queries(90):
        page.get("/")


def test_a_teams_case_takes_no_model_of_another_team_and_a_shared_one_takes_none_of_any(analyst: User) -> None:
    one, two = teams.create_team("one"), teams.create_team("two")
    suite = stored_suite(2)
    foreign, own = recorded_model("foreign", suite, team=two), recorded_model("own", suite, team=one)
    case = services.open_case(title="t", question="?", user=analyst, team=one.pk)
    with pytest.raises(BadInput, match="another team"):
        contents.add_items(case, [foreign], "reference")
    assert contents.add_items(case, [own], "reference")
    shared = services.open_case(title="s", question="?", user=analyst)
    with pytest.raises(BadInput, match="shared with everybody"):
        contents.add_items(shared, [own], "reference")


def test_names_with_braces_are_put_into_statements_as_they_are() -> None:
    told = filled("{questioned} learnt from {reference}", "{reference}", "a {questioned} b")
    assert told == "{reference} learnt from a {questioned} b"


def test_the_shipped_list_has_every_alternative_of_the_standard() -> None:
    assert len(alternatives()) == 11
    assert [a.key for a in alternatives().values() if a.measured] == ["independent-training"]
    assert all(a.statement and a.population and a.test for a in alternatives().values())
