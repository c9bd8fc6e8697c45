"""Comparisons over chosen response sets, and where their results lie."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models

from webapp.accounts.models import Team
from webapp.casework.models.case import Case
from webapp.probing.models import Collection, Suite


class Comparison(models.Model):
    """Every pair of a chosen population, compared on one suite. The stored result lies in `folder`."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=200)
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: shared")
    case = models.ForeignKey(Case, models.PROTECT, null=True, blank=True, related_name="comparisons")
    suite = models.ForeignKey(Suite, models.PROTECT, related_name="comparisons")
    collections = models.ManyToManyField(Collection, related_name="comparisons")
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=100, blank=True)
    progress = models.FloatField(default=0.0, help_text="Share done, 0 to 1")
    seed = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    attempt = models.PositiveIntegerField(default=0, help_text="The fence: a write must carry the latest")
    lease_expires = models.DateTimeField(null=True, blank=True, help_text="Sent again when this has passed")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.title

    @property
    def folder(self) -> Path:
        """Where `forensics.lineage.storage` keeps the result; it exists once the state is done."""
        return Path(settings.FILIATION_HOME) / "comparisons" / str(self.id)
