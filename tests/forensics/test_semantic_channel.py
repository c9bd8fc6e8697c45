"""The channel that runs on request: its embeddings, its bounds, and what a comparison does without it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.__main__ import main
from forensics.channels import semantic
from forensics.channels.semantic import PLUGIN as SEMANTIC
from forensics.errors import BadInput
from forensics.features import embeddings
from forensics.features.embeddings import chunks, embed, embedding_table
from forensics.lineage.comparison import compare
from forensics.records import Completion, Outcome, Prompt, ResponseSet
from tests.forensics import worlds


def test_long_texts_are_cut_into_pieces_and_nothing_of_the_first_four_is_lost() -> None:
    words = [f"w{i}" for i in range(400)]
    assert " ".join(chunks(" ".join(words))) == " ".join(words)
    assert [len(c.split()) for c in chunks(" ".join(words))] == [160, 160, 80]
    assert all(len(c) <= 1000 for c in chunks("字" * 2500))
    assert "".join(chunks("字" * 2500)) == "字" * 2500
    assert len(chunks("word " * 5000)) == 4
    assert chunks(" \n ") == []


def test_embeddings_tell_meaning_and_do_not_hang_on_order_or_company() -> None:
    texts = [
        "Boil the eggs for ten minutes, then cool them in water.",
        "Cook eggs in boiling water for about ten minutes and chill them.",
        "The treaty of 1648 ended a long war in Europe.",
        "",
        "A lighthouse keeper counts the ships. " * 60,
    ]
    told = embed(texts)
    assert told[0] @ told[1] > told[0] @ told[2] + 0.3
    assert np.allclose(np.linalg.norm(told, axis=1), [1, 1, 1, 0, 1], atol=1e-5)
    again = embed(texts[::-1])[::-1]
    assert np.array_equal(told, again)
    assert np.allclose(embed(texts[:1]), told[:1], atol=1e-4)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each call of the encoder was given."""
    calls: list[int] = []

    def counting(texts: list[str]) -> np.ndarray:
        calls.append(len(texts))
        return embed(texts)

    monkeypatch.setattr(embeddings, "embed", counting)
    return calls


def test_kin_mean_the_same_and_gaps_samples_and_empty_replies_are_handled() -> None:
    sets = worlds.population(12, 20, kin={4: 1}, words=8)
    sets[2] = ResponseSet.of("m02", sets[2].completions[:9])
    sets[4] = ResponseSet.of("m04", [*sets[4].completions, *(replace(c, sample=1) for c in sets[1].completions)])
    sets[5] = ResponseSet.of("m05", [replace(c, text="", outcome=Outcome.EMPTY) for c in sets[5].completions])
    sets[6] = ResponseSet.of("m06", [replace(c, text="<think>never closed") for c in sets[6].completions])
    result = SEMANTIC.compare([SEMANTIC.fingerprint(s) for s in sets], worlds.prompts(20))
    told = result.scores["semantic"]
    assert told[1, 4] == np.nanmax(told)
    assert np.isnan(told[[2, 5, 6]]).all()
    assert result.n[2, 1] == 9
    assert result.n[0, 1] == 20


def test_the_prompts_read_are_bounded_and_chosen_by_what_they_ask() -> None:
    asked = worlds.prompts(200)
    chosen = SEMANTIC.prompts_read(asked)
    assert len(chosen) == semantic.MOST_PROMPTS
    renamed = {f"x{k}": replace(p, prompt_id=f"x{k}") for k, p in reversed(asked.items())}
    assert SEMANTIC.prompts_read(renamed) == {f"x{i}" for i in chosen}
    more = asked | {"zz": Prompt.chat("zz", "Who are you?", family="self-identification")}
    assert SEMANTIC.prompts_read(more) == chosen


def test_a_comparison_reads_nothing_unless_asked_and_then_the_chosen_prompts_alone(
    read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semantic, "MOST_PROMPTS", 12)
    sets, asked = worlds.population(9, 20, kin={4: 1}, words=8), worlds.prompts(20)
    without = compare(sets, asked, replicates=1)
    assert np.isnan(without.scores["semantic"]).all()
    assert sum(read) == 0
    told = compare(sets, asked, replicates=1, extra=["semantic"])
    assert sum(read) == 9 * 12
    assert np.nanargmax(told.scores["semantic"][1]) == 4
    for name in without.llr_raw:
        assert np.array_equal(told.llr_raw[name], without.llr_raw[name], equal_nan=True)
    with pytest.raises(BadInput, match="agreement; known: representations, semantic"):
        compare(sets, asked, extra=["agreement"])


def test_the_command_keeps_the_column_and_fills_it_on_request(read: list[int], tmp_path: Path) -> None:
    corpus = worlds.write_corpus(tmp_path / "c", worlds.population(9, 12, words=8), worlds.prompts(12))
    for more, filled in (([], False), (["--with", "semantic"], True)):
        out = tmp_path / "p.csv"
        assert main(["compare", str(corpus), "--out", str(out), *more]) == 0
        with out.open(newline="") as handle:
            cells = [row["score_semantic"] for row in csv.DictReader(handle)]
        assert [bool(cell) for cell in cells] == [filled] * 36


def test_nothing_to_read_is_an_empty_table() -> None:
    table = embedding_table(ResponseSet.of("m", [Completion("p", "", outcome=Outcome.EMPTY)]))
    assert table["prompt_ids"].size == 0
    assert table["embedding"].shape == (0, 384)
