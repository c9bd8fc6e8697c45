"""What is written about a case as it goes: the frozen plan, deviations from it, verdicts, notes, attachments."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models

from webapp.casework.models.case import Case


class Plan(models.Model):
    """What was planned, frozen before anything was acquired. Written once; `sha256` covers its canonical JSON."""

    case = models.OneToOneField(Case, models.CASCADE, related_name="plan")
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    frozen_at = models.DateTimeField(auto_now_add=True)
    frozen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return f"plan {self.sha256[:12]}"


class Deviation(models.Model):
    """A change after the plan was frozen: what, why, and how it stood before."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="deviations")
    number = models.PositiveIntegerField()
    what = models.CharField(max_length=20, help_text="propositions, items, suite, controls, data or other")
    told = models.CharField(max_length=500)
    reason = models.TextField()
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    unblinded = models.BooleanField(default=False, help_text="The names were known when it was made")
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["case", "number"], name="deviations_are_numbered")]

    def __str__(self) -> str:
        return f"deviation {self.number}: {self.told}"


class Verdict(models.Model):
    """What became of one alternative of the shipped list; the latest of a key counts, the earlier ones are kept."""

    class Answer(models.TextChoices):
        EXCLUDED = "excluded", "Excluded"
        UNLIKELY = "unlikely", "Speaks against it"
        OPEN = "open", "Not excluded"
        UNTESTED = "untested", "Not tested"

    case = models.ForeignKey(Case, models.CASCADE, related_name="verdicts")
    key = models.CharField(max_length=40)
    answer = models.CharField(max_length=16, choices=Answer)
    test = models.TextField(help_text="What was done, and what it showed")
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.key}: {self.answer}"


class Note(models.Model):
    """A remark."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="notes")
    text = models.TextField()
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text[:60]


class Attachment(models.Model):
    """A file that belongs to the case, kept under its hash."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=255, help_text="As it was sent")
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        """Where its bytes lie; files with the same bytes lie there once."""
        return Path(settings.MEDIA_ROOT) / "attachments" / self.sha256[:2] / self.sha256
