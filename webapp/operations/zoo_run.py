"""The zoo through the very services that the pages use: register, collect, compare. What is stored is used again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import forensics
from forensics.evaluation import calibration as calibrations
from forensics.lineage.records import Comparison as Result
from forensics.probes import load_suite
from forensics.zoo.members import members
from webapp.casework import queries as casework_queries
from webapp.casework import services as casework
from webapp.casework.models import Comparison
from webapp.catalogue import services as catalogue
from webapp.catalogue.models import Access, Model
from webapp.operations.group import GroupError
from webapp.probing import queries as probing_queries
from webapp.probing import services as probing
from webapp.probing.models import Collection, Suite

SUITE = "core"
Moving = Callable[[str], None]
Wait = Callable[[Callable[[], bool], str], None]
"""Called with a question and what is waited for; keeps the group going until the answer is yes."""


def register(folder: Path) -> tuple[dict[str, Model], int]:
    """Every member by name, and how many were new. A name that another folder's model has gets a suffix."""
    known = {m.location: m for m in Model.objects.filter(access=Access.WEIGHTS, location__startswith=str(folder))}
    found: dict[str, Model] = {}
    for name in members():
        location = str(folder / name)
        found[name] = known.get(location) or catalogue.register_weights(name=_free_name(name, folder), folder=location)
    return found, len(found) - len(known)


def _free_name(name: str, folder: Path) -> str:
    return f"{name} ({folder.name[:6]})" if Model.objects.filter(name=name).exists() else name


def stored_suite() -> Suite:
    """The suite that the zoo answers."""
    return probing.register_suite(load_suite(SUITE))


def collect(models: Sequence[Model], suite: Suite, *, fresh: bool, wait: Wait, moving: Moving) -> int:
    """How many models had to be probed now. With `fresh` all are, whatever is stored."""
    started = []
    for model in models:
        if fresh or probing_queries.latest_done(model, suite) is None:
            started.append(_open_collection(model, suite) or probing.start_collection(model, suite))
    done = {collection.pk: 0 for collection in started}
    planned = sum(collection.planned for collection in started)

    def finished() -> bool:
        for collection in started:
            if collection.state == Collection.State.RUNNING:
                collection.refresh_from_db()
                done[collection.pk] = probing_queries.tally(collection).done
        ended = sum(collection.state == Collection.State.DONE for collection in started)
        moving(f"probing: {sum(done.values()):,} of {planned:,} calls, {ended} of {len(started)} models finished")
        _raise_if_stopped(started)
        return ended == len(started)

    if started:
        wait(finished, "the collections")
    return len(started)


def _open_collection(model: Model, suite: Suite) -> Collection | None:
    """One that an interrupted run left: it goes on where it was."""
    left = model.collections.filter(suite=suite, state__in=["running", "paused", "failed"]).first()
    if left is not None and left.state != Collection.State.RUNNING:
        probing.resume(left)
    return left


def _raise_if_stopped(collections: Sequence[Collection]) -> None:
    for collection in collections:
        if collection.state not in (Collection.State.RUNNING, Collection.State.DONE):
            raise GroupError(f"{collection} is {collection.state}: {collection.error or 'see its page'}")


def compare(
    models: Mapping[str, Model], suite: Suite, *, wait: Wait, moving: Moving
) -> tuple[Comparison, Result, bool]:
    """The comparison of these models' latest responses, its result, and whether it was computed now."""
    latest = [probing_queries.latest_done(model, suite) for model in models.values()]
    if stored := _stored({c.pk for c in latest if c is not None}, suite):
        return stored, casework_queries.result(stored), False
    comparison = casework.start_comparison(suite=suite, models=list(models.values()), title="The zoo")

    def finished() -> bool:
        comparison.refresh_from_db()
        moving(f"comparing: {comparison.stage or comparison.state}, {comparison.progress:.0%}")
        if comparison.state == Comparison.State.FAILED:
            raise GroupError(f"the comparison failed: {comparison.error}")
        return comparison.state == Comparison.State.DONE

    wait(finished, "the comparison")
    return comparison, casework_queries.result(comparison), True


def _stored(collections: set[object], suite: Suite) -> Comparison | None:
    """A finished comparison of exactly these collections, by this version of the engine and its calibrations."""
    for comparison in Comparison.objects.filter(suite=suite, state=Comparison.State.DONE):
        same = set(comparison.collections.values_list("pk", flat=True)) == collections
        if same and comparison.folder.is_dir() and _is_current(casework_queries.result(comparison)):
            return comparison
    return None


def _is_current(result: Result) -> bool:
    shipped = {calibration.hash for calibration in calibrations.shipped()}
    used = result.calibration.get("hash")
    return result.manifest.get("filiation") == forensics.__version__ and (used in shipped or not shipped)
