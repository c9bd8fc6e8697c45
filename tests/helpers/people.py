"""People of two teams, and a case of one of them with everything that has an address."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from forensics.records import Completion, ResponseSet
from tests.helpers.making import stored_suite
from webapp.accounts import teams
from webapp.accounts.models import Membership, Role, Team
from webapp.casework.cases import attachments, contents, plans, runs, services
from webapp.casework.models import Attachment, Case, Comparison, Report
from webapp.catalogue.models import Model
from webapp.exporting.models import Bundle
from webapp.probing import importing
from webapp.probing.models import Attempt, Collection, ProbeCall, Suite
from webapp.probing.models import Completion as StoredCompletion

ROLES = ("owner", "analyst", "reviewer", "reader")


def person(name: str, team: Team | None = None, role: str = Role.ANALYST) -> User:
    """An account, in a team where one is given."""
    user = User.objects.create_user(name, password="correct horse battery")
    if team:
        teams.set_member(team, user, role)
    return user


def recorded_model(name: str, suite: Suite, *, team: Team | None = None, words: str = "") -> Model:
    """A recorded model that has answered the suite."""
    replies = [Completion(p.prompt_id, f"{words or name} answers {p.ordinal}") for p in suite.probes.all()]
    model = Model(name=name, adapter="recorded", location="made up", team=team)
    importing.store(ResponseSet.of(name, replies), model, suite)
    return model


def opened_case(models: list[Model], suite: Suite, *, user: Any = None, team: Team | None = None) -> Case:
    """A case of these models: the first is questioned, the second a reference, the others background."""
    case = services.open_case(
        title="Who taught it?", question="Was the one trained on the other?", user=user, team=team.pk if team else None
    )
    for role, chosen in (("questioned", models[:1]), ("reference", models[1:2]), ("background", models[2:])):
        contents.add_items(case, chosen, role, user=user)
    contents.choose_suite(case, suite, user=user)
    return case


class Workplace:
    """A team with one person of each role, an outsider of another team, and one of everything that has an address."""

    def __init__(self) -> None:
        self.team, self.other = (teams.create_team(name) for name in ("chamber seven", "outside"))
        self.people = {role: person(role, self.team, role) for role in ROLES}
        self.people["outsider"] = person("outsider", self.other, Role.OWNER)
        self.suite = stored_suite(2)
        self.models = [recorded_model(f"own-{i}", self.suite, team=self.team) for i in range(3)]
        self.case = opened_case(self.models, self.suite, user=self.people["owner"], team=self.team)
        plans.freeze(self.case, user=self.people["owner"])
        runs.collect(self.case, compare=False, user=self.people["owner"])
        file = SimpleUploadedFile("letter.html", b"<script>alert(1)</script>")
        self.attachment: Attachment = attachments.attach(self.case, file, user=self.people["owner"])
        self.comparison: Comparison = runs.compare(self.case, user=self.people["analyst"])
        self.collection: Collection = self.case.collections.order_by("model__name")[0]
        self.completion: StoredCompletion = self.collection.completions.all()[0]
        self.attempt = self._attempt()
        self.report = self._report()
        self.bundle = self._bundle()

    def _bundle(self) -> Bundle:
        bundle = Bundle.objects.create(
            case=self.case, comparison=self.comparison, version=1, record={}, head_sequence=0, state="done"
        )
        bundle.path.parent.mkdir(parents=True, exist_ok=True)
        bundle.path.write_bytes(b"PK")
        return bundle

    def _attempt(self) -> Attempt:
        call = ProbeCall.objects.create(
            collection=self.collection, probe=self.completion.probe, sample=0, state=ProbeCall.State.DONE
        )
        return Attempt.objects.create(
            call=call, number=1, received_at=self.collection.created_at, digest="0" * 64, outcome="completed"
        )

    def _report(self) -> Report:
        report = Report.objects.create(
            case=self.case, number=1, template="memo", state="done", files={"record.json": "0" * 64}
        )
        report.folder.mkdir(parents=True)
        (report.folder / "record.json").write_text("{}")
        return report

    def parts(self) -> dict[str, Any]:
        """What stands in an address for each of its parts."""
        return {
            "model_id": self.models[0].pk, "suite_id": self.suite.pk, "collection_id": self.collection.pk,
            "comparison_id": self.comparison.pk, "case_id": self.case.pk, "completion_id": self.completion.pk,
            "attempt_id": self.attempt.pk, "bundle_id": self.bundle.pk, "report_id": self.report.pk,
            "attachment_id": self.attachment.pk, "team_id": self.team.pk,
            "member_id": Membership.objects.get(user=self.people["reader"]).pk, "name": "heatmap", "number": 0,
        }  # fmt: skip
