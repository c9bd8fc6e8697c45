"""What can be done to the report of a case: drafts, the expert's statement, comments, and signing."""

from __future__ import annotations

from typing import Any

from django import forms

from forensics.reports.sections import SECTIONS, templates
from webapp.casework.cases.forms import CaseForm, lines
from webapp.casework.models import Case, Remark, Report
from webapp.casework.reporting.services import CHECKLIST


class DraftForm(CaseForm):
    """A draft of the report."""

    template = forms.ChoiceField(label="For", choices=lambda: [(key, t.title) for key, t in templates().items()])

    def __init__(self, data: Any = None, files: Any = None, *, case: Case, **more: Any) -> None:
        before = case.reports.first()
        initial = {"template": before.template} if before else {}
        super().__init__(data, files, case=case, initial=initial, **more)


class ExpertForm(CaseForm):
    """What the expert says of themselves."""

    qualifications = forms.CharField(label="Qualifications", widget=lines(2))
    publications = forms.CharField(
        label="Publications of the last ten years", widget=lines(2), help_text="Or that there are none."
    )
    testimony = forms.CharField(
        label="Testimony of the last four years", widget=lines(2), help_text="Or that there was none."
    )
    compensation = forms.CharField(label="Compensation", widget=lines(2))
    signed = forms.BooleanField(label="I sign the statement of duty of the report's template", required=False)
    reported = ("qualifications", "publications", "testimony", "compensation")

    def __init__(self, data: Any = None, files: Any = None, *, case: Case, **more: Any) -> None:
        said = case.experts.last()
        names = ("qualifications", "publications", "testimony", "compensation")
        initial = {name: getattr(said, name) for name in names} if said else {}
        super().__init__(data, files, case=case, initial=initial, **more)


class RemarkForm(CaseForm):
    """A reviewer's comment on a section."""

    section = forms.ChoiceField(
        label="On", choices=[(key, f"{number} {title}") for number, (key, title) in enumerate(SECTIONS.items(), 1)]
    )
    text = forms.CharField(label="Comment", max_length=10_000, widget=lines(2))
    reported = ("text",)


class SettleForm(CaseForm):
    """The answer to a comment."""

    row = forms.IntegerField(widget=forms.HiddenInput)
    reply = forms.CharField(label="Answer", max_length=10_000, widget=lines(2))
    reported = ("reply",)

    def clean_row(self) -> Remark:
        """The comment."""
        found = self.case.remarks.filter(pk=self.cleaned_data["row"], settled_at=None).first()
        if found is None:
            raise forms.ValidationError("This comment is not open in this case: nothing was changed.")
        return found


class SignForm(CaseForm):
    """The technical review of a draft; every point has to be confirmed."""

    version = forms.ModelChoiceField(
        label="Draft", queryset=Report.objects.none(), empty_label=None,
        error_messages={"required": "Choose the draft that was reviewed."},
    )  # fmt: skip

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["version"].queryset = self.case.reports.filter(kind="draft", state="done")
        for name, words in CHECKLIST.items():
            refused = {"required": "A draft is signed only when every point can be confirmed."}
            self.fields[name] = forms.BooleanField(label=words, error_messages=refused)
