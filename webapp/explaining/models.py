"""Why a pair's likelihood ratios are what they are: one piece of work for each pair that somebody asks about."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models

from webapp.casework.models import Comparison


class Explanation(models.Model):
    """The explanation of one pair of a finished comparison, stored at `path` once it is done; it never changes."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="explanations")
    model_a = models.CharField(max_length=200)
    model_b = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=100, blank=True)
    progress = models.FloatField(default=0.0, help_text="Share done, 0 to 1")
    error = models.TextField(blank=True)
    attempt = models.PositiveIntegerField(default=0, help_text="The fence: a write must carry the latest")
    lease_expires = models.DateTimeField(null=True, blank=True, help_text="Sent again when this has passed")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["comparison", "model_a", "model_b"], name="one_explanation_per_pair")
        ]

    def __str__(self) -> str:
        return f"{self.model_a} and {self.model_b}"

    @property
    def path(self) -> Path:
        """Where `forensics.lineage.explanation_file` keeps it, beside the comparison's own folder."""
        folder = self.comparison.folder
        return folder.with_name(f"{folder.name}.explanations") / f"{self.pk}.json"
