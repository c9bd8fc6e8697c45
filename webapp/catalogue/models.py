"""Models under study, how they are reached, and who allowed it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from forensics import adapters, registry


def preset_choices() -> list[tuple[str, str]]:
    """What servers of one protocol do in their own way, by name and title; a callable for the same reason."""
    plugins = registry.load_all(adapters.PACKAGE).values()
    return [(preset.name, preset.title) for plugin in plugins for preset in getattr(plugin, "presets", {}).values()]


def adapter_choices() -> list[tuple[str, str]]:
    """Adapter plug-ins by name. A callable, so that a new plug-in needs no migration."""
    return [(name, name) for name in registry.names(adapters.PACKAGE)]


class Role(models.TextChoices):
    """A model's side in comparisons."""

    QUESTIONED = "questioned", "Questioned"
    REFERENCE = "reference", "Reference"
    BACKGROUND = "background", "Background"


class Access(models.TextChoices):
    """How much of a model can be seen."""

    TEXT = "text", "Text only"
    LOGPROBS = "logprobs", "Text and token probabilities"
    WEIGHTS = "weights", "Weights"


class Model(models.Model):
    """A language model: a weights folder, an endpoint, or recorded transcripts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(
        "accounts.Team", models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: shared"
    )
    name = models.CharField(max_length=200, unique=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.REFERENCE)
    adapter = models.CharField(max_length=64, choices=adapter_choices)
    location = models.CharField(max_length=1000, help_text="Weights folder, endpoint base URL, or transcript file")
    remote_name = models.CharField(max_length=200, blank=True, help_text="The model's name at its endpoint")
    preset = models.CharField(max_length=32, choices=preset_choices, default="generic")
    stream = models.BooleanField(default=False, help_text="Replies are asked for piece by piece")
    access = models.CharField(max_length=16, choices=Access, default=Access.TEXT)
    claimed_identity = models.CharField(max_length=300, blank=True)
    tokenizer_hash = models.CharField(max_length=64, blank=True)
    check_info = models.JSONField(default=dict, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_recorded(self) -> bool:
        """Whether its completions were recorded elsewhere, so that no probe can be sent."""
        return self.adapter == "recorded"


class Credential(models.Model):
    """A model's secret, encrypted, bound to one origin. Read by workers alone, through `credentials.reveal`."""

    model = models.OneToOneField(Model, models.CASCADE, related_name="credential")
    origin = models.CharField(max_length=300)
    ciphertext = models.BinaryField()
    set_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"credential for {self.origin}"


class Authorisation(models.Model):
    """Who allowed probing a target, on what ground, and until when."""

    model = models.ForeignKey(Model, models.CASCADE, related_name="authorisations")
    granted_by = models.CharField(max_length=200)
    basis = models.TextField(help_text="Contract, terms of service, ownership, court order ...")
    terms_reviewed = models.BooleanField(default=False)
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-recorded_at"]

    def __str__(self) -> str:
        return f"{self.granted_by}: {self.basis[:60]}"
