"""Starting a comparison: which suite, which models."""

from __future__ import annotations

from typing import Any

from django import forms

from webapp.catalogue.models import Model


class CompareForm(forms.Form):
    """At least two of the models that have answered the suite."""

    title = forms.CharField(label="Title", max_length=200, required=False, help_text="Empty: named by its contents.")
    models = forms.MultipleChoiceField(error_messages={"required": "Choose at least two models."})

    def __init__(self, data: Any, *, models: list[Model]) -> None:
        super().__init__(data)
        self.by_id = {str(m.pk): m for m in models}
        self.fields["models"].choices = [(pk, m.name) for pk, m in self.by_id.items()]

    def clean_models(self) -> list[Model]:
        """The records instead of their ids."""
        chosen = [self.by_id[pk] for pk in dict.fromkeys(self.cleaned_data["models"])]
        if len(chosen) < 2:
            raise forms.ValidationError("Choose at least two models.")
        return chosen
