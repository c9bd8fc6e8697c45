"""Reads for the way down from a pair to its probes and their completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Reply:
    """One distinct text among a model's repeats of a probe: its earliest completion, how many are the same in text
    and outcome, their sample numbers, and whether the other model says it too."""

    first: Completion
    samples: tuple[int, ...]
    shared: bool

    @property
    def count(self) -> int:
        """How many of the repeats it is."""
        return len(self.samples)


@dataclass(frozen=True, slots=True)
class Row:
    """One probe with both models' distinct replies, the most frequent first. part: what a score gives on it, where one
    is looked at that is made of prompts."""

    probe: Probe
    a: tuple[Reply, ...]
    b: tuple[Reply, ...]
    part: float | None = None

    @property
    def same(self) -> bool:
        """Whether both sides gave one text."""
        return any(reply.shared for reply in self.a)


def rows(a: Collection, b: Collection, probes: Any, parts: Mapping[str, float] | None = None) -> list[Row]:
    """Each probe with what both sides said to it. parts: what a score gives on them, by prompt id."""
    listed, known = list(probes), parts or {}
    sides = {c.pk: _by_probe(c, listed) for c in (a, b)}
    return [
        _row(probe, sides[a.pk].get(probe.pk, []), sides[b.pk].get(probe.pk, []), known.get(probe.prompt_id))
        for probe in listed
    ]


def _row(probe: Probe, left: Sequence[Completion], right: Sequence[Completion], part: float | None) -> Row:
    said = [{c.text for c in side if c.text} for side in (left, right)]
    return Row(probe, _distinct(left, said[1]), _distinct(right, said[0]), part)


def by_part(probes: QuerySet[Probe], parts: Mapping[str, float]) -> list[Probe]:
    """Those of the probes that a score is made of, in the order of the parts."""
    found = {probe.prompt_id: probe for probe in probes}
    return [found[prompt_id] for prompt_id in parts if prompt_id in found]


def _distinct(completions: Sequence[Completion], elsewhere: set[str]) -> tuple[Reply, ...]:
    groups: dict[tuple[str, str], list[Completion]] = {}
    for completion in completions:
        groups.setdefault((completion.text, completion.outcome), []).append(completion)
    replies = [Reply(g[0], tuple(c.sample for c in g), text in elsewhere) for (text, _), g in groups.items()]
    return tuple(sorted(replies, key=lambda reply: (-reply.count, reply.first.sample)))


def _by_probe(collection: Collection, probes: Sequence[Probe]) -> dict[int, list[Completion]]:
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
