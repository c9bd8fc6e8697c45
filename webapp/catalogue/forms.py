"""The four ways of registering, and what belongs to an endpoint. Each form's `submit` calls one service."""

from __future__ import annotations

from typing import Any

from django import forms

from forensics import adapters, registry
from webapp.catalogue import bulk, services, uploads
from webapp.catalogue.models import Access, Model, Role, preset_choices
from webapp.probing.models import Suite


def api_adapters() -> list[tuple[str, str]]:
    """Adapter plug-ins that send over the network, by name and title."""
    plugins = registry.load_all(adapters.PACKAGE).values()
    return [(p.declaration.name, p.declaration.title) for p in plugins if p.queue == "api"]


def role_field(default: str) -> forms.ChoiceField:
    """The side that a model takes in comparisons."""
    return forms.ChoiceField(
        label="Side", choices=Role.choices, initial=default,
        help_text="Questioned: what a case asks about. Reference: a possible source. Background: unrelated to both.",
    )  # fmt: skip


def claim_field() -> forms.CharField:
    """Who the model is said to be."""
    return forms.CharField(
        label="Claims to be", max_length=300, required=False,
        help_text="What its maker or its seller calls it. The catalogue shows it beside what answers.",
    )  # fmt: skip


def name_field(**more: Any) -> forms.CharField:
    """The model's name here."""
    return forms.CharField(label="Name", max_length=200, **more)


class WeightsForm(forms.Form):
    """A weights folder on the server."""

    title, icon, summary = "Weights folder", "weights", "A folder of safetensors on this server"
    folder = forms.CharField(
        label="Folder on the server", max_length=1000,
        help_text="Holds config.json, a tokenizer and .safetensors files. Pickled weights are refused.",
        widget=forms.TextInput(attrs={"placeholder": "/srv/models/name", "spellcheck": "false"}),
    )  # fmt: skip
    name = name_field()
    claimed_identity = claim_field()
    role = role_field(Role.REFERENCE)

    def submit(self, user: Any) -> list[Model]:
        """The registered model."""
        return [services.register_weights(user=user, **self.cleaned_data)]


