"""Who may see and change which cases. Every look-up of a page goes through here."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from webapp.accounts.access import roles_of, visible
from webapp.accounts.models import WORKING, Role
from webapp.casework.models import Case, CaseRole

# What may be done, and the roles that may do it. Whoever sees a case reads all of it.
RIGHTS = {
    "comment": WORKING | {Role.REVIEWER.value},
    "work": WORKING,
    "own": frozenset({Role.OWNER.value}),
}


def cases_for(user: Any) -> QuerySet[Case]:
    """Cases that exist for this user, with analyst, team and plan at hand."""
    return visible(Case.objects.all(), user).select_related("analyst", "team", "plan", "suite")


def case_or_404(user: Any, case_id: object) -> Case:
    """The case, or Http404 whether it is absent or hidden."""
    return get_object_or_404(cases_for(user), pk=case_id)


def role_of(user: Any, case: Case) -> str:
    """The person's role: the one in the case, else the one in its team, else analyst where the case is shared."""
    own = CaseRole.objects.filter(case=case, user=user).values_list("role", flat=True).first()
    return own or (roles_of(user).get(case.team_id, "") if case.team_id else Role.ANALYST.value)


def may(user: Any, case: Case, act: str) -> bool:
    """Whether somebody who sees the case may do this; `act` is a key of RIGHTS."""
    return role_of(user, case) in RIGHTS[act]


def case_to(act: str, user: Any, case_id: object) -> Case:
    """The case, for doing this; Http404 where it is absent or hidden, PermissionDenied where the role is too small."""
    case = case_or_404(user, case_id)
    if not may(user, case, act):
        raise PermissionDenied("Your role in this case lets you read it, and not do this.")
    return case
