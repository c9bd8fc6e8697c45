"""Evidence bundles of a case: one row for each version, its file kept under FILIATION_HOME."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models

from webapp.casework.models import Case, Comparison


class Bundle(models.Model):
    """One version of a case as a bundle. What it says was fixed when it was asked for: made again, it is the same."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="bundles")
    comparison = models.ForeignKey(Comparison, models.PROTECT, related_name="+")
    version = models.PositiveIntegerField()
    sealed = models.BooleanField(default=False, help_text="The probes are in it by their hashes alone")
    record = models.JSONField(help_text="What is told of the case, as it stood then")
    head_sequence = models.PositiveBigIntegerField(help_text="The custody entry at which its chain ends")
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=100, blank=True)
    progress = models.FloatField(default=0.0, help_text="Share done, 0 to 1")
    error = models.TextField(blank=True)
    attempt = models.PositiveIntegerField(default=0, help_text="The fence: a write must carry the latest")
    lease_expires = models.DateTimeField(null=True, blank=True, help_text="Sent again when this has passed")
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["case", "version"], name="bundles_are_numbered")]

    def __str__(self) -> str:
        return f"bundle {self.version} of {self.case.number}"

    @property
    def path(self) -> Path:
        """Where the zip lies once the state is done."""
        return Path(settings.FILIATION_HOME) / "exports" / f"{self.id}.zip"

    @property
    def file_name(self) -> str:
        """What it is called where it is downloaded."""
        return f"case-{self.case.number}-version-{self.version}.zip"
