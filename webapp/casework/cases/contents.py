"""Writes of what a case is about: propositions, items, suite and controls. After the freeze each is a deviation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from forensics.errors import BadInput
from forensics.evaluation.propositions import alternatives, hypotheses
from webapp.casework.cases.recording import change, log
from webapp.casework.models import Case, Control, Item, Proposition
from webapp.catalogue.models import Model
from webapp.probing.models import Suite

LETTERS = {"questioned": "Q", "reference": "R", "background": "B", "control": "C"}


def standing(case: Case) -> dict[str, list[Any]]:
    """Propositions, items (with their models) and controls that were not withdrawn."""
    return {
        "propositions": list(case.propositions.filter(withdrawn_at=None)),
        "items": list(case.items.filter(withdrawn_at=None).select_related("model")),
        "controls": list(case.controls.filter(withdrawn_at=None).select_related("first__model", "second__model")),
    }


def set_hypothesis(case: Case, relation: str, statement: str = "", *, reason: str = "", user: Any = None) -> None:
    """Let Hp claim this relation; the one before is withdrawn and kept."""
    known = hypotheses()
    if relation not in known:
        raise BadInput(f"Hp claims one of {', '.join(known)}, not {relation!r}")
    statement = statement.strip() or known[relation].statement
    old = case.propositions.filter(side="Hp", withdrawn_at=None).first()
    if old and (old.key, old.statement) == (relation, statement):
        return
    with transaction.atomic():
        if old:
            _withdraw(old)
        Proposition.objects.create(case=case, side="Hp", key=relation, statement=statement, added_by=user)
        change(
            case, "propositions", told=f"Hp is now: {statement}", action="case-hp-set", user=user, reason=reason,
            before=old.statement if old else None, after=statement,
        )  # fmt: skip


def add_alternative(
    case: Case,
    key: str,
    *,
    statement: str = "",
    population: str = "",
    level: str = "source",
    reason: str = "",
    user: Any = None,
) -> Proposition:
    """One more Hd, from the shipped list with its words, or changed ones; the one of the same key is withdrawn.

    Raises BadInput for a key that is not in the list, or a level that is not Hp's.
    """
    known = alternatives().get(key)
    if known is None:
        raise BadInput(f"no alternative {key!r}; known: {', '.join(alternatives())}")
    hp = case.propositions.filter(side="Hp", withdrawn_at=None).first()
    if hp and hp.level != level:
        raise BadInput(f"Hp is stated at the level {hp.level}: an Hd at the level {level} does not exclude it")
    old = case.propositions.filter(side="Hd", key=key, withdrawn_at=None).first()
    with transaction.atomic():
        if old:
            _withdraw(old)
        new = Proposition.objects.create(
            case=case, side="Hd", key=key, level=level, added_by=user, statement=statement.strip() or known.statement,
            population=population.strip() or known.population,
        )  # fmt: skip
        change(
            case, "propositions", told=f"Hd set: {new.statement}", action="case-hd-set", user=user, reason=reason,
            before=old.statement if old else None, after=new.statement,
        )  # fmt: skip
    return new


def withdraw_alternative(proposition: Proposition, *, reason: str = "", user: Any = None) -> None:
    """Withdraw an Hd; it is kept, with the time."""
    if proposition.side == "Hp":
        raise BadInput("Hp is replaced by another one, never only withdrawn")
    with transaction.atomic():
        _withdraw(proposition)
        change(
            proposition.case, "propositions", told=f"Hd withdrawn: {proposition.statement}", user=user, reason=reason,
            action="case-hd-withdrawn", before=proposition.statement,
        )  # fmt: skip


def add_items(case: Case, models: Iterable[Model], role: str, *, reason: str = "", user: Any = None) -> list[Item]:
    """These models in this role; those that are items already are left alone. Raises BadInput for another team's."""
    here = set(case.items.filter(withdrawn_at=None).values_list("model", flat=True))
    new = [model for model in models if model.pk not in here]
    if foreign := [model.name for model in new if model.team_id not in (None, case.team_id)]:
        where = "the case is shared with everybody" if case.team_id is None else "the case belongs to another team"
        raise BadInput(f"{', '.join(foreign)} cannot be an item: it belongs to a team, and {where}")
    if not new:
        return []
    with transaction.atomic():
        first = case.items.filter(role=role).count() + 1
        labels = [f"{LETTERS[role]}{number}" for number in range(first, first + len(new))]
        items = [
            Item.objects.create(case=case, model=model, role=role, label=label, added_by=user)
            for model, label in zip(new, labels, strict=True)
        ]
        names = [model.name for model in new]
        change(
            case, "items", told=f"{role} added: {', '.join(names)}", action="case-items-added", user=user,
            reason=reason, after={"role": role, "models": names},
        )  # fmt: skip
    return items


