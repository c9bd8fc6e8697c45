"""Recorded corpora and transcript files become recorded models, whole or not at all."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from forensics.corpora import open_corpus
from forensics.errors import BadInput, CorpusError
from forensics.probes import Suite as SuiteRecord
from tests.helpers.making import scripted_model, stored_suite
from webapp.catalogue.models import Model
from webapp.custody.queries import verify
from webapp.probing import importing, queries, services, verifying
from webapp.probing.models import Collection, Completion, Suite

pytestmark = pytest.mark.django_db


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three models, four prompts; NUL bytes, an empty reply and a repeat among them."""
    folder = tmp_path / "tiny"
    (folder / "responses").mkdir(parents=True)
    prompts = [{"prompt_id": f"q{i}", "prompt": f"Say {i}", "category": "open"} for i in range(4)]
    _write(folder / "prompts.jsonl.gz", prompts)
    for name in ("a", "b", "c"):
        rows = [{"prompt_id": f"q{i}", "sample": 0, "response": f"{name} says {i}\x00"} for i in range(3)]
        rows += [{"prompt_id": "q3", "sample": s, "response": "" if s else "again", "finish": "stop"} for s in (0, 1)]
        _write(folder / "responses" / f"{name}.jsonl.gz", rows)
    return folder


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def run(folder: Path) -> dict[str, object]:
    """The command's JSON."""
    out = io.StringIO()
    call_command("import_corpus", str(folder), "--json", stdout=out)
    return json.loads(out.getvalue())


def stored() -> tuple[int, ...]:
    """How much is stored."""
    return tuple(kind.objects.count() for kind in (Model, Suite, Collection, Completion))


def test_what_was_imported_is_what_the_corpus_holds(corpus: Path) -> None:
    report = run(corpus)
    assert [m["status"] for m in report["models"]] == ["imported"] * 3
    assert stored() == (3, 1, 3, 15)
    suite = Suite.objects.get()
    source = open_corpus(corpus)
    assert queries.prompts(suite) == dict(source.prompts)
    for collection in Collection.objects.all():
        kept, read = queries.response_set(collection), source.responses(collection.model.name)
        assert [c.text for c in kept.completions] == [c.text.replace("\x00", "\ufffd") for c in read.completions]
        assert [c.outcome for c in kept.completions] == [c.outcome for c in read.completions]
        assert collection.counts == {"completed": 4, "empty": 1}
    assert list(verifying.problems()) == []
    assert verify().intact


def test_the_same_content_again_says_so_and_changes_nothing(corpus: Path) -> None:
    run(corpus)
    before = stored()
    assert [m["status"] for m in run(corpus)["models"]] == ["unchanged"] * 3
    out = io.StringIO()
    call_command("import_corpus", str(corpus), stdout=out)
    assert "All 3 models are stored already, with the same content." in out.getvalue()
    assert stored() == before


def test_a_bad_file_is_named_and_its_neighbours_are_kept(corpus: Path) -> None:
    path = corpus / "responses" / "b.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-12])
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 of 3 models could not be imported") as caught:
        call_command("import_corpus", str(corpus), stdout=out)
    assert caught.value.returncode == 2
    assert "b.jsonl.gz" in out.getvalue()
    assert "truncated" in out.getvalue()
    assert list(Model.objects.values_list("name", flat=True)) == ["a", "c"]
    assert stored() == (2, 1, 2, 10)


@pytest.mark.parametrize("spoilt", ["not json\n", '{"prompt": "no id"}\n', ""])
def test_unreadable_prompts_store_nothing(corpus: Path, spoilt: str) -> None:
    (corpus / "prompts.jsonl.gz").write_bytes(gzip.compress(spoilt.encode()))
    with pytest.raises(CommandError, match=r"prompts\.jsonl\.gz.*Nothing was stored"):
        run(corpus)
    assert stored() == (0, 0, 0, 0)


def test_a_live_model_keeps_its_name_and_its_completions(corpus: Path, tmp_path: Path) -> None:
    live = scripted_model(tmp_path, "b")
    with pytest.raises(CommandError):
        run(corpus)
    assert not live.collections.exists()
    assert Model.objects.get(name="b").adapter == "scripted"


def test_changed_content_is_a_further_collection_and_the_latest_speaks(corpus: Path) -> None:
    run(corpus)
    _write(corpus / "responses" / "a.jsonl.gz", [{"prompt_id": "q0", "response": "otherwise"}])
    assert [m["status"] for m in run(corpus)["models"]] == ["imported", "unchanged", "unchanged"]
    latest = queries.latest_done(Model.objects.get(name="a"), Suite.objects.get())
    assert latest is not None
    assert [c.text for c in queries.response_set(latest).completions] == ["otherwise"]


def test_the_same_prompts_can_be_sent_to_a_live_model(corpus: Path, tmp_path: Path) -> None:
    run(corpus)
    collection = services.start_collection(scripted_model(tmp_path), Suite.objects.get())
    assert collection.planned == 4
    config = collection.calls.first().probe.record.config
    assert (config.max_tokens, config.temperature) == (512, 0.0)


def test_a_transcript_file_becomes_a_recorded_model(tmp_path: Path) -> None:
    suite = stored_suite(2)
    path = tmp_path / "t.jsonl"
    path.write_text('{"prompt_id": "p000", "response": "one"}\n{"prompt_id": "p001", "response": "two"}\n')
    model = importing.register_transcripts(name="sent in", path=path, suite=suite)
    assert queries.models_with_responses(suite, Model.objects.all()) == [model]
    with pytest.raises(BadInput, match="no probe can be sent"):
        services.start_collection(model, suite)
    path.write_text('{"prompt_id": "p000", "response": "one"}\n{"prompt_id": "p777", "response": "two"}\n')
    with pytest.raises(CorpusError, match=r"t\.jsonl, line 2.*p777"):
        importing.register_transcripts(name="other", path=path, suite=suite)
    assert stored() == (1, 1, 1, 2)


def test_a_stored_suite_gives_back_the_record_it_was_made_from() -> None:
    suite = stored_suite(3, samples=2)
    record: SuiteRecord = queries.suite_record(suite)
    assert record.suite_hash == suite.suite_hash


def test_changed_evidence_is_found(corpus: Path) -> None:
    run(corpus)
    Completion.objects.filter(text__startswith="a says 1").update(text="a never said this")
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("ledger", "verify", stdout=out)
    assert caught.value.returncode == 5
    assert "tiny" in out.getvalue()
    assert "on a " in out.getvalue()
