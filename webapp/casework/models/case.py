"""A case: what is asked, by whom, and who works on it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from webapp.accounts.models import Role, Team
from webapp.probing.models import Collection, Suite


class Case(models.Model):
    """An enquiry. What was planned, done and found hangs on it; nothing of it is ever deleted."""

    class State(models.TextChoices):
        PREPARING = "preparing", "Preparing"
        ACTIVE = "active", "Under way"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=16, unique=True, help_text="Year and running number, as in 2026-0001")
    title = models.CharField(max_length=200)
    question = models.TextField(help_text="As the commissioning party asks it")
    commissioned_by = models.CharField(max_length=200, blank=True)
    analyst = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: shared")
    state = models.CharField(max_length=16, choices=State, default=State.PREPARING)
    suite = models.ForeignKey(Suite, models.PROTECT, null=True, blank=True, related_name="+")
    seed = models.PositiveBigIntegerField(default=0, help_text="Of the comparison")
    collections = models.ManyToManyField(Collection, related_name="cases")
    compare_when_done = models.BooleanField(default=False, help_text="Compare as soon as every collection is done")
    compare_error = models.TextField(blank=True, help_text="Why that could not be done")
    blinded_at = models.DateTimeField(null=True, blank=True)
    unblinded_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def is_blinded(self) -> bool:
        """Whether models stand under codes on this case's pages."""
        return self.blinded_at is not None and self.unblinded_at is None

    @property
    def is_frozen(self) -> bool:
        """Whether its plan is frozen, so that changes are deviations."""
        return hasattr(self, "plan")


class CaseRole(models.Model):
    """Somebody's role in one case, before the one that they have in its team."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="roles")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="case_roles")
    role = models.CharField(max_length=16, choices=Role)

    class Meta:
        ordering = ["user__username"]
        constraints = [models.UniqueConstraint(fields=["case", "user"], name="one_role_in_a_case")]

    def __str__(self) -> str:
        return f"{self.user}, {self.role} of {self.case_id}"


class Tag(models.Model):
    """A word by which cases are found again."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="tags")
    word = models.CharField(max_length=50, db_index=True)

    class Meta:
        ordering = ["word"]
        constraints = [models.UniqueConstraint(fields=["case", "word"], name="one_tag_of_a_word")]

    def __str__(self) -> str:
        return self.word
