"""A finished comparison of a small made-up population, one of its members hostile."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import timezone

from forensics.lineage.comparison import compare
from forensics.lineage.records import PROPOSITIONS
from forensics.lineage.records import Comparison as Result
from forensics.lineage.storage import save
from forensics.records import Completion, ResponseSet
from tests.helpers.making import stored_suite
from webapp.casework.models import Comparison
from webapp.catalogue.models import Model
from webapp.probing import queries
from webapp.probing.importing import store
from webapp.probing.models import Suite

HOSTILE = '<img src=x onerror="window.owned=1"><b>bold</b>'
OTHER = "family-0-member-1"
HOSTILE_TEXT = HOSTILE + "<script>window.owned=1</script> zero\u200bwidth \u202edesrever and more words follow here"
WORDS = [f"word{i}" for i in range(400)]


def _text(model: int, prompt: int, words: int = 30) -> str:
    family = random.Random(1000 * prompt + model // 3)
    own = random.Random(f"{model}-{prompt}")
    return " ".join((family if own.random() < 0.8 else own).choice(WORDS) for _ in range(words))


def finished_comparison(models: int = 9, prompts: int = 24) -> Comparison:
    """Groups of three that share most words, compared by the real engine and stored."""
    suite = stored_suite(prompts)
    names = [HOSTILE, *(f"family-{i // 3}-member-{i % 3}" for i in range(1, models))]
    for number, name in enumerate(names):
        replies = [Completion(f"p{p:03}", _text(number, p)) for p in range(prompts)]
        # Repeats: of four samples three are the same text, and all models of a group share it.
        replies += [Completion("p001", replies[1].text if s < 3 else f"another, of {number}", s) for s in (1, 2, 3)]
        if number == 0:
            replies[0] = Completion("p000", HOSTILE_TEXT)
        store(ResponseSet.of(name, replies), Model(name=name, adapter="recorded", location="made up"), suite)
    comparison = record(suite, f"{models} models")
    chosen = comparison.collections.select_related("model")
    save(compare([queries.response_set(c) for c in chosen], queries.prompts(suite), replicates=20), comparison.folder)
    return comparison


def large_comparison(models: int = 135) -> Comparison:
    """A stored result of random distances, as large as the largest recorded corpus."""
    comparison = record(stored_suite(1, name="large"), f"{models} models")
    save(random_result([f"model-{i:03}" for i in range(models)]), comparison.folder)
    return comparison


def record(suite: Suite, title: str, state: str = "done", **more: Any) -> Comparison:
    """A comparison of everything that answered the suite, without a result yet."""
    comparison = Comparison.objects.create(
        title=title, suite=suite, state=state, progress=1.0, attempt=1, finished_at=timezone.now(), **more
    )
    comparison.collections.set(suite.collections.all())
    Path(comparison.folder).mkdir(parents=True)
    return comparison


def random_result(names: Sequence[str], replicates: int = 3) -> Result:
    """A result of random distances among so many models. Its bootstrap replicates differ by a little noise."""
    m = len(names)
    rng = np.random.default_rng(7)
    places = rng.normal(size=(m, 4)) + 4 * rng.normal(size=(m // 5 + 1, 4))[np.arange(m) // 5]
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    kin = 2 - distance
    np.fill_diagonal(kin, np.nan)
    llr = {name: np.clip(kin, -1, 2.3) for name in PROPOSITIONS}
    ok = np.full((m, m), "ok", dtype=object)
    return Result(
        tuple(names), np.full((m, m), 60), {"agreement": kin}, kin, kin, llr,
        dict.fromkeys(PROPOSITIONS, kin), np.ones((m, m)), ok, np.full((m, m), "derived", dtype=object), distance,
        np.stack([_blurred(distance, rng) for _ in range(replicates)]),
        {"name": "made up", "version": "1", "bounds": {name: [-1.0, 2.3] for name in PROPOSITIONS}, "no_lr_reason": ""},
    )  # fmt: skip


def _blurred(distance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(scale=0.05, size=distance.shape)
    return np.abs(distance + np.triu(noise, 1) + np.triu(noise, 1).T).astype(np.float32)
