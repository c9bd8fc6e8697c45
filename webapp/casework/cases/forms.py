"""Opening a case, and everything that can be done to one. Each says by field what is wrong, in a sentence."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Q

from forensics.evaluation.propositions import LEVELS, alternatives, hypotheses
from forensics.reports import wording
from webapp.accounts.access import home_team, roles_of
from webapp.accounts.models import WORKING, Role, Team
from webapp.casework.cases.recording import SUBJECTS, needs_reason
from webapp.casework.models import Case, Control, Item, Verdict
from webapp.catalogue.access import models_for
from webapp.catalogue.models import Model
from webapp.probing.access import suites_for
from webapp.probing.forms import PlanForm
from webapp.probing.models import Suite


def lines(rows: int = 3, **attributes: str) -> forms.Textarea:
    """A field of so many lines."""
    return forms.Textarea(attrs={"rows": rows, **attributes})


class OpenForm(forms.Form):
    """What is asked, and by whom. The rest follows on the case's own pages."""

    title = forms.CharField(label="Title", max_length=200, help_text="How the case is found again.")
    question = forms.CharField(
        label="Question", widget=lines(placeholder="Was model X made from model Y, or trained on what it says?"),
        help_text="As the commissioning party asks it.",
    )  # fmt: skip
    commissioned_by = forms.CharField(label="Commissioned by", max_length=200, required=False)
    relation = forms.ChoiceField(
        label="Hp claims", initial="lineage", widget=forms.RadioSelect,
        choices=lambda: [(h.relation, h.title) for h in hypotheses().values()],
        help_text="What the findings are to speak for or against. Independent training is the first Hd.",
    )  # fmt: skip
    team = forms.ChoiceField(label="Belongs to", required=False, help_text="Nobody else will know that it exists.")

    def __init__(self, data: Any = None, *, user: Any, **more: Any) -> None:
        super().__init__(data, initial={"team": home_team(user) or ""}, **more)
        mine = [team for team, role in roles_of(user).items() if role in WORKING]
        teams = [(str(team.pk), team.name) for team in Team.objects.filter(pk__in=mine)]
        self.fields["team"].choices = [("", "Everybody who signs in"), *teams]
        if not teams:
            del self.fields["team"]

    def clean_team(self) -> Team | None:
        """The team, or None."""
        chosen = self.cleaned_data["team"]
        return Team.objects.get(pk=chosen) if chosen else None


class CaseForm(forms.Form):
    """A form of one case, for one person. `what` of the plan it changes, if anything.

    reported: fields whose words stand in a report, and so go through the wording lint.
    """

    what = ""
    reported: tuple[str, ...] = ()

    def __init__(self, data: Any = None, files: Any = None, *, case: Case, user: Any, **more: Any) -> None:
        super().__init__(data, files, **more)
        self.case, self.user = case, user
        if "reason" in self.fields and not needs_reason(case, self.what):
            del self.fields["reason"]

    def clean(self) -> dict[str, Any]:
        """What no report may say is refused where it is typed, with the words to use instead."""
        data: dict[str, Any] = super().clean() or {}
        for name in self.reported:
            for problem in wording.problems(str(data.get(name) or "")):
                self.add_error(name, str(problem))
        return data


class ReasonForm(CaseForm):
    """Something that is a deviation once the plan is frozen."""

    reported = ("reason",)

    reason = forms.CharField(
        label="Reason", widget=lines(2),
        error_messages={"required": "The plan is frozen, or the names were shown: a change needs its reason."},
        help_text="This is logged as a deviation from the plan, and what was planned is kept.",
    )  # fmt: skip


class FactsForm(CaseForm):
    """The case's own facts."""

    title = forms.CharField(label="Title", max_length=200)
    question = forms.CharField(label="Question", widget=lines())
    commissioned_by = forms.CharField(label="Commissioned by", max_length=200, required=False)
    analyst = forms.CharField(label="Analyst", max_length=150, help_text="User name")

    def __init__(self, data: Any = None, files: Any = None, *, case: Case, **more: Any) -> None:
        initial = {name: getattr(case, name) for name in ("title", "question", "commissioned_by", "analyst")}
        super().__init__(data, files, case=case, initial=initial, **more)

    def clean_analyst(self) -> User:
        """The account of that name, of somebody who sees the case."""
        return _person(self.cleaned_data["analyst"], self.case)


