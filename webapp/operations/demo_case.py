"""The case that the demonstration leaves behind: a derived, a distilled and an unrelated model, planned before they are
probed, with controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.casework.cases import contents, plans, runs, services
from webapp.casework.models import Case, Comparison
from webapp.catalogue.models import Model
from webapp.probing.models import Collection, Suite

TAG = "demonstration"
TITLE = "Three models beside alder-chat"
QUESTION = (
    "Were alder-chat-pruned, sprig or cedar-cyra made from alder-chat, or trained on what it says? "
    "(The first was pruned from it, the second trained on its outputs, the third has nothing to do with it: the zoo's "
    "lineage is known, so that the finding can be held against it.)"
)
ITEMS = {
    "questioned": ("alder-chat-pruned", "sprig", "cedar-cyra"),
    "reference": ("alder-chat",),
    "background": ("cedar", "gorse", "gorse-dara", "dogwood", "dogwood-chat"),
}
CONTROLS = (
    ("positive", "alder-chat", "alder-chat-2", "alder-chat-2 is alder-chat, trained on"),
    ("negative", "alder", "birch", "two seeds, trained apart"),
    ("same", "alder-chat", "alder-chat-permuted", "the same network with its units in another order"),
)
HDS = ("contaminated-corpus", "same-base", "third-teacher")


def prepare(models: Mapping[str, Model], suite: Suite, *, user: Any) -> Case:
    """The demonstration's case with its plan frozen: the one of an earlier run, or a new one."""
    known = set(models.values())
    for case in Case.objects.filter(tags__word=TAG, suite=suite).select_related("plan"):
        if {item.model for item in case.items.select_related("model")} <= known:
            return case
    case = services.open_case(title=TITLE, question=QUESTION, commissioned_by="The demonstration", user=user)
    services.set_tags(case, [TAG], user=user)
    services.authorise(
        case, granted_by="Filiation's makers", user=user, terms_reviewed=True,
        basis="The zoo's models are small, were trained for this purpose, and run on this machine.",
    )  # fmt: skip
    for key in HDS:
        contents.add_alternative(case, key, user=user)
    for role, names in ITEMS.items():
        contents.add_items(case, [models[name] for name in names], role, user=user)
    for kind, first, second, ground in CONTROLS:
        contents.add_control(case, kind, models[first], models[second], ground=ground, user=user)
    rest = [model for model in models.values() if not case.items.filter(model=model).exists()]
    contents.add_items(case, rest, "control", user=user)
    contents.choose_suite(case, suite, user=user)
    plans.freeze(case, user=user)
    return case


def conclude(case: Case, comparison: Comparison, *, user: Any) -> None:
    """Let the collections and the comparison of this run belong to the case."""
    runs.add(case, list(Collection.objects.filter(comparisons=comparison).select_related("model")), user=user)
    if comparison.case_id is None:
        runs.adopt(case, comparison, user=user)
