"""A report from draft to final by the code of a worker: reviewed by somebody else, refused where it is blocked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from forensics.errors import BadInput
from forensics.provenance import sha256
from tasks.reporting import make_report
from tests.helpers.making import stored_suite
from tests.helpers.people import opened_case, person, recorded_model
from tests.webapp.test_cases import finished
from webapp.casework.cases import services as cases
from webapp.casework.models import Case, Report
from webapp.casework.reporting import services, stored
from webapp.casework.reporting.record import Version, case_record
from webapp.custody.models import Entry
from webapp.custody.queries import verify

# WeasyPrint leaves the colour profile of PDF/A open for the collector to close.
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]


@pytest.fixture
def analyst() -> User:
    return person("analyst")


@pytest.fixture
def case(analyst: User) -> Case:
    suite = stored_suite(3)
    case = opened_case([recorded_model(f"model-{i}", suite) for i in range(4)], suite, user=analyst)
    finished(case, analyst)
    return Case.objects.get(pk=case.pk)


def made(report: Report) -> Report:
    """The version as the worker leaves it."""
    make_report(str(report.pk))
    report.refresh_from_db()
    return report


def test_a_draft_can_always_be_had_is_recomputed_numbered_and_handed_out_as_a_download(
    case: Case, analyst: User, client: Client
) -> None:
    first, second = (made(services.make_draft(case, "memo", user=analyst)) for _ in range(2))
    assert (first.number, second.number, first.state, second.state) == (1, 2, "done", "done"), first.error
    told = stored.record(second)
    assert told["record"]["version"]["supersedes"] == 1
    assert told["apart"]["recomputed"]["agrees"]
    assert [row["of"] for rule in told["record"]["contrary"]["rules"] if rule["rule"] == "version"
            for row in rule["rows"]] == ["Version 1"]  # fmt: skip
    client.force_login(analyst)
    answer = client.get(f"/cases/{case.pk}/reports/{second.pk}/report.pdf")
    body = b"".join(answer)  # type: ignore[arg-type]
    assert body.startswith(b"%PDF")
    assert sha256(body) == second.files["report.pdf"]
    assert answer["Content-Disposition"].startswith("attachment")
    assert Entry.objects.get(action="report-exported").detail["sha256"] == sha256(body)
    page = client.get(f"/cases/{case.pk}/report/").content.decode()
    assert "superseded by 2" in page
    assert "block" in page
    assert verify().intact


def test_a_recomputation_that_does_not_agree_is_told_and_blocks(case: Case, analyst: User) -> None:
    from forensics.lineage import storage
    from webapp.casework import queries

    comparison = case.comparisons.get()
    result = queries.result(comparison)
    result.scores["agreement"][0, 1] = result.scores["agreement"][1, 0] = 0.123
    storage.save(result, comparison.folder)
    queries._load.cache_clear()
    record = stored.record(made(services.make_draft(case, "memo", user=analyst)))["record"]
    assert not record["reproduction"]["recomputed"]["agrees"]
    assert any("does not agree" in told for told in services.sentences(record))


def test_nothing_is_final_without_a_reviewer_other_than_the_analyst_and_what_blocks_is_named(
    case: Case, analyst: User
) -> None:
    with pytest.raises(BadInput, match="no draft was signed off"):
        services.make_final(case, user=analyst)
    draft = made(services.make_draft(case, "memo", user=analyst))
    with pytest.raises(BadInput, match="other than the analyst"):
        services.sign_off(case, draft, user=analyst)
    reviewer = person("reviewer")
    cases.set_role(case, reviewer, "reviewer", user=analyst)
    services.sign_off(case, draft, user=reviewer)
    with pytest.raises(BadInput, match="Alternatives: Without a verdict"):
        services.make_final(case, user=analyst)
    assert Entry.objects.get(action="report-signed").detail["number"] == 1
    remark = services.remark(case, "method", "Which version of the suite?", user=reviewer)
    assert any("comments wait" in told for told in services.blocking(case, draft))
    services.settle(remark, "Version 1.", user=analyst)
    assert not any("comments wait" in told for told in services.blocking(case, draft))


def test_a_final_version_whose_case_changed_after_the_signature_fails_and_names_the_section(
    case: Case, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = made(services.make_draft(case, "memo", user=analyst))
    services.sign_off(case, draft, user=person("reviewer"))
    # What else blocks has its own tests; here the signature alone is in question.
    monkeypatch.setattr(services, "sentences", lambda _: [])
    monkeypatch.setattr(services, "blocking", lambda *_: [])
    same = made(services.make_final(case, user=analyst))
    assert (same.state, same.content_sha256) == ("done", draft.content_sha256), same.error
    cases.give_verdict(case, "same-base", "open", "Looked at.", user=analyst)
    changed = made(services.make_final(case, user=analyst))
    assert changed.state == "failed"
    assert "Alternatives" in changed.error
    assert not changed.folder.exists()


def test_a_word_that_no_report_says_is_refused_where_it_is_typed(case: Case, analyst: User, client: Client) -> None:
    client.force_login(analyst)
    answer = client.post(
        f"/cases/{case.pk}/do/verdict/", {"key": "same-base", "answer": "open", "test": "The scores prove it."}
    )
    assert answer.status_code == 422
    assert "Say instead" in answer.content.decode()
    assert not case.verdicts.exists()


def test_a_blinded_record_holds_codes_and_no_name(case: Case, analyst: User) -> None:
    cases.blind(case, user=analyst)
    record: dict[str, Any] = case_record(Case.objects.get(pk=case.pk), Version())
    assert "model-" not in json.dumps({key: record[key] for key in record if key != "appendices"})
