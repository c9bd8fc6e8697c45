"""A case's lines in the custody log: its own, and those of its models, collections and comparisons."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from webapp import presenting
from webapp.casework.cases.blinding import Mask
from webapp.casework.models import Case
from webapp.custody.access import entries_for
from webapp.custody.models import Entry


def entries(case: Case, user: Any) -> QuerySet[Entry]:
    """Entries on the case and on all that belongs to it, the newest first."""
    return entries_for(user).filter(subject__in=subjects(case)).order_by("-sequence")


def subjects(case: Case) -> list[str]:
    """What entries about the case are about: itself, its models, collections and comparisons."""
    about = [case.pk, *case.items.values_list("model", flat=True), *case.collections.values_list("pk", flat=True)]
    about += case.comparisons.values_list("pk", flat=True)
    return [str(pk) for pk in about]


def shown(found: Any, mask: Mask) -> list[dict[str, Any]]:
    """Entries as rows; while the case is blinded, codes stand for names in what they tell."""
    return [
        {
            "entry": entry,
            "act": presenting.state(entry.action)["title"],
            "told": _told(entry, mask),
            "detail": mask.detail(entry.detail),
        }
        for entry in found
    ]


def _told(entry: Entry, mask: Mask) -> str:
    detail = entry.detail
    told = detail.get("told") or detail.get("title") or detail.get("text") or detail.get("model") or detail.get("name")
    return mask.text(str(told or ""))[:200]
