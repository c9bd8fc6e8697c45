"""A finished case in which every word that somebody can type is hostile."""

from __future__ import annotations

from django.contrib.auth.models import User

from tests.helpers.populations import HOSTILE
from webapp.casework.cases import contents, plans, runs, services
from webapp.casework.models import Case, Comparison
from webapp.catalogue.models import Model


def hostile_case(user: User, comparison: Comparison) -> Case:
    """A case of the models of a finished comparison, of which one is named by markup."""
    models = list(Model.objects.filter(collections__comparisons=comparison).order_by("name"))
    case = services.open_case(
        title=HOSTILE, question=f"Is {HOSTILE} a copy?\n\u202edesrever", commissioned_by=HOSTILE, user=user
    )
    services.set_tags(case, [HOSTILE[:40]], user=user)
    services.add_note(case, HOSTILE, user=user)
    services.authorise(case, granted_by=HOSTILE, basis=HOSTILE, facts=HOSTILE, user=user)
    services.give_verdict(case, "same-base", "open", HOSTILE, user=user)
    for role, chosen in (("questioned", models[:1]), ("reference", models[1:3]), ("background", models[3:])):
        contents.add_items(case, chosen, role, user=user)
    contents.add_alternative(case, "same-base", statement=f"{{questioned}} {HOSTILE}", user=user)
    contents.add_control(case, "negative", models[0], models[-1], ground=HOSTILE, user=user)
    contents.choose_suite(case, comparison.suite, user=user)
    plans.freeze(case, user=user)
    services.deviate(case, "data", HOSTILE, HOSTILE, user=user)
    runs.collect(case, compare=False, user=user)
    runs.adopt(case, comparison, user=user)
    return case
