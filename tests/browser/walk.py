"""Where the browser goes: a place for every address of the site, or a reason why it has none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.urls import URLPattern, URLResolver, get_resolver

from tests.helpers.populations import HOSTILE, OTHER
from webapp.accounts.models import Team
from webapp.casework.cases.pages import SECTIONS
from webapp.casework.models import Case
from webapp.catalogue.models import Model
from webapp.probing.models import Collection

ACT = "an act: its form stands on a page that is walked, and tests/webapp posts to it"
DATA = "data for a page or a download, not a page"
WITHOUT_A_PAGE = {
    "sign-out": ACT, "catalogue:authorise": ACT, "catalogue:test": ACT, "catalogue:secret": ACT, "casework:retry": ACT,
    "probing:store-shipped": ACT, "probing:store-own": ACT, "probing:resume": ACT, "probing:segment": ACT,
    "probing:act": ACT, "probing:progress": DATA, "probing:attempt": DATA, "probing:raw": DATA,
    "casework:progress": DATA, "casework:csv": DATA, "explaining:ask": ACT, "explaining:progress": DATA,
    "explaining:csv": DATA, "engine:csv": DATA, "help:csv": DATA, "cases:act": ACT, "cases:progress": DATA,
    "cases:attachment": DATA, "cases:report-file": DATA, "team-home": ACT, "team-remove": ACT,
    "exporting:progress": DATA, "exporting:table": DATA, "exporting:bundle": DATA, "exporting:again": ACT,
}  # fmt: skip


def addresses(comparison: Any, waiting: Any, failed: Any) -> dict[str, str]:
    """A name for each picture, and its address. comparison: a finished one; waiting, failed: two that are not."""
    model = Model.objects.get(name=OTHER)
    collection = Collection.objects.filter(model=model).get()
    place, two = f"/comparisons/{comparison.pk}/", urlencode({"a": HOSTILE, "b": OTHER})
    return {
        "home": "/", "models": "/models/", "models-none-fits": "/models/?q=nothing+is+called+this",
        "model": f"/models/{model.pk}/", "register": "/models/register/",
        "register-endpoint": "/models/register/?way=endpoint",
        "register-transcripts": "/models/register/?way=transcripts",
        "suites": "/suites/", "suite": f"/suites/{comparison.suite.pk}/", "collections": "/collections/",
        "attempts": f"/completions/{collection.completions.first().pk}/",  # type: ignore[union-attr]
        "collection": f"/collections/{collection.pk}/", "watch": f"/collections/?ids={collection.pk}",
        "start": "/collections/start/", "compare": "/comparisons/start/", "comparisons": "/comparisons/",
        "comparisons-none-fits": "/comparisons/?state=failed&q=nothing", "waiting": f"/comparisons/{waiting.pk}/",
        "failed": f"/comparisons/{failed.pk}/", "custody": "/custody/", "heatmap": place,
        "tree": f"{place}?view=tree&{urlencode({'questioned': HOSTILE})}",
        "ranking": f"{place}?view=ranking&{urlencode({'questioned': HOSTILE})}", "pairs": f"{place}?view=pairs",
        "network": f"{place}?view=network", "refusals": f"{place}?view=refusals", "validation": "/validation/",
        "help": "/help/", "help-lr": "/help/lr/", "why": f"{place}pair/why/?{two}",
        "pair": f"{place}pair/?{two}", "channel": f"{place}pair/channel/?{two}&score=agreement",
        "channel-not-estimable": f"{place}pair/channel/?{two}&score=logprobs",
        "probe": f"{place}pair/probe/?{two}&prompt=p000&hidden=shown",
        "repeats": f"{place}pair/probe/?{two}&prompt=p001&score=agreement", "not-there": "/models/none/",
    }  # fmt: skip


def addresses_of_cases(case: Case, team: Team) -> dict[str, str]:
    """The same for a case, section by section, and for teams and people."""
    sections = {f"case-{name}": f"/cases/{case.pk}/{name}/" for name in SECTIONS}
    return sections | {
        "case": f"/cases/{case.pk}/", "cases": "/cases/", "cases-none-fits": "/cases/?q=nothing+is+called+this",
        "case-start": "/cases/start/", "teams": "/teams/", "team": f"/teams/{team.pk}/", "person": "/people/add/",
    }  # fmt: skip


NOT_THERE = ("not-there",)


def names(patterns: list[URLPattern | URLResolver] | None = None, space: str = "") -> Iterator[str]:
    """The full name of every address."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns, f"{space}{pattern.namespace}:" if pattern.namespace else space)
        else:
            yield f"{space}{pattern.name}"
