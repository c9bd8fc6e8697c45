"""Reports of a case: numbered versions, who signs as the expert, and the technical review."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models

from forensics.reports.sections import SECTIONS, templates
from webapp.casework.models.case import Case
from webapp.casework.models.comparison import Comparison


def template_choices() -> list[tuple[str, str]]:
    """Templates by key; a callable, so that a new file needs no migration."""
    return [(key, template.title) for key, template in templates().items()]


class Report(models.Model):
    """One numbered version of a case's report. Its record and renderings lie in `folder`; a number is never reused."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    class Kind(models.TextChoices):
        DRAFT = "draft", "Draft"
        FINAL = "final", "Final"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="reports")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.DRAFT)
    template = models.CharField(max_length=32, choices=template_choices)
    comparison = models.ForeignKey(Comparison, models.PROTECT, null=True, blank=True, related_name="+")
    signed = models.ForeignKey("self", models.PROTECT, null=True, blank=True, help_text="The draft that was reviewed")
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=100, blank=True)
    progress = models.FloatField(default=0.0, help_text="Share done, 0 to 1")
    error = models.TextField(blank=True)
    attempt = models.PositiveIntegerField(default=0, help_text="The fence: a write must carry the latest")
    lease_expires = models.DateTimeField(null=True, blank=True, help_text="Sent again when this has passed")
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the record's canonical JSON")
    content_sha256 = models.CharField(max_length=64, blank=True, help_text="Of what a reviewer signs")
    files = models.JSONField(default=dict, blank=True, help_text="File name to SHA-256")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["case", "number"], name="reports_are_numbered")]

    def __str__(self) -> str:
        return f"version {self.number}, {self.kind}"

    @property
    def folder(self) -> Path:
        """Where its files lie once the state is done."""
        return Path(settings.FILIATION_HOME) / "reports" / str(self.id)


class Expert(models.Model):
    """What the expert says of themselves; the latest statement counts, the earlier ones are kept."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="experts")
    qualifications = models.TextField()
    publications = models.TextField(help_text="Of the last ten years, or that there are none")
    testimony = models.TextField(help_text="Of the last four years, or that there was none")
    compensation = models.TextField()
    signed = models.BooleanField(default=False, help_text="The duty statement of the template is signed")
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"expert statement of {self.by}"


class Remark(models.Model):
    """A reviewer's comment on a section, and how it was settled."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="remarks")
    section = models.CharField(max_length=32, choices=list(SECTIONS.items()))
    text = models.TextField()
    answer = models.TextField(blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.section}: {self.text[:60]}"


class SignOff(models.Model):
    """A technical reviewer's signature under one draft: every point of the checklist was answered with yes."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="signoffs")
    report = models.ForeignKey(Report, models.PROTECT, related_name="signoffs")
    checklist = models.JSONField(help_text="The points that were confirmed, in words")
    content_sha256 = models.CharField(max_length=64, help_text="Of what was signed")
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.by} under version {self.report.number}"