class EndpointForm(forms.Form):
    """An API endpoint, with the authorisation to probe it."""

    title, icon, summary = "Endpoint", "endpoint", "A model behind an HTTP API"
    base_url = forms.CharField(
        label="Base URL", max_length=1000,
        help_text="Without /chat/completions or /messages at its end. Private addresses need an administrator's leave.",
        widget=forms.URLInput(attrs={"placeholder": "https://api.example.org/v1", "spellcheck": "false"}),
    )  # fmt: skip
    remote_name = forms.CharField(label="Model's name there", max_length=200)
    secret = forms.CharField(
        label="Secret", required=False, strip=True,
        help_text="Stored encrypted, bound to this address, and never shown again. It is not kept after an error.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    name = name_field()
    claimed_identity = claim_field()
    adapter = forms.ChoiceField(label="Protocol", choices=api_adapters, initial="openai-compatible")
    preset = forms.ChoiceField(
        label="Server", choices=preset_choices, initial="generic", required=False,
        help_text="What OpenAI-compatible servers do in their own way: names of fields, limits, defaults.",
    )  # fmt: skip
    stream = forms.BooleanField(label="Ask for replies piece by piece (a stream)", required=False)
    access = forms.ChoiceField(label="What it shows", choices=[c for c in Access.choices if c[0] != Access.WEIGHTS])
    role = role_field(Role.QUESTIONED)
    granted_by = forms.CharField(
        label="Who allowed probing it", max_length=200, required=False,
        help_text="No probe leaves this server without an authorisation. It can also be recorded later.",
    )  # fmt: skip
    basis = forms.CharField(
        label="On what ground", required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Contract, terms of service, ownership or order.",
    )  # fmt: skip
    terms_reviewed = forms.BooleanField(label="The terms of service were reviewed", required=False)

    def clean(self) -> dict[str, Any]:
        """An authorisation has both its parts or neither."""
        data: dict[str, Any] = super().clean() or {}
        if bool(data.get("granted_by")) != bool(data.get("basis")):
            empty = "basis" if data.get("granted_by") else "granted_by"
            self.add_error(empty, "An authorisation names both who allowed it and on what ground.")
        data["preset"] = data.get("preset") or "generic"
        return data

    def submit(self, user: Any) -> list[Model]:
        """The registered model, authorised where the form says by whom."""
        data = dict(self.cleaned_data)
        grant = {key: data.pop(key) for key in ("granted_by", "basis", "terms_reviewed")}
        model = services.register_endpoint(user=user, **data)
        if grant["granted_by"]:
            services.authorise(model, user=user, **grant)
        return [model]


class TranscriptsForm(forms.Form):
    """Transcripts recorded elsewhere."""

    title, icon, summary = "Transcripts", "transcripts", "Completions recorded elsewhere, as JSONL"
    file = forms.FileField(
        label="Transcripts", allow_empty_file=True,
        help_text="One JSON object a line: prompt_id, response; .jsonl or .jsonl.gz. Choose it anew after an error.",
        widget=forms.ClearableFileInput(attrs={"accept": ".jsonl,.gz"}),
    )  # fmt: skip
    suite = forms.ModelChoiceField(
        label="Suite that was answered", queryset=Suite.objects.none(), empty_label=None,
        help_text="Every prompt id in the file must be one of this suite.",
    )  # fmt: skip
    name = name_field()
    role = role_field(Role.QUESTIONED)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["suite"].queryset = Suite.objects.order_by("name", "version")

    def submit(self, user: Any) -> list[Model]:
        """The registered model, its completions stored."""
        return [uploads.register_upload(user=user, **self.cleaned_data)]


class CorpusForm(forms.Form):
    """A file that another tool wrote: its models and its prompts."""

    title, icon, summary = "Results of a tool", "transcripts", "CSV, promptfoo, inspect or AlpacaEval results"
    file = forms.FileField(
        label="Results", allow_empty_file=True,
        help_text="Every model in it is registered as recorded, and its prompts become a suite. Choose it anew after an"
        " error.",
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(uploads.CORPUS_SUFFIXES)}),
    )  # fmt: skip
    role = role_field(Role.BACKGROUND)

    def submit(self, user: Any) -> list[Model]:
        """The models that were registered now."""
        return uploads.import_upload(user=user, **self.cleaned_data)


class FolderForm(forms.Form):
    """Every weights folder inside a folder."""

    title, icon, summary = "Folder of folders", "folder", "Every weights folder inside one folder"
    folder = forms.CharField(
        label="Folder on the server", max_length=1000,
        help_text="Each sub-folder with weights is registered under its own name. Those already here are left alone.",
        widget=forms.TextInput(attrs={"placeholder": "/srv/models", "spellcheck": "false"}),
    )  # fmt: skip
    role = role_field(Role.REFERENCE)

    def submit(self, user: Any) -> list[Model]:
        """The models that were registered now."""
        return bulk.register_folder(user=user, **self.cleaned_data)


class AuthorisationForm(forms.Form):
    """Who allows probing an endpoint, and until when."""

    granted_by = forms.CharField(label="Who allows it", max_length=200)
    basis = forms.CharField(
        label="On what ground", widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Contract, terms of service, ownership or order.",
    )  # fmt: skip
    terms_reviewed = forms.BooleanField(label="The terms of service were reviewed", required=False)
    expires_at = forms.DateTimeField(
        label="Until", required=False, help_text="Empty: until somebody ends it.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )  # fmt: skip


class SecretForm(forms.Form):
    """A new secret; empty erases the stored one."""

    secret = forms.CharField(
        label="New secret", required=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Empty erases the stored secret.",
    )  # fmt: skip


WAYS: dict[str, Any] = {
    "weights": WeightsForm, "endpoint": EndpointForm, "transcripts": TranscriptsForm, "results": CorpusForm,
    "folder": FolderForm,
}  # fmt: skip
