"""Writes of teams and memberships: each in one transaction, each with a custody entry."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from forensics.errors import BadInput
from webapp.accounts.models import Membership, Role, Team
from webapp.custody import services as custody


def create_team(name: str, *, user: Any = None) -> Team:
    """A new team without members; raises BadInput for a name in use."""
    name = name.strip()
    if Team.objects.filter(name__iexact=name).exists():
        raise BadInput(f"a team called {name!r} is here already; choose another name")
    with transaction.atomic():
        team = Team.objects.create(name=name)
        custody.append(actor=user, action="team-created", subject=team.pk, team=team.pk, name=name)
    return team


def set_member(team: Team, person: User, role: str, *, user: Any = None) -> Membership:
    """The person's membership with this role, new or changed. A first team becomes the home of what they make."""
    with transaction.atomic():
        if role != Role.OWNER:
            _keep_an_owner(team, person)
        first = not Membership.objects.filter(user=person).exists()
        member, _ = Membership.objects.update_or_create(
            team=team, user=person, defaults={"role": role}, create_defaults={"role": role, "home": first}
        )
        _log(team, "member-set", user, person=person.username, role=role)
    return member


def remove_member(member: Membership, *, user: Any = None) -> None:
    """End a membership; raises BadInput for the last owner of a team that has other members."""
    with transaction.atomic():
        _keep_an_owner(member.team, member.user)
        member.delete()
        _log(member.team, "member-removed", user, person=member.user.username)


def set_home(person: User, team: uuid.UUID | None) -> None:
    """Let what this person makes from now on belong to one of their teams, or be shared with everybody (None)."""
    with transaction.atomic():
        mine = Membership.objects.filter(user=person)
        mine.filter(home=True).update(home=False)
        if team is not None:
            mine.filter(team=team).update(home=True)


def _keep_an_owner(team: Team, leaving: User) -> None:
    others = team.memberships.exclude(user=leaving)
    is_owner = team.memberships.filter(user=leaving, role=Role.OWNER).exists()
    if is_owner and others.exists() and not others.filter(role=Role.OWNER).exists():
        raise BadInput(f"{leaving} is the last owner of {team}: make somebody else an owner first")


def _log(team: Team, action: str, user: Any, **detail: Any) -> None:
    custody.append(actor=user, action=action, subject=team.pk, team=team.pk, name=team.name, **detail)