def withdraw_item(item: Item, *, reason: str = "", user: Any = None) -> None:
    """Withdraw an item; it is kept, with the time. Raises BadInput while a control stands on it."""
    uses = item.case.controls.filter(withdrawn_at=None)
    if (uses.filter(first=item) | uses.filter(second=item)).exists():
        raise BadInput(f"a control stands on {item.model}: withdraw the control first")
    with transaction.atomic():
        _withdraw(item)
        change(
            item.case, "items", told=f"{item.role} withdrawn: {item.model.name}", action="case-item-withdrawn",
            user=user, reason=reason, before={"role": item.role, "model": item.model.name},
        )  # fmt: skip


def choose_suite(case: Case, suite: Suite, *, reason: str = "", user: Any = None) -> None:
    """Let the case's models be sent this suite."""
    if case.suite_id == suite.pk:
        return
    before = str(case.suite) if case.suite else None
    with transaction.atomic():
        case.suite = suite
        case.save(update_fields=["suite", "changed_at"])
        change(
            case, "suite", told=f"suite: {suite}", action="case-suite-chosen", user=user, reason=reason,
            before=before, after={"suite": str(suite), "sha256": suite.suite_hash},
        )  # fmt: skip


def add_control(
    case: Case, kind: str, first: Model, second: Model, *, ground: str = "", reason: str = "", user: Any = None
) -> Control:
    """A pair of known answer. Its models become items, of use to controls alone, where they are none yet."""
    if first.pk == second.pk:
        raise BadInput("a control is two models; for an A/A control, register the same model under a second name")
    with transaction.atomic():
        add_items(case, [first, second], Item.Role.CONTROL, reason=reason, user=user)
        items = {item.model_id: item for item in case.items.filter(withdrawn_at=None, model__in=[first, second])}
        control = Control.objects.create(
            case=case, kind=kind, first=items[first.pk], second=items[second.pk], ground=ground.strip(), added_by=user
        )
        told = f"{control.get_kind_display()} control: {first.name} and {second.name}"
        change(
            case, "controls", told=told, action="case-control-added", user=user, reason=reason,
            after={"kind": kind, "models": [first.name, second.name], "ground": control.ground},
        )  # fmt: skip
    return control


def withdraw_control(control: Control, *, reason: str = "", user: Any = None) -> None:
    """Withdraw a control; it is kept, with the time."""
    with transaction.atomic():
        _withdraw(control)
        names = [control.first.model.name, control.second.model.name]
        change(
            control.case, "controls", told=f"{control.get_kind_display()} control withdrawn: {' and '.join(names)}",
            action="case-control-withdrawn", user=user, reason=reason, before={"kind": control.kind, "models": names},
        )  # fmt: skip


def explain_control(control: Control, explanation: str, *, user: Any = None) -> None:
    """Why a control failed."""
    with transaction.atomic():
        before, control.explanation = control.explanation, explanation.strip()
        control.save(update_fields=["explanation"])
        log(control.case, "case-control-explained", user, before=before, after=control.explanation)


def _withdraw(row: Any) -> None:
    row.withdrawn_at = timezone.now()
    row.save(update_fields=["withdrawn_at"])
