"""Stores completions that were recorded elsewhere: whole corpora, and single transcript files.

Each model is read, checked and stored in one transaction of its own: a bad file changes nothing that is stored, and
says which row is wrong, while its neighbours are imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from forensics import probes
from forensics.corpora import ResponseSource
from forensics.errors import BadInput, CorpusError
from forensics.provenance import sha256_json
from forensics.records import GenerationConfig, Prompt, ResponseSet
from forensics.storable import storable_set
from forensics.transcripts import read_responses
from webapp.accounts.access import home_team, may_work
from webapp.catalogue.models import Model, Role
from webapp.custody import services as custody
from webapp.probing import queries, services
from webapp.probing.models import Collection, Completion, Suite
from webapp.probing.storable import columns

BATCH = 1000
RECORDED_CONFIG = GenerationConfig(max_tokens=512)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one model: status is imported, unchanged or failed (then `error` names file and row)."""

    name: str
    status: str
    completions: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a corpus. `suite` is None where no model could be stored."""

    suite: Suite | None
    models: tuple[Imported, ...]

    def count(self, status: str) -> int:
        """How many models ended so."""
        return sum(model.status == status for model in self.models)


def suite_of(name: str, prompts: Iterable[Prompt]) -> probes.Suite:
    """The suite that sends a corpus' prompts to a live model: greedy, up to 512 tokens."""
    ordered = sorted(prompts, key=lambda p: p.prompt_id)
    version = sha256_json([p.as_json() for p in ordered])[:12]
    rows = tuple(probes.Probe(prompt, RECORDED_CONFIG) for prompt in ordered)
    return probes.Suite(name, version, f"Prompts of the corpus {name}", rows)


def import_source(
    source: ResponseSource, *, user: Any = None, progress: Callable[[Imported], None] | None = None
) -> Report:
    """Every model of a corpus stored as a recorded model, and its prompts as a suite. What is stored already is left.

    Raises CorpusError, with nothing stored, where the prompts themselves cannot be read.
    """
    record = suite_of(source.path.resolve().name, source.prompts.values())
    suite: Suite | None = None
    done: list[Imported] = []
    for name in source.models:
        try:
            responses = source.responses(name)
            suite = suite or services.register_suite(record, origin=Suite.Origin.CORPUS, user=user)
            model = _recorded_model(name, Role.BACKGROUND, str(source.path.resolve()), user)
            done.append(store(responses, model, suite, user=user))
        except BadInput as problem:
            done.append(Imported(name, "failed", error=str(problem)))
        if progress:
            progress(done[-1])
    return Report(suite, tuple(done))


def register_transcripts(
    *, name: str, path: Path, suite: Suite, role: str = Role.QUESTIONED, user: Any = None, claimed_identity: str = ""
) -> Model:
    """A new recorded model from one .jsonl or .jsonl.gz file of replies to a suite's prompts.

    Raises CorpusError naming file and row, or BadInput for a name in use; then nothing is stored.
    """
    if Model.objects.filter(name=name).exists():
        raise BadInput(f"a model called {name!r} is already registered; choose another name")
    responses = read_responses(path, known=queries.prompts(suite), model=name)
    model = _recorded_model(name, role, str(path), user)
    model.claimed_identity = claimed_identity
    store(responses, model, suite, user=user)
    return model


def _recorded_model(name: str, role: str, location: str, user: Any) -> Model:
    """The recorded model of that name, or an unsaved new one; raises BadInput where a live model has the name."""
    model = Model.objects.filter(name=name).first()
    if model is None:
        team = home_team(user)
        return Model(name=name, role=role, adapter="recorded", location=location[:1000], team_id=team, created_by=user)
    if not model.is_recorded:
        raise BadInput(f"{name!r} is the name of a live model; rename that or the recording, nothing was changed")
    if user is not None and not may_work(user, model.team_id):
        raise BadInput(f"the name {name!r} is taken; give the recording another one, nothing was changed")
    return model


def store(responses: ResponseSet, model: Model, suite: Suite, *, user: Any = None) -> Imported:
    """A finished recorded collection with all completions of a response set, unless the same content is there."""
    responses = storable_set(responses)
    same = Collection.objects.filter(
        model__name=model.name, suite=suite, recorded=True, content_hash=responses.content_hash
    )
    if same.exists():
        return Imported(model.name, "unchanged", len(responses.completions))
    probes_by_id = _probe_ids(suite)
    if unknown := sorted({c.prompt_id for c in responses.completions} - probes_by_id.keys()):
        raise CorpusError(f"prompt id {unknown[0]!r} is not in the suite {suite}", where=model.name)
    with transaction.atomic():
        model.save()
        collection = _collection(responses, model, suite, user)
        rows = [
            Completion(collection=collection, probe_id=probes_by_id[c.prompt_id], **columns(c))
            for c in responses.completions
        ]
        Completion.objects.bulk_create(rows, batch_size=BATCH)
        custody.append(
            actor=user,
            action="recording-imported",
            subject=collection.pk,
            team=model.team_id,
            model=model.name,
            suite_hash=suite.suite_hash,
            completions=len(rows),
            content_hash=responses.content_hash,
        )
    return Imported(model.name, "imported", len(rows))


def _probe_ids(suite: Suite) -> dict[str, int]:
    return dict(suite.probes.order_by().values_list("prompt_id", "pk"))


def _collection(responses: ResponseSet, model: Model, suite: Suite, user: Any) -> Collection:
    counts: dict[str, int] = {}
    for completion in responses.completions:
        counts[completion.outcome.value] = counts.get(completion.outcome.value, 0) + 1
    return Collection.objects.create(
        model=model,
        suite=suite,
        state=Collection.State.DONE,
        recorded=True,
        planned=len(responses.completions),
        counts=counts,
        content_hash=responses.content_hash,
        tokenizer_hash=responses.tokenizer,
        finished_at=timezone.now(),
        created_by=user,
    )
