"""A real transformers model through the gpu queue: the ledger's way and the engine's way give the same responses."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from forensics import probes, registry
from forensics.adapters import PACKAGE, Target
from forensics.collection import collect
from forensics.errors import UnsafeWeights
from tests.helpers.tiny_model import tiny_model
from tests.helpers.workers import Worker
from webapp.catalogue import services as catalogue
from webapp.catalogue.models import Model
from webapp.probing import queries, services


def small_core() -> probes.Suite:
    """Some probes of every family of the core suite."""
    core = probes.load_suite("core")
    kept = [p for i, p in enumerate(core.probes) if i % 12 == 0]
    return dataclasses.replace(core, name="core-part", probes=tuple(kept))


@pytest.mark.zoo
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("valkey")
def test_a_weights_folder_is_registered_probed_and_kept_with_its_distributions(tmp_path: Path) -> None:
    folder, record = tiny_model(tmp_path / "weights"), small_core()
    model = catalogue.register_weights(name="tiny", folder=str(folder))
    assert len(model.tokenizer_hash) == 64
    with Worker(tmp_path / "log", queues="gpu") as worker:
        collection = services.start_collection(model, services.register_suite(record))
        worker.until(lambda: (collection.refresh_from_db(), collection.state != "running")[1], 90)
    assert (collection.state, collection.error) == ("done", "")
    kept = queries.response_set(collection)
    with registry.load(PACKAGE, "huggingface").open(Target(str(folder))) as session:
        direct = collect(record, session, name="tiny")
    assert [(c.prompt_id, c.sample, c.text) for c in kept.completions] == [
        (c.prompt_id, c.sample, c.text.replace("\x00", "\ufffd")) for c in direct.completions
    ]
    assert kept.tokenizer == direct.tokenizer == model.tokenizer_hash
    assert {c.prompt_id for c in kept.completions if c.next_tokens} == {
        c.prompt_id for c in direct.completions if c.next_tokens
    }
    assert len({p.prompt.family for p in record.probes}) == 5


@pytest.mark.django_db
def test_pickled_weights_are_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(UnsafeWeights):
        catalogue.register_weights(name="pickled", folder=str(tmp_path))
    assert not Model.objects.exists()
