"""How a change to a case is written down: in the custody log, and as a deviation once the plan is frozen."""

from __future__ import annotations

from typing import Any

from django.db.models import Max
from django.utils import timezone

from forensics.errors import BadInput
from webapp.casework.models import Case, Deviation
from webapp.custody import services as custody

SUBJECTS = ("propositions", "items", "suite", "controls", "data", "other")


def log(case: Case, action: str, user: Any, **detail: Any) -> None:
    """A custody entry on the case. Call it last, inside the change's transaction."""
    Case.objects.filter(pk=case.pk).update(changed_at=timezone.now())
    custody.append(actor=user, action=action, subject=case.pk, team=case.team_id, case=case.number, **detail)


def require_open(case: Case) -> None:
    """Raise BadInput where the case is closed."""
    if case.state == Case.State.CLOSED:
        raise BadInput("the case is closed and nothing was changed; an owner can open it again")


def needs_reason(case: Case, what: str) -> bool:
    """Whether a change of this is a deviation: once the plan is frozen, and for propositions once names were shown."""
    return case.is_frozen or (what == "propositions" and case.unblinded_at is not None)


def change(
    case: Case,
    what: str,
    *,
    told: str,
    action: str,
    user: Any,
    reason: str = "",
    before: Any = None,
    after: Any = None,
) -> Deviation | None:
    """Write a change of the plan's subjects down; a deviation where it is one, which needs a reason.

    Call it inside the transaction that makes the change. Raises BadInput without a reason, or where the case is closed.
    """
    require_open(case)
    deviation = None
    if needs_reason(case, what):
        if not reason.strip():
            why = "the plan is frozen" if case.is_frozen else "the names were shown"
            raise BadInput(f"{why}: give the reason, and the change is logged as a deviation")
        deviation = _deviation(case, what=what, told=told, reason=reason.strip(), before=before, after=after, by=user)
    detail = {"told": told, "before": before, "after": after}
    if deviation:
        detail |= {"deviation": deviation.number, "reason": deviation.reason}
    log(case, action, user, **{key: value for key, value in detail.items() if value is not None})
    return deviation


def _deviation(case: Case, **fields: Any) -> Deviation:
    last = case.deviations.aggregate(last=Max("number"))["last"] or 0
    fields["told"] = fields["told"][:500]
    return Deviation.objects.create(case=case, number=last + 1, unblinded=case.unblinded_at is not None, **fields)
