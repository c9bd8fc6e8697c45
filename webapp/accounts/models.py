"""Teams, and who belongs to them in which role."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Role(models.TextChoices):
    """What somebody may do in a team or a case: a reader reads, a reviewer also comments, an analyst also works, an
    owner also decides who else may."""

    OWNER = "owner", "Owner"
    ANALYST = "analyst", "Analyst"
    REVIEWER = "reviewer", "Reviewer"
    READER = "reader", "Reader"


WORKING = frozenset({Role.OWNER.value, Role.ANALYST.value})


class Team(models.Model):
    """People whose models, comparisons and cases do not exist for anybody else."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """Somebody's role in a team. `home`: what they register or open from now on belongs to this team."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role, default=Role.ANALYST)
    home = models.BooleanField(default=False)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user__username"]
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_of_a_team"),
            models.UniqueConstraint(fields=["user"], condition=models.Q(home=True), name="one_home_of_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}, {self.role}"
