"""Writes of a case itself: opening it, its facts, people, tags, notes, verdicts, blinding."""

from __future__ import annotations

import random
import secrets
import uuid
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from forensics.errors import BadInput
from forensics.evaluation.propositions import alternatives
from webapp.accounts.models import Role
from webapp.casework.cases import contents
from webapp.casework.cases.recording import change, log, require_open
from webapp.casework.models import Authorisation, Case, CaseRole, Deviation, Note, Tag, Verdict

HP, HD = "lineage", "independent-training"


def open_case(
    *,
    title: str,
    question: str,
    commissioned_by: str = "",
    analyst: User | None = None,
    team: uuid.UUID | None = None,
    relation: str = HP,
    user: Any = None,
) -> Case:
    """A new case with the next number of the year, Hp of that relation, and independent training as its first Hd."""
    with transaction.atomic():
        case = Case.objects.create(
            number=_next_number(),
            title=title.strip(),
            question=question.strip(),
            commissioned_by=commissioned_by.strip(),
            analyst=analyst or user,
            team_id=team,
            seed=secrets.randbits(31),  # what PostgreSQL holds in a comparison's seed
            created_by=user,
        )
        if user is not None:
            CaseRole.objects.create(case=case, user=user, role=Role.OWNER)
        log(case, "case-opened", user, title=case.title, question=case.question)
        contents.set_hypothesis(case, relation, user=user)
        contents.add_alternative(case, HD, user=user)
    return case


def _next_number() -> str:
    year = f"{timezone.now().year}-"
    last = Case.objects.filter(number__startswith=year).order_by("-number").values_list("number", flat=True).first()
    return f"{year}{int(last.removeprefix(year)) + 1 if last else 1:04}"


def change_facts(case: Case, *, user: Any = None, **facts: Any) -> None:
    """Change title, question, commissioning party or analyst; a new question after the freeze needs no deviation, since
    the frozen plan keeps the old one, and the log keeps both."""
    require_open(case)
    before = {name: str(getattr(case, name) or "") for name in facts}
    with transaction.atomic():
        for name, value in facts.items():
            setattr(case, name, value)
        case.save(update_fields=[*facts, "changed_at"])
        log(case, "case-changed", user, before=before, after={name: str(value or "") for name, value in facts.items()})


def set_tags(case: Case, words: list[str], *, user: Any = None) -> None:
    """Let the case carry exactly these words."""
    wanted = sorted({word.strip().lower() for word in words if word.strip()})
    if wanted == sorted(case.tags.values_list("word", flat=True)):
        return
    with transaction.atomic():
        case.tags.exclude(word__in=wanted).delete()
        Tag.objects.bulk_create([Tag(case=case, word=word) for word in wanted], ignore_conflicts=True)
        log(case, "case-tagged", user, tags=wanted)


def set_role(case: Case, person: User, role: str, *, user: Any = None) -> None:
    """Give somebody a role in this case, or with '' take it away; raises BadInput where no owner would be left."""
    with transaction.atomic():
        if role != Role.OWNER and not case.roles.exclude(user=person).filter(role=Role.OWNER).exists():
            raise BadInput("a case keeps at least one owner: make somebody else an owner first")
        if role:
            CaseRole.objects.update_or_create(case=case, user=person, defaults={"role": role})
        else:
            case.roles.filter(user=person).delete()
        log(case, "case-role-set", user, person=person.username, role=role or "none")


def authorise(
    case: Case,
    *,
    granted_by: str,
    basis: str,
    facts: str = "",
    terms_reviewed: bool = False,
    expires_at: datetime | None = None,
    user: Any = None,
) -> Authorisation:
    """A record of who gave the authority for this enquiry."""
    require_open(case)
    fields = {"granted_by": granted_by, "basis": basis, "facts": facts, "terms_reviewed": terms_reviewed}
    with transaction.atomic():
        record = Authorisation.objects.create(case=case, expires_at=expires_at, recorded_by=user, **fields)
        until = expires_at.isoformat() if expires_at else None
        log(case, "case-authorised", user, **fields, expires_at=until)
    return record


def add_note(case: Case, text: str, *, user: Any = None) -> Note:
    """A remark on the case."""
    with transaction.atomic():
        note = Note.objects.create(case=case, text=text.strip(), by=user)
        log(case, "case-note", user, text=note.text)
    return note


def give_verdict(case: Case, key: str, answer: str, test: str, *, user: Any = None) -> Verdict:
    """What became of one alternative, and by which test; raises BadInput for a key that is not in the list."""
    if key not in alternatives():
        raise BadInput(f"no alternative {key!r}; known: {', '.join(alternatives())}")
    require_open(case)
    with transaction.atomic():
        verdict = Verdict.objects.create(case=case, key=key, answer=answer, test=test.strip(), by=user)
        log(case, "case-verdict", user, alternative=key, answer=answer, test=verdict.test)
    return verdict


def deviate(case: Case, what: str, told: str, reason: str, *, user: Any = None) -> Deviation:
    """A deviation that no page makes by itself, such as a target that changed or data that are missing."""
    if not case.is_frozen:
        raise BadInput("there is no frozen plan yet to deviate from")
    with transaction.atomic():
        found = change(case, what, told=told, action="case-deviation", user=user, reason=reason)
    assert found is not None
    return found


def close(case: Case, *, user: Any = None) -> None:
    """Close the case; it can be read as before."""
    _move(case, Case.State.CLOSED, "case-closed", user)


def reopen(case: Case, *, user: Any = None) -> None:
    """Open a closed case again."""
    _move(case, Case.State.ACTIVE if case.is_frozen else Case.State.PREPARING, "case-reopened", user)


def _move(case: Case, state: str, action: str, user: Any) -> None:
    with transaction.atomic():
        case.state = state
        case.save(update_fields=["state", "changed_at"])
        log(case, action, user)


def blind(case: Case, *, user: Any = None) -> None:
    """Let codes stand for the models on this case's pages, drawn anew in an order that says nothing.

    Raises BadInput once the names were shown again: what has been seen cannot be unseen.
    """
    require_open(case)
    if case.unblinded_at:
        raise BadInput("this case was unblinded before: blinding it again would claim what is not so")
    with transaction.atomic():
        for role in dict.fromkeys(case.items.values_list("role", flat=True)):
            items = list(case.items.filter(role=role))
            labels = [item.label for item in items]
            random.SystemRandom().shuffle(labels)
            for item, label in zip(items, labels, strict=True):
                item.label = label
                item.save(update_fields=["label"])
        case.blinded_at = timezone.now()
        case.save(update_fields=["blinded_at", "changed_at"])
        log(case, "case-blinded", user)


def unblind(case: Case, reason: str, *, user: Any = None) -> None:
    """Show the names again, for good; logged with its reason."""
    if not case.is_blinded:
        raise BadInput("this case is not blinded")
    with transaction.atomic():
        case.unblinded_at = timezone.now()
        case.save(update_fields=["unblinded_at", "changed_at"])
        log(case, "case-unblinded", user, reason=reason.strip())