def people_of(case: Case) -> Any:
    """Accounts of those for whom the case exists."""
    here = User.objects.filter(is_active=True)
    return here.filter(memberships__team=case.team) if case.team_id else here


def _person(name: str, case: Case) -> User:
    person: User | None = people_of(case).filter(username=name.strip()).first()
    if person is None:
        where = f"in the team {case.team}" if case.team_id else "here"
        raise forms.ValidationError(f"Nobody {where} has the user name {name.strip()}.")
    return person


class HypothesisForm(ReasonForm):
    """Another Hp."""

    what = "propositions"
    relation = forms.ChoiceField(
        label="Hp claims", choices=lambda: [(h.relation, h.title) for h in hypotheses().values()]
    )
    statement = forms.CharField(
        label="In these words", required=False, widget=lines(2),
        help_text="Empty: the usual words. {questioned} and {reference} stand for the two models.",
    )  # fmt: skip

    field_order = ("relation", "statement", "reason")


class AlternativeForm(ReasonForm):
    """One more Hd from the list, or other words for one."""

    what = "propositions"
    key = forms.ChoiceField(label="Hd", choices=lambda: [(a.key, a.title) for a in alternatives().values()])
    statement = forms.CharField(
        label="In these words", required=False, widget=lines(2), help_text="Empty: the words of the list."
    )
    population = forms.CharField(
        label="Relevant population", required=False, widget=lines(2), help_text="Empty: the one of the list."
    )
    level = forms.ChoiceField(label="Level", choices=LEVELS.items(), initial="source", help_text="The level of Hp.")

    field_order = ("key", "statement", "population", "level", "reason")


class RowForm(ReasonForm):
    """Something about one row of the case, named by its number."""

    row = forms.IntegerField(widget=forms.HiddenInput)
    rows: str = ""

    def clean_row(self) -> Any:
        """The record; what is of another case or withdrawn is none."""
        found = getattr(self.case, self.rows).filter(pk=self.cleaned_data["row"], withdrawn_at=None).first()
        if found is None:
            raise forms.ValidationError("It is not in this case any more: nothing was changed.")
        return found


class WithdrawAlternativeForm(RowForm):
    """Withdraw an Hd."""

    rows = what = "propositions"


class WithdrawItemForm(RowForm):
    """Withdraw an item."""

    rows = "items"


class WithdrawControlForm(RowForm):
    """Withdraw a control."""

    rows = "controls"


class ExplainControlForm(CaseForm):
    """Why a control did not pass."""

    row = forms.IntegerField(widget=forms.HiddenInput)
    explanation = forms.CharField(label="Why it did not pass", widget=lines(2))
    reported = ("explanation",)

    def clean_row(self) -> Control:
        """The control."""
        found = self.case.controls.filter(pk=self.cleaned_data["row"], withdrawn_at=None).first()
        if found is None:
            raise forms.ValidationError("It is not in this case any more: nothing was changed.")
        return found


def choosable(case: Case, user: Any) -> Any:
    """Models that the person sees and that this case may hold: shared ones and its own team's."""
    own = Q(team=None) | Q(team=case.team_id) if case.team_id else Q(team=None)
    return models_for(user).filter(own)


class ItemsForm(ReasonForm):
    """Models in one role."""

    role = forms.ChoiceField(
        label="As", choices=Item.Role.choices,
        help_text="Background models have no known tie to the others. Known relatives, and models of controls, are"
        " also compared, and are neither.",
    )  # fmt: skip
    models = forms.ModelMultipleChoiceField(
        label="Models", queryset=Model.objects.none(), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one model."},
    )  # fmt: skip

    field_order = ("role", "models", "reason")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        here = self.case.items.filter(withdrawn_at=None).values("model")
        self.fields["models"].queryset = choosable(self.case, self.user).exclude(pk__in=here)


