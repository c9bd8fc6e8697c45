"""Populations of zoos and their power curves, on made-up recordings of the zoo's members."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from forensics.commands.power import shipped
from forensics.errors import BadInput
from forensics.evaluation import weighted
from forensics.evaluation.calibration import load
from forensics.probes import load_suite
from forensics.recording import write_prompts, write_responses
from forensics.records import Completion, Mode, NextToken, Prompt, ResponseSet
from forensics.zoo.__main__ import main
from forensics.zoo.members import Member, members, same_data
from forensics.zoo.population import shipped_tokenizers
from forensics.zoo.record import write_labels

SUITE = load_suite("core")
SEEDS = (1, 2, 3)
TOKENS = [f"t{n}" for n in range(6)]
Logits = NDArray[np.float64]


def _logits(member: Member, mode: Mode, told: Mapping[str, Logits], rng: np.random.Generator, n: int) -> Logits:
    """A child's distributions are near its parent's, a student's, in a chat, near its teacher's."""
    taught = member.teachers[0] if member.teachers and mode is Mode.CHAT else ""
    source = member.same_as or taught or member.parent or "".join(member.components[:1])
    own = rng.normal(size=(n, len(TOKENS)))
    return told[source] + (0.02 if member.same_as else 0.3) * own if source else 2 * own


def _next(prompt: Prompt, row: Logits) -> tuple[NextToken, ...]:
    logp = row - np.log(np.exp(row).sum())
    return (NextToken(len(prompt.text), tuple(zip(TOKENS, logp.round(6).tolist(), strict=True))),)


def _record(corpus: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    write_prompts((p.prompt for p in SUITE.probes), corpus)
    rows: dict[str, list[Completion]] = {name: [] for name in members()}
    for mode in Mode:
        asked = [p.prompt for p in SUITE.probes if p.prompt.mode is mode and p.config.top_logprobs]
        told: dict[str, Logits] = {}
        for name, member in members().items():
            told[name] = _logits(member, mode, told, rng, len(asked))
            for prompt, row in zip(asked, told[name], strict=True):
                rows[name].append(Completion(prompt.prompt_id, "so", next_tokens=_next(prompt, row)))
    for name, completions in rows.items():
        write_responses(ResponseSet.of(name, completions, members()[name].tokenizer), corpus)
    write_labels(corpus)


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("population")
    for seed in SEEDS:
        _record(folder / f"corpus-seed-{seed}", seed)
    return folder


def test_same_data_is_said_of_pairs_that_learnt_alike_and_have_no_lineage() -> None:
    assert same_data("alder", "birch")
    assert same_data("alder-chat-pruned", "dogwood-chat")
    for a, b in (("alder-chat-2", "birch-chat"), ("alder", "alder-chat-int8"), ("alder-merge", "birch-chat")):
        assert not same_data(a, b)


@pytest.fixture(scope="module")
def fitted(population: Path) -> Path:
    before = {path: path.stat().st_mtime_ns for path in population.rglob("*")}
    out = population.parent / "one.json"
    assert main(["population", "--out", str(population), "--seeds", "2,1", "--calibration", str(out)]) == 0
    assert {path: path.stat().st_mtime_ns for path in population.rglob("*")} == before
    return out


def test_a_finished_population_is_left_as_it_is_and_gives_a_calibration(fitted: Path) -> None:
    found = load(fitted)
    assert found.name == "zoo-core"
    assert found.corpora == ("corpus-seed-1", "corpus-seed-2")
    assert found.conditions.suite_hashes == (SUITE.suite_hash,)
    assert set(found.conditions.tokenizers) == shipped_tokenizers() == set(shipped().conditions.tokenizers)
    assert found.propositions["distilled"].families == 2


def test_a_corpus_of_another_suite_is_not_taken_for_a_finished_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(SUITE, probes=SUITE.probes[1:])
    write_prompts((p.prompt for p in other.probes), tmp_path / "corpus-seed-1")
    assert main(["population", "--out", str(tmp_path), "--seeds", "1"]) == BadInput.exit_code
    assert "was not probed with suite core" in capsys.readouterr().err


def test_power_grows_out_of_known_truth_and_nothing_judges_what_it_was_fitted_on(
    population: Path, fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, html = tmp_path / "power.json", tmp_path / "power.html"
    folders = [str(population / f"corpus-seed-{seed}") for seed in SEEDS]
    asked = ["power", *folders, "--calls", "5,10", "--calibration", str(fitted), "--out", str(out)]
    assert main([*asked, "--html", str(html)]) == 0
    assert "leave-seed-out" in capsys.readouterr().out
    told = json.loads(out.read_text(encoding="utf-8"))
    rows = {(row["proposition"], row["judged"], row["calls"]): row for row in told["rows"]}
    assert {calls for name, _, calls in rows if name == "weights"} == {5, 10, 70}
    assert {calls for name, _, calls in rows if name == "distilled"} == {5, 10, 205}
    assert rows["weights", "leave-seed-out", 5]["median_related"] is None
    whole, single = rows["weights", "leave-seed-out", 70], rows["weights", "zoo-core 3", 70]
    assert (whole["related"], single["related"]) == (84, 28)
    assert whole["median_related"] > 1 > 0 > whole["median_unrelated"]
    low, high = whole["intervals"]["strong_unrelated"]
    assert low <= whole["strong_unrelated"] < 0.05 < high + 0.05
    assert html.read_text(encoding="utf-8").count("data-figure=") == 8
    first = out.read_bytes()
    assert main([*asked[:1], *reversed(folders), *asked[1 + len(folders) :]]) == 0
    assert json.loads(out.read_text())["rows"] == json.loads(first)["rows"]


def test_a_weighted_median_is_the_median_of_the_pairs_written_out() -> None:
    values, counts = np.array([3.0, -1.0, 7.0, 2.0]), np.array([[1, 2, 0], [1, 0, 0], [1, 1, 0], [2, 4, 0]])
    found = weighted.median(values, counts.astype(float))
    assert found[:2].tolist() == [np.quantile(np.repeat(values, n), 0.5, method="inverted_cdf") for n in counts.T[:2]]
    assert np.isnan(found[2])
