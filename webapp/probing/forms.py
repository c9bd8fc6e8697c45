"""Starting collections: which models, which suite."""

from __future__ import annotations

from typing import Any

from django import forms

from webapp.catalogue.listing import chosen
from webapp.catalogue.models import Model
from webapp.probing.access import suites_for
from webapp.probing.models import Suite


class StartForm(forms.Form):
    """Models x suite. What is chosen stands in the address until it is started."""

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
