"""Which teams somebody belongs to, and so what exists for them. Each app's `access.py` asks here."""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.shortcuts import get_object_or_404

from webapp.accounts.models import WORKING, Membership, Role, Team

M = TypeVar("M", bound=Model)


def is_here(user: Any) -> bool:
    """Whether somebody is signed in and has not left."""
    return bool(user is not None and user.is_authenticated and user.is_active)


def roles_of(user: Any) -> dict[uuid.UUID, str]:
    """Team id to the person's role in it; read once for each request, since a request has a user of its own."""
    if not is_here(user):
        return {}
    if not hasattr(user, "_roles_in_teams"):
        user._roles_in_teams = dict(Membership.objects.filter(user=user).values_list("team", "role"))
    found: dict[uuid.UUID, str] = user._roles_in_teams
    return found


def visible(found: QuerySet[M], user: Any, field: str = "team") -> QuerySet[M]:
    """What exists for this person: what is shared with everybody who signs in, and what is of their own teams."""
    if not is_here(user):
        return found.none()
    shared = Q(**{f"{field}__isnull": True})
    teams = list(roles_of(user))
    return found.filter(shared | Q(**{f"{field}__in": teams})) if teams else found.filter(shared)


def may_work(user: Any, team: uuid.UUID | None) -> bool:
    """Whether somebody may change what is of this team, or shared (None)."""
    return is_here(user) and (team is None or roles_of(user).get(team) in WORKING)


def require_work(user: Any, team: uuid.UUID | None) -> None:
    """Raise PermissionDenied where somebody who sees a team's thing may not change it."""
    if not may_work(user, team):
        raise PermissionDenied("Your role in this team lets you read this, and not change it.")


def home_team(user: Any) -> uuid.UUID | None:
    """The team that new things of this person belong to; None: they are shared with everybody who signs in."""
    if not is_here(user):
        return None
    return Membership.objects.filter(user=user, home=True, role__in=WORKING).values_list("team", flat=True).first()


def teams_for(user: Any) -> QuerySet[Team]:
    """Teams whose page somebody may open: their own, and all of them for an administrator."""
    if not is_here(user):
        return Team.objects.none()
    return Team.objects.all() if user.is_superuser else Team.objects.filter(memberships__user=user)


def team_or_404(user: Any, team_id: object) -> Team:
    """The team, or Http404 whether it is absent or hidden."""
    return get_object_or_404(teams_for(user), pk=team_id)


def may_manage(user: Any, team: Team) -> bool:
    """Whether somebody may say who belongs to a team: its owners and administrators."""
    return is_here(user) and (user.is_superuser or roles_of(user).get(team.pk) == Role.OWNER)


def require_management(user: Any, team: Team) -> None:
    """Raise PermissionDenied where a member may not say who else is one."""
    if not may_manage(user, team):
        raise PermissionDenied("Only an owner of the team or an administrator says who belongs to it.")


def require_administrator(user: Any) -> None:
    """Raise PermissionDenied for anybody but an administrator."""
    if not (is_here(user) and user.is_superuser):
        raise PermissionDenied("Only an administrator makes teams and accounts.")
