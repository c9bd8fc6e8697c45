"""The fingerprints of a population, made or found again, one response set at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from multiprocessing import get_context
from pathlib import Path

from forensics import channels, registry
from forensics.channels import Channel, Fingerprint, OfFolder, OnRequest
from forensics.errors import BadInput
from forensics.features.cache import FingerprintCache
from forensics.lineage.weighing import Given, folder_print
from forensics.records import Prompt, ResponseSet

Progress = Callable[[str, float], None]


def silent(_stage: str, _share: float) -> None:
    """Say nothing of how far it is."""


@dataclass(frozen=True)
class Fingerprinted:
    """One model's fingerprints, by feature. content: the hash of the responses that they were made of."""

    model: str
    tokenizer: str
    content: str
    prints: Mapping[str, Fingerprint]


@dataclass(frozen=True)
class Maker:
    """The channel that makes a feature, and the prompts whose responses it is given; None for all. asked: whether it is
    to run, which one that runs on request is only when it was asked for."""

    channel: str
    reads: frozenset[str] | None
    asked: bool = True


def makers_of(
    plugins: Mapping[str, Channel], prompts: Mapping[str, Prompt], extra: Collection[str]
) -> dict[str, Maker]:
    """What makes each feature. A channel that runs on request is given no responses unless it was asked for."""
    requested = {name: plugin for name, plugin in plugins.items() if isinstance(plugin, OnRequest)}
    if odd := sorted(set(extra) - set(requested)):
        raise BadInput(f"no channel that runs on request: {', '.join(odd)}; known: {', '.join(sorted(requested))}")
    reads = {name: p.prompts_read(prompts) if name in extra else frozenset() for name, p in requested.items()}
    asked = {name: name not in requested or name in extra for name in plugins}
    return {plugin.feature: Maker(name, reads.get(name), asked[name]) for name, plugin in plugins.items()}


def _fingerprint_one(work: tuple[ResponseSet, Given | None, dict[str, Maker], Path | None]) -> Fingerprinted:
    """All fingerprints of one model, by feature. Runs in a worker process where there are several."""
    responses, weights, makers, folder = work
    cache = FingerprintCache(folder)
    found: dict[str, Fingerprint] = {}
    for feature, maker in makers.items():
        plugin = registry.load(channels.PACKAGE, maker.channel)
        if weights is not None and maker.asked and isinstance(plugin, OfFolder):
            found[feature] = folder_print(plugin, feature, weights, cache)
            continue
        given = responses if maker.reads is None else responses.on(maker.reads)
        make = partial(plugin.fingerprint, given)
        found[feature] = cache.get({"feature": feature, "content": given.content_hash}, make)
    return Fingerprinted(responses.model, responses.tokenizer, responses.content_hash, found)


def fingerprints(
    sets: Iterable[ResponseSet],
    makers: dict[str, Maker],
    cache: Path | None,
    jobs: int,
    report: Progress,
    *,
    folders: Mapping[str, Given] | None = None,
) -> list[Fingerprinted]:
    """Fingerprints of every set, sorted by model. A few sets a process are read ahead, never all of them.

    folders: the weights folders of those models that have one, by name.
    """
    found: list[Fingerprinted] = []
    given = folders or {}
    work = ((responses, given.get(responses.model), makers, cache) for responses in sets)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) if jobs > 1 else nullcontext() as pool:
        while batch := list(islice(work, jobs * 4)):
            found += pool.map(_fingerprint_one, batch) if pool else map(_fingerprint_one, batch)
            report(f"read {len(found)} models", 0.0)
    return sorted(found, key=lambda item: item.model)


def distinct(found: list[Fingerprinted]) -> list[Fingerprinted]:
    """The same, in order of name; raises BadInput for fewer than two models or a name that is there twice."""
    names = [item.model for item in found]
    if len(names) < 2:
        raise BadInput(f"a comparison needs at least two models, and there is {len(names)}")
    if twice := sorted({before for before, after in pairwise(names) if before == after}):
        raise BadInput(f"given twice: {', '.join(twice)}")
    return found
