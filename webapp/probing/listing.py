"""Reads for the lists and pages of suites and collections."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.core.paginator import Page
from django.db.models import Count, IntegerField, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from forensics import probes
from webapp.probing.access import collections_for, suites_for
from webapp.probing.conditions import Coverage, coverage
from webapp.probing.models import Attempt, Collection, Completion, Probe, Suite

SORTS = ("model__name", "suite__name", "state", "planned", "created_at", "finished_at")


SUITE_SORTS = ("name", "created_at", "probe_count", "calls", "models")


def suites(user: Any, *, words: str = "", origin: str = "", sort: str = "name") -> list[Suite]:
    """Suites that hold every word, with `probe_count`, `calls` (on one model), `models` (that have answered), and
    `families`: the names of their probe families, largest first."""
    found = {s.pk: s for s in suites_for(user)}
    samples = Sum(Cast(KT("config__samples"), IntegerField()))
    rows = Probe.objects.filter(suite__in=found).order_by().values("suite", "family")
    parts: dict[Any, list[dict[str, Any]]] = {}
    for row in rows.annotate(n=Count("id"), calls=samples):
        parts.setdefault(row["suite"], []).append(row)
    done = collections_for(user).filter(state="done").order_by().values("suite")
    answered = {r["suite"]: r["n"] for r in done.annotate(n=Count("model", distinct=True))}
    for pk, suite in found.items():
        own = sorted(parts.get(pk, []), key=lambda row: (-row["n"], row["family"]))
        suite.probe_count, suite.calls = sum(row["n"] for row in own), sum(row["calls"] for row in own)
        suite.models, suite.families = answered.get(pk, 0), [row["family"] for row in own]
    kept = [s for s in found.values() if _suite_fits(s, words, origin)]
    key = sort.lstrip("-")
    if key in SUITE_SORTS:
        kept.sort(key=lambda s: getattr(s, key), reverse=sort.startswith("-"))
    return kept


def _suite_fits(suite: Any, words: str, origin: str) -> bool:
    text = " ".join((suite.name, suite.version, suite.title, suite.suite_hash, *suite.families)).casefold()
    return (not origin or suite.origin == origin) and all(word in text for word in words.casefold().split())


def coverage_of(user: Any, stored: Iterable[Any]) -> dict[Any, list[Coverage]]:
    """Suite id to what the shipped calibrations say of it, for suites as `suites` gives them."""
    listed = list(stored)
    done = collections_for(user).filter(state="done", suite__in=[s.pk for s in listed]).order_by()
    tokenizers: dict[Any, set[str]] = {}
    for suite, tokenizer in done.values_list("suite", "tokenizer_hash").distinct():
        tokenizers.setdefault(suite, set()).add(tokenizer)
    return {
        s.pk: coverage(
            suite_hash=s.suite_hash, probes=s.probe_count, models=s.models, tokenizers=sorted(tokenizers.get(s.pk, ()))
        )
        for s in listed
    }


@cache
def _shipped() -> dict[str, str]:
    """Suite hash to name: what ships with this version does not change while it runs."""
    return {probes.load_suite(name).suite_hash: name for name in probes.suite_names()}


def shipped_but_not_stored() -> list[str]:
    """Names of suites that ship with this version and are not stored yet."""
    shipped = _shipped()
    known = set(Suite.objects.filter(suite_hash__in=shipped).values_list("suite_hash", flat=True))
    return [name for suite_hash, name in shipped.items() if suite_hash not in known]


def families(suite: Suite) -> list[dict[str, Any]]:
    """The suite's probe families with the number of their probes, largest first."""
    return list(suite.probes.order_by().values("family").annotate(n=Count("id")).order_by("-n", "family"))


def probes_of(suite: Suite, *, words: str = "", family: str = "") -> QuerySet[Probe]:
    """The suite's probes that hold every word, in order."""
    found = suite.probes.all()
    for word in words.split():
        found = found.filter(messages__icontains=word)
    return found.filter(family=family) if family else found


def collections(
    user: Any, *, state: str = "", suite: str = "", words: str = "", sort: str = ""
) -> QuerySet[Collection]:
    """Collections by state, suite and model's name, in the order asked for, the newest first by default."""
    found = collections_for(user)
    if state in Collection.State.values:
        found = found.filter(state=state)
    if suite in {str(pk) for pk in suites_for(user).values_list("pk", flat=True)}:
        found = found.filter(suite=suite)
    for word in words.split():
        found = found.filter(model__name__icontains=word)
    return found.order_by(sort if sort.lstrip("-") in SORTS else "-created_at", "model__name")


def completions(collection: Collection, *, outcome: str = "") -> QuerySet[Completion]:
    """The collection's completions with prompts and attempts, by outcome where one is named, as the suite goes."""
    found = collection.completions.filter(outcome=outcome) if outcome else collection.completions.all()
    # A suite's probes were stored in its order, so that their ids are in order too, and an index gives it.
    return found.order_by("probe", "sample")


def with_evidence(page: Page[Completion]) -> list[Completion]:
    """A page's completions with their probes and attempts, without the bytes."""
    found = Completion.objects.filter(pk__in=[c.pk for c in page]).select_related("probe", "evidence")
    return list(found.defer("next_tokens", "evidence__raw_zlib", "evidence__request_zlib").order_by("probe", "sample"))


def attempts(completion: Completion) -> QuerySet[Attempt]:
    """Every attempt of the call that a completion answers, the first one first."""
    call = completion.evidence.call_id if completion.evidence else None
    return Attempt.objects.filter(call=call).defer("raw_zlib", "request_zlib")
