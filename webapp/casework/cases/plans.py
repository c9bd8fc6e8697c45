"""The plan of a case: what is frozen and hashed before anything is acquired."""

from __future__ import annotations

from typing import Any

from django.db import transaction

import forensics
from forensics import channels, registry
from forensics.errors import BadInput
from forensics.evaluation import calibration as calibrations
from forensics.evaluation import propositions, verbal
from forensics.evaluation.calibration import Calibration
from forensics.provenance import sha256_json
from webapp.casework.cases.contents import standing
from webapp.casework.cases.recording import log, require_open
from webapp.casework.models import Case, Plan
from webapp.probing.models import Suite


def lacks(case: Case) -> list[str]:
    """What a plan needs and this case does not have yet, in words; without any it can be frozen."""
    roles = set(case.items.filter(withdrawn_at=None).values_list("role", flat=True))
    sides = set(case.propositions.filter(withdrawn_at=None).values_list("side", flat=True))
    needs = [
        ("Hp", "Hp" in sides), ("at least one Hd", "Hd" in sides), ("a questioned model", "questioned" in roles),
        ("a reference model", "reference" in roles), ("a suite", case.suite is not None),
    ]  # fmt: skip
    return [name for name, there in needs if not there]


def missing_controls(case: Case) -> list[str]:
    """Kinds of control that the case does without."""
    here = set(case.controls.filter(withdrawn_at=None).values_list("kind", flat=True))
    kinds = {"positive": "positive", "negative": "negative", "same": "A/A"}
    return [title for kind, title in kinds.items() if kind not in here]


def content(case: Case) -> dict[str, Any]:
    """The plan as JSON: question, propositions, items, suite, channels, calibrations, controls, seed and versions."""
    now = standing(case)
    return {
        "case": case.number,
        "question": case.question,
        "propositions": {
            "list": propositions.version(),
            "stated": [
                {"side": p.side, "key": p.key, "statement": p.statement, "level": p.level, "population": p.population}
                for p in now["propositions"]
            ],
        },
        "items": [
            {"label": item.label, "role": item.role, "model": str(item.model.pk)}
            | {name: getattr(item.model, name) for name in ("name", "adapter", "location", "remote_name")}
            for item in now["items"]
        ],
        "suite": _suite(case.suite),
        "channels": {name: plugin.declaration.version for name, plugin in registry.load_all(channels.PACKAGE).items()},
        "calibrations": [{"name": c.name, "version": c.version, "sha256": c.hash} for c in covering(case.suite)],
        "verbal_scale": verbal.VERSION,
        "controls": [
            {"kind": c.kind, "models": [c.first.label, c.second.label], "ground": c.ground} for c in now["controls"]
        ],
        "seed": case.seed,
        "engine": forensics.__version__,
    }  # fmt: skip


def _suite(suite: Suite | None) -> dict[str, str] | None:
    return {"name": suite.name, "version": suite.version, "sha256": suite.suite_hash} if suite else None


def covering(suite: Suite | None) -> list[Calibration]:
    """The shipped calibrations that can cover this suite, as far as is known before anything is asked."""
    if suite is None:
        return []
    shipped = calibrations.shipped()
    return [c for c in shipped if not c.conditions.suite_hashes or suite.suite_hash in c.conditions.suite_hashes]


def freeze(case: Case, *, user: Any = None) -> Plan:
    """The plan as it stands, frozen and hashed; raises BadInput naming what is missing, or where it is frozen."""
    require_open(case)
    if case.is_frozen:
        raise BadInput("the plan is frozen already; what changes now is a deviation from it")
    if missing := lacks(case):
        raise BadInput(f"the plan still lacks {', '.join(missing)}")
    told = content(case)
    with transaction.atomic():
        plan = Plan.objects.create(case=case, content=told, sha256=sha256_json(told), frozen_by=user)
        case.state = Case.State.ACTIVE
        case.save(update_fields=["state", "changed_at"])
        log(case, "case-plan-frozen", user, sha256=plan.sha256)
    return plan


def holds(plan: Plan) -> bool:
    """Whether the stored plan is the one whose hash was taken."""
    return sha256_json(plan.content) == plan.sha256
