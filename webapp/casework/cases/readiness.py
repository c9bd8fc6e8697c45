"""What an export of the case's report would be blocked by, section by section, as far as it can be told today."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from forensics.evaluation.propositions import alternatives
from webapp.accounts.models import Role
from webapp.casework.cases import plans
from webapp.casework.cases.contrary import Contrary
from webapp.casework.cases.findings import Findings
from webapp.casework.models import Case
from webapp.custody import queries as custody
from webapp.probing import queries as probing
from webapp.probing.models import Collection

COVERAGE = 0.95
READY, BLOCKED, LATER = "ready", "blocked", "at export"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report: ready, blocked, or judged only when it is exported; what is told says why."""

    number: int
    title: str
    state: str
    told: str


@dataclass(frozen=True, slots=True)
class Looked:
    """A case with all that its readiness is judged by."""

    case: Case
    found: Findings
    contrary: tuple[Contrary, ...]
    collections: tuple[Collection, ...]


def readiness(case: Case, found: Findings, contrary: Iterable[Contrary]) -> list[Section]:
    """The report's sections in order, each with its state."""
    collections = tuple(case.collections.select_related("model", "suite"))
    looked = Looked(case, found, tuple(contrary), collections)
    return [_section(number, title, judge, looked) for number, (title, judge) in enumerate(SECTIONS, start=1)]


def blocked(sections: Iterable[Section]) -> list[Section]:
    """Those that block the export now."""
    return [section for section in sections if section.state == BLOCKED]


Judge = Callable[[Looked], list[str]]


def _section(number: int, title: str, judge: Judge | str, looked: Looked) -> Section:
    if isinstance(judge, str):
        return Section(number, title, LATER, judge)
    problems = judge(looked)
    return Section(number, title, BLOCKED if problems else READY, " ".join(problems) or "Nothing is missing.")


def _administrative(looked: Looked) -> list[str]:
    case = looked.case
    empty = [
        name for name, value in (("the commissioning party", case.commissioned_by), ("an analyst", case.analyst))
        if not value
    ]  # fmt: skip
    if not _reviewers(case):
        empty.append("a reviewer")
    return [f"It lacks {', '.join(empty)}."] if empty else []


def _reviewers(case: Case) -> list[str]:
    other = case.roles.filter(role=Role.REVIEWER).exclude(user=case.analyst)
    return list(other.values_list("user__username", flat=True))


def _authority(looked: Looked) -> list[str]:
    in_force = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    there = looked.case.authorisations.filter(in_force).exists()
    return [] if there else ["No authorisation for the enquiry is on record, or none is in force."]


def _propositions(looked: Looked) -> list[str]:
    case = looked.case
    problems = [f"It lacks {name}." for name in plans.lacks(case) if "H" in name]
    if case.unblinded_at:
        late = case.propositions.filter(added_at__gt=case.unblinded_at).count()
        logged = case.deviations.filter(what="propositions", unblinded=True).count()
        if late > logged:
            problems.append("A proposition was set after unblinding, and no deviation says so.")
    return problems


def _items(looked: Looked) -> list[str]:
    wrong = []
    for run in looked.collections:
        if run.state == Collection.State.DONE and probing.without_evidence(run):
            wrong.append("A collection holds completions without the attempt that brought them.")
    return wrong or ([] if looked.collections else ["Nothing has been acquired yet."])


def _custody(_: Looked) -> list[str]:
    # The newest entries stand for the whole here; an export recomputes all of them.
    problems = custody.verify(last=custody.RECENT).problems
    return [f"The chain does not verify: {problems[0]}."] if problems else []


def _method(looked: Looked) -> list[str]:
    case = looked.case
    if not case.is_frozen:
        return ["The plan is not frozen."]
    problems = [] if plans.holds(case.plan) else ["The stored plan is not the one that was hashed."]
    early = sum(run.created_at < case.plan.frozen_at for run in looked.collections)
    if early:
        problems.append(f"{early} of {len(looked.collections)} collections began before the plan was frozen.")
    return problems


def _validation(looked: Looked) -> list[str]:
    return [] if looked.found.comparison else ["There is no finished comparison yet."]


def _controls(looked: Looked) -> list[str]:
    checked = [c for c in looked.found.controls if c.state != "passed" and not c.control.explanation]
    problems = [f"A {c.control.get_kind_display()} control is {c.state}, unexplained." for c in checked]
    return problems + [f"There is no {title} control." for title in plans.missing_controls(looked.case)]


def _quality(looked: Looked) -> list[str]:
    """Planned calls with words to compare, by the ledger; less than 95 % needs a deviation about the data."""
    explained = looked.case.deviations.filter(what="data").exists()
    low = 0
    for run in looked.collections:
        outcomes = probing.tally(run).outcomes
        good = outcomes.get("completed", 0) + outcomes.get("truncated", 0)
        low += good < COVERAGE * run.planned
    if low and not explained:
        return [f"Coverage is below 95 % in {low} of {len(looked.collections)} collections, unexplained."]
    return [] if looked.collections else ["Nothing has been acquired yet."]


def _alternatives(looked: Looked) -> list[str]:
    given = set(looked.case.verdicts.values_list("key", flat=True))
    blank = [known.title.lower() for key, known in alternatives().items() if key not in given]
    return [f"Without a verdict: {'; '.join(blank)}."] if blank else []


def _contrary(looked: Looked) -> list[str]:
    """The list is made by rule; that it holds what the database holds is counted by another way."""
    case = looked.case
    states = ["failed", "cancelled", "paused"]
    runs = case.collections.filter(state__in=states).count() + case.comparisons.filter(state="failed").count()
    done = case.comparisons.filter(state="done").count()
    counts = {"deviation": case.deviations.count(), "run": runs + max(0, done - 1)}
    listed = {rule: sum(row.rule == rule for row in looked.contrary) for rule in counts}
    return [] if listed == counts else ["What is listed is not what the database holds."]


def _review(looked: Looked) -> list[str]:
    return [] if _reviewers(looked.case) else ["No reviewer other than the analyst has a role in this case."]


SECTIONS: tuple[tuple[str, Judge | str], ...] = (
    ("Administrative", _administrative),
    ("Expert", "Qualifications and signature are given when a court template is chosen."),
    ("Instructions and authority", _authority),
    ("Summary", "Headline, verbal term, bound and the three main limitations come from a template."),
    ("Propositions", _propositions),
    ("Items", _items),
    ("Chain of custody", _custody),
    ("Method", _method),
    ("Validation", _validation),
    ("Controls", _controls),
    ("Data quality", _quality),
    ("Findings", "Exemplars are chosen by rule from the comparison."),
    ("Interpretation", "The headline is the fused, bounded LR; channel LRs are never added up."),
    ("Alternatives", _alternatives),
    ("Contrary evidence", _contrary),
    ("Limits", "They come from the declarations of the channels in use."),
    ("Other evidence", "Account, network and billing logs are separate exhibits, never part of an LR."),
    ("Review", _review),
    ("Reproduction", "A recomputation from stored bytes runs when it is exported."),
    ("Appendices", "Probes, or their sealed hash, and the glossary."),
)
