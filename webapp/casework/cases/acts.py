"""Everything that can be done to a case, in one table: who may, on which page it stands, its form, and its service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webapp.casework.cases import attachments, contents, forms, plans, report_forms, runs, services
from webapp.casework.models import Case
from webapp.casework.reporting import services as reporting
from webapp.exporting import services as exporting

Do = Callable[[Case, dict[str, Any], Any], str]


@dataclass(frozen=True, slots=True)
class Act:
    """`do` takes case, cleaned data and user, and returns what to tell; `next` is the page afterwards, if another."""

    right: str
    page: str
    form: type[forms.CaseForm]
    do: Do
    next: str = ""


def _facts(case: Case, data: dict[str, Any], user: Any) -> str:
    services.change_facts(case, user=user, **data)
    return "The facts of the case are changed."


def _tags(case: Case, data: dict[str, Any], user: Any) -> str:
    services.set_tags(case, data["tags"], user=user)
    return "The tags are stored."


def _note(case: Case, data: dict[str, Any], user: Any) -> str:
    services.add_note(case, data["text"], user=user)
    return "The note is stored."


def _attach(case: Case, data: dict[str, Any], user: Any) -> str:
    record = attachments.attach(case, data["file"], user=user)
    return f"{record.name} is stored under its SHA-256 {record.sha256[:12]}."


def _authorise(case: Case, data: dict[str, Any], user: Any) -> str:
    services.authorise(case, user=user, **data)
    return "The authorisation is recorded."


def _role(case: Case, data: dict[str, Any], user: Any) -> str:
    services.set_role(case, data["person"], data["role"], user=user)
    return f"{data['person']} is {data['role'] or 'without a role of their own'} in this case."


def _hypothesis(case: Case, data: dict[str, Any], user: Any) -> str:
    contents.set_hypothesis(case, user=user, **data)
    return "Hp is set."


def _alternative(case: Case, data: dict[str, Any], user: Any) -> str:
    contents.add_alternative(case, user=user, **data)
    return "The Hd is set."


def _withdraw_alternative(_: Case, data: dict[str, Any], user: Any) -> str:
    contents.withdraw_alternative(data["row"], reason=data.get("reason", ""), user=user)
    return "The Hd is withdrawn; it is kept with the case."


def _verdict(case: Case, data: dict[str, Any], user: Any) -> str:
    services.give_verdict(case, user=user, **data)
    return "The verdict is stored."


def _items(case: Case, data: dict[str, Any], user: Any) -> str:
    added = contents.add_items(case, user=user, **data)
    return f"{len(added)} model{'s' if len(added) != 1 else ''} added as {data['role']}."


def _withdraw_item(_: Case, data: dict[str, Any], user: Any) -> str:
    contents.withdraw_item(data["row"], reason=data.get("reason", ""), user=user)
    return "The item is withdrawn; it is kept with the case."


def _control(case: Case, data: dict[str, Any], user: Any) -> str:
    contents.add_control(case, user=user, **data)
    return "The control is set."


def _withdraw_control(_: Case, data: dict[str, Any], user: Any) -> str:
    contents.withdraw_control(data["row"], reason=data.get("reason", ""), user=user)
    return "The control is withdrawn; it is kept with the case."


def _explain(_: Case, data: dict[str, Any], user: Any) -> str:
    contents.explain_control(data["row"], data["explanation"], user=user)
    return "The explanation stands beside the control."


def _suite(case: Case, data: dict[str, Any], user: Any) -> str:
    contents.choose_suite(case, user=user, **data)
    return f"The suite is {data['suite']}."


def _freeze(case: Case, _: dict[str, Any], user: Any) -> str:
    plan = plans.freeze(case, user=user)
    return f"The plan is frozen under {plan.sha256[:12]}. What changes from now on is a deviation."


def _deviation(case: Case, data: dict[str, Any], user: Any) -> str:
    found = services.deviate(case, data["what"], data["told"], data["why"], user=user)
    return f"Deviation {found.number} is logged."


def _collect(case: Case, data: dict[str, Any], user: Any) -> str:
    plan = data.pop("plan")
    started = runs.collect(case, plan=plan, reuse=data["reuse"], compare=data["compare"], user=user)
    told = f"{len(started.running)} collections started, {len(started.taken)} stored response sets taken."
    return " ".join([told, *started.problems])


def _compare(case: Case, _: dict[str, Any], user: Any) -> str:
    runs.compare(case, user=user)
    return "The comparison is queued."


def _blind(case: Case, _: dict[str, Any], user: Any) -> str:
    services.blind(case, user=user)
    return "Codes stand for the models on this case's pages now."


def _unblind(case: Case, data: dict[str, Any], user: Any) -> str:
    services.unblind(case, data["why"], user=user)
    return "The names are shown again; the log says when and why."


def _close(case: Case, _: dict[str, Any], user: Any) -> str:
    services.close(case, user=user)
    return "The case is closed."


def _reopen(case: Case, _: dict[str, Any], user: Any) -> str:
    services.reopen(case, user=user)
    return "The case is open again."


def _export(case: Case, data: dict[str, Any], user: Any) -> str:
    bundle = exporting.ask(case, user=user, **data)
    return f"Version {bundle.version} is being made; what it says is fixed as of now."


def _draft(case: Case, data: dict[str, Any], user: Any) -> str:
    return f"Version {reporting.make_draft(case, data['template'], user=user).number} is being made."


def _final(case: Case, _: dict[str, Any], user: Any) -> str:
    return f"Version {reporting.make_final(case, user=user).number} is being made."


def _expert(case: Case, data: dict[str, Any], user: Any) -> str:
    reporting.state_expert(case, user=user, **data)
    return "The expert's statement is stored."


def _remark(case: Case, data: dict[str, Any], user: Any) -> str:
    reporting.remark(case, data["section"], data["text"], user=user)
    return "The comment is stored."


def _settle(_: Case, data: dict[str, Any], user: Any) -> str:
    reporting.settle(data["row"], data["reply"], user=user)
    return "The comment is answered."


def _sign(case: Case, data: dict[str, Any], user: Any) -> str:
    reporting.sign_off(case, data["version"], user=user)
    return f"Version {data['version'].number} is signed off."


ACTS = {
    "facts": Act("work", "papers", forms.FactsForm, _facts),
    "tags": Act("work", "papers", forms.TagsForm, _tags),
    "note": Act("comment", "overview", forms.NoteForm, _note),
    "attach": Act("work", "papers", forms.AttachmentForm, _attach),
    "authorise": Act("work", "papers", forms.AuthorisationForm, _authorise),
    "role": Act("own", "papers", forms.PersonForm, _role),
    "hypothesis": Act("work", "propositions", forms.HypothesisForm, _hypothesis),
    "alternative": Act("work", "propositions", forms.AlternativeForm, _alternative),
    "withdraw-alternative": Act("work", "propositions", forms.WithdrawAlternativeForm, _withdraw_alternative),
    "verdict": Act("comment", "propositions", forms.VerdictForm, _verdict),
    "items": Act("work", "items", forms.ItemsForm, _items),
    "withdraw-item": Act("work", "items", forms.WithdrawItemForm, _withdraw_item),
    "control": Act("work", "items", forms.ControlForm, _control),
    "withdraw-control": Act("work", "items", forms.WithdrawControlForm, _withdraw_control),
    "explain-control": Act("work", "items", forms.ExplainControlForm, _explain),
    "suite": Act("work", "plan", forms.SuiteForm, _suite),
    "freeze": Act("work", "plan", forms.EmptyForm, _freeze, next="runs"),
    "deviation": Act("work", "plan", forms.DeviationForm, _deviation),
    "collect": Act("work", "runs", forms.RunForm, _collect),
    "compare": Act("work", "runs", forms.EmptyForm, _compare),
    "blind": Act("own", "items", forms.EmptyForm, _blind),
    "unblind": Act("own", "items", forms.UnblindForm, _unblind),
    "export": Act("comment", "exports", forms.ExportForm, _export),
    "close": Act("own", "papers", forms.EmptyForm, _close),
    "draft": Act("work", "report", report_forms.DraftForm, _draft),
    "final": Act("work", "report", forms.EmptyForm, _final),
    "expert": Act("work", "report", report_forms.ExpertForm, _expert),
    "remark": Act("comment", "report", report_forms.RemarkForm, _remark),
    "settle": Act("work", "report", report_forms.SettleForm, _settle),
    "sign": Act("comment", "report", report_forms.SignForm, _sign),
    "reopen": Act("own", "papers", forms.EmptyForm, _reopen),
}