class ControlForm(ReasonForm):
    """A pair of known answer."""

    kind = forms.ChoiceField(label="Kind", choices=Control.Kind.choices)
    first = forms.ModelChoiceField(label="First model", queryset=Model.objects.none())
    second = forms.ModelChoiceField(label="Second model", queryset=Model.objects.none())
    ground = forms.CharField(label="How the answer is known", max_length=300, required=False)

    field_order = ("kind", "first", "second", "ground", "reason")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for name in ("first", "second"):
            self.fields[name].queryset = choosable(self.case, self.user)

    def clean(self) -> dict[str, Any]:
        """Two different models."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("first") and data.get("first") == data.get("second"):
            self.add_error(
                "second", "A control is two models. For an A/A control, register the same model under a second name."
            )
        return data


class SuiteForm(ReasonForm):
    """Which suite the models are sent."""

    suite = forms.ModelChoiceField(label="Suite", queryset=Suite.objects.none(), empty_label=None)

    field_order = ("suite", "reason")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["suite"].queryset = suites_for(self.user)
        self.initial.setdefault("suite", self.case.suite_id)


class EmptyForm(CaseForm):
    """Something that needs no word."""


class ExportForm(CaseForm):
    """Whether the probes go out with the bundle."""

    sealed = forms.BooleanField(
        label="Keep the probes sealed", required=False,
        help_text="The bundle then holds hashes in place of probes and requests. It verifies as before; to recompute, "
        "the other side needs the suite's file from you.",
    )  # fmt: skip


class RunForm(CaseForm, PlanForm):
    """A budget for each model, and what happens when they are done."""

    reuse = forms.BooleanField(
        label="Take response sets that are stored already", required=False,
        help_text="Saves calls. What was acquired before the plan was frozen shows as a gap in the report.",
    )  # fmt: skip
    compare = forms.BooleanField(
        label="Compare as soon as every collection is done", required=False, initial=True,
    )  # fmt: skip


class DeviationForm(CaseForm):
    """A deviation that no change of the case makes by itself."""

    what = forms.ChoiceField(label="About", choices=[(name, name.capitalize()) for name in SUBJECTS], initial="data")
    told = forms.CharField(label="What was not as planned", max_length=400)
    why = forms.CharField(label="Reason", widget=lines(2))
    reported = ("told", "why")


class AuthorisationForm(CaseForm):
    """Who gave the authority for the enquiry."""

    granted_by = forms.CharField(label="Who authorised the enquiry", max_length=200)
    basis = forms.CharField(label="On what ground", widget=lines(2), help_text="Contract, ownership or order.")
    facts = forms.CharField(
        label="Facts that were supplied, and by whom", required=False, widget=lines(2),
    )  # fmt: skip
    terms_reviewed = forms.BooleanField(label="The terms of service of the targets were reviewed", required=False)
    expires_at = forms.DateTimeField(
        label="Until", required=False, help_text="Empty: until somebody ends it.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )  # fmt: skip


class NoteForm(CaseForm):
    """A remark."""

    text = forms.CharField(label="Note", max_length=10_000, widget=lines())


class TagsForm(CaseForm):
    """Words by which the case is found again."""

    tags = forms.CharField(label="Tags", max_length=500, required=False, help_text="With commas between.")

    def __init__(self, data: Any = None, files: Any = None, *, case: Case, **more: Any) -> None:
        words = ", ".join(case.tags.values_list("word", flat=True)) if data is None else ""
        super().__init__(data, files, case=case, initial={"tags": words}, **more)

    def clean_tags(self) -> list[str]:
        """The words."""
        words = [word.strip() for word in self.cleaned_data["tags"].split(",") if word.strip()]
        if long := next((word for word in words if len(word) > 50), ""):
            raise forms.ValidationError(f"A tag has at most 50 characters: {long[:50]}… is longer.")
        return words


class AttachmentForm(CaseForm):
    """A file."""

    file = forms.FileField(
        label="File", allow_empty_file=True,
        help_text="Up to 20 MiB; kept under its SHA-256, and only ever handed out as a download.",
    )  # fmt: skip


class PersonForm(CaseForm):
    """Somebody's role in this case."""

    person = forms.CharField(label="User name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(
        label="Role here", choices=[*Role.choices, ("", "None of their own")], required=False, initial=Role.REVIEWER
    )

    def clean_person(self) -> User:
        """The account of that name, of somebody who sees the case."""
        return _person(self.cleaned_data["person"], self.case)


class VerdictForm(CaseForm):
    """What became of one alternative."""

    key = forms.ChoiceField(label="Alternative", choices=lambda: [(a.key, a.title) for a in alternatives().values()])
    answer = forms.ChoiceField(label="Verdict", choices=Verdict.Answer.choices, initial=Verdict.Answer.OPEN)
    test = forms.CharField(label="What was done, and what it showed", widget=lines(2))
    reported = ("test",)


class UnblindForm(CaseForm):
    """Show the names."""

    why = forms.CharField(label="Why the names are needed now", widget=lines(2))
