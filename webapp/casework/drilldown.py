"""Reads for the way down from a pair to its probes and their completions."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from webapp.probing.models import Collection, Completion, Probe


def shared_probes(
    a: Collection, b: Collection, *, words: str = "", family: str = "", same: bool = False
) -> QuerySet[Probe]:
    """Probes that both were asked, by words and family, or those alone that both answered with the same text."""
    found = a.suite.probes.filter(_answered(a), _answered(b))
    for word in words.split():
        found = found.filter(messages__icontains=word)
    if family:
        found = found.filter(family=family)
    if same:
        other = Completion.objects.filter(collection=b, probe=OuterRef("probe"), text=OuterRef("text"))
        mine = Completion.objects.filter(collection=a, probe=OuterRef("pk")).exclude(text="")
        found = found.filter(Exists(mine.filter(Exists(other))))
    return found


def _answered(collection: Collection) -> Exists:
    return Exists(Completion.objects.filter(collection=collection, probe=OuterRef("pk")))


def rows(a: Collection, b: Collection, probes: Any) -> list[dict[str, Any]]:
    """Each probe with both sides' completions in sample order, and whether any two are the same text."""
    listed = list(probes)
    sides = {c.pk: _by_probe(c, listed) for c in (a, b)}
    found = []
    for probe in listed:
        left, right = sides[a.pk].get(probe.pk, []), sides[b.pk].get(probe.pk, [])
        same = bool({c.text for c in left if c.text} & {c.text for c in right})
        found.append({"probe": probe, "a": left, "b": right, "same": same})
    return found


def _by_probe(collection: Collection, probes: list[Probe]) -> dict[int, list[Completion]]:
    groups: dict[int, list[Completion]] = {}
    wanted = collection.completions.filter(probe__in=probes).defer("next_tokens")
    for completion in wanted.order_by("sample"):
        groups.setdefault(completion.probe_id, []).append(completion)
    return groups


def neighbours(probes: QuerySet[Probe], probe: Probe) -> tuple[str, str]:
    """The prompt ids before and after this probe, '' at an end."""
    before = probes.filter(ordinal__lt=probe.ordinal).order_by("-ordinal").values_list("prompt_id", flat=True).first()
    after = probes.filter(ordinal__gt=probe.ordinal).order_by("ordinal").values_list("prompt_id", flat=True).first()
    return before or "", after or ""
