"""How far a case is on the way from a question to a finding, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.casework.cases import plans, runs
from webapp.casework.models import Case, Comparison
from webapp.probing.models import Collection


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its page, whether it is done, and what to do about it where it is not."""

    title: str
    page: str
    done: bool
    todo: str
    button: str


def steps(case: Case) -> list[Step]:
    """The six steps in order."""
    lacks = plans.lacks(case)
    items = set(case.items.filter(withdrawn_at=None).values_list("role", flat=True))
    said = "H" not in "".join(lacks)
    left = runs.without_run(case).exists() if case.is_frozen else True
    open_runs = case.collections.filter(state__in=runs.OPEN).exists()
    compared = case.comparisons.filter(state=Comparison.State.DONE).exists()
    return [
        Step("Question", "overview", True, "", ""),
        Step("Propositions", "propositions", said, "State what is claimed, and what else could be.", "State them"),
        Step(
            "Models", "items", {"questioned", "reference"} <= items,
            "Choose the questioned model, the references, and a background of unrelated ones.", "Choose models",
        ),
        Step("Plan", "plan", case.is_frozen, "Choose a suite, see what it costs, and freeze the plan.", "Plan it"),
        Step("Runs", "runs", case.is_frozen and not left and not open_runs, _todo(case, left), "Go to the runs"),
        Step("Finding", "compare", compared, "The finding stands here once the comparison is done.", "See it"),
    ]  # fmt: skip


def _todo(case: Case, left: bool) -> str:
    if left:
        return "Start the collections: every model answers the suite, then they are compared."
    stopped = case.collections.filter(state__in=["paused", "failed", "cancelled"]).exists()
    return "A collection stopped: see to it." if stopped else "The models are answering."


def next_of(known: list[Step]) -> Step | None:
    """The first step that is not done; None once there is a finding."""
    return next((step for step in known if not step.done), None)


def waits(case: Case) -> bool:
    """Whether the case moves on by itself: something runs, or will be compared."""
    running = case.collections.filter(state=Collection.State.RUNNING).exists()
    return running or case.compare_when_done or case.comparisons.filter(state__in=["queued", "running"]).exists()
