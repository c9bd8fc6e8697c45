"""Starting collections: which models, which suite."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from webapp.catalogue.listing import chosen
from webapp.catalogue.models import Model
from webapp.probing.access import suites_for
from webapp.probing.models import Suite
from webapp.probing.services import Plan

MOST_BYTES = 16 * 1024 * 1024


class SuiteFileForm(forms.Form):
    """A suite of the analyst's own, as JSON."""

    file = forms.FileField(label="File", help_text="JSON, as “python -m forensics suite draw” writes it.")

    def clean_file(self) -> Any:
        """The file, if it is of a size that a suite has."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(f"It is larger than {MOST_BYTES // 2**20} MiB; nothing was stored.")
        return file


def _limit(label: str, help_text: str = "", **options: Any) -> forms.Field:
    return forms.IntegerField(label=label, min_value=1, required=False, help_text=help_text, **options)


def _money(label: str, help_text: str = "") -> forms.Field:
    return forms.DecimalField(
        label=label, min_value=0, max_digits=10, decimal_places=4, required=False, help_text=help_text
    )


class PlanForm(forms.Form):
    """What a collection may use. Nothing filled in is no limit."""

    budget_calls = _limit("Calls", "Repeated sends count too.")
    budget_tokens = _limit("Tokens", "Of prompts and replies together.")
    budget_money = _money("Money", "In the currency of the prices.")
    price_in = _money("Price of prompts", "For a million tokens.")
    price_out = _money("Price of replies", "For a million tokens.")

    def clean(self) -> dict[str, Any]:
        """A budget of money needs prices."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("budget_money") is not None and not (data.get("price_in") or data.get("price_out")):
            self.add_error("price_in", "A budget of money needs the prices of a million tokens.")
        return data

    @property
    def plan(self) -> Plan:
        """The plan that was filled in, on one model."""
        data = self.cleaned_data
        limits = {name: data[name] for name in ("budget_calls", "budget_tokens", "budget_money")}
        return Plan(**limits, price_in=data["price_in"] or Decimal(0), price_out=data["price_out"] or Decimal(0))


class StartForm(PlanForm):
    """Models x suite, under a budget for each model. What is chosen stands in the address until it is started."""

    models = forms.MultipleChoiceField(error_messages={"required": "Choose at least one model."})
    suite = forms.ChoiceField(error_messages={"required": "Choose a suite."})

    def __init__(self, data: Any, *, user: Any, models: list[Model], suites: list[Suite]) -> None:
        super().__init__(data)
        self.user = user
        self.fields["models"].choices = [(str(m.pk), m.name) for m in models]
        self.fields["suite"].choices = [(str(s.pk), str(s)) for s in suites]

    def clean(self) -> dict[str, Any]:
        """The records instead of their ids."""
        data: dict[str, Any] = super().clean() or {}
        if not self.errors:
            data["models"] = chosen(self.user, data["models"])
            data["suite"] = suites_for(self.user).get(pk=data["suite"])
        return data
