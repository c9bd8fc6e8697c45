"""Studies of the engine: what they measure on made-up populations whose lineage is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from forensics.__main__ import main
from forensics.evaluation.calibration import parse
from forensics.evaluation.findings import Row, share, spread
from forensics.evaluation.fitting import TEXT_FEATURES, fit_calibration
from forensics.evaluation.labels import Labels
from forensics.evaluation.pairs import pair_table
from forensics.lineage.comparison import channel_scores, compare
from forensics.records import Completion, Prompt, ResponseSet
from forensics.studies import direction, equality, mixtures, openset, population
from forensics.studies.sample import EVERY, Sample, sampled
from tests.forensics import worlds

MODELS, QUESTIONS = 52, 160
KIN = {i: i - 1 for i in range(1, 24, 2)}


@dataclass(frozen=True)
class Source:
    """Response sets in memory, as a recorded corpus."""

    path: Path
    prompts: Mapping[str, Prompt]
    sets: Mapping[str, ResponseSet]

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(sorted(self.sets))

    def responses(self, model: str) -> ResponseSet:
        return self.sets[model]


def labels_of(sets: list[ResponseSet], kin: Mapping[int, int]) -> Labels:
    """Every model of a family and developer of its own, but for children, who name their parent."""
    names = [s.model for s in sets]
    root = [kin.get(k, k) for k in range(len(names))]
    row = {"base_model": "b", "teachers": "", "relation_notes": "", "variant": "", "components": "", "release": ""}
    lineage = {
        name: row
        | {"model": name, "developer": f"d{root[k]}", "family": f"f{root[k]}", "base_model": f"b{root[k]}"}
        | {"parent": f"maker/{names[kin[k]].upper()}" if k in kin else ""}
        for k, name in enumerate(names)
    }
    pairs = {frozenset((names[a], names[b])): "parent_child" for a, b in kin.items()}
    return Labels(lineage, pairs, frozenset(), {})


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Fifty-two models, twelve of them children of another, with a calibration fitted on themselves."""
    sets = worlds.population(MODELS, QUESTIONS, kin=KIN, words=30)
    source, labels = Source(Path("made"), worlds.prompts(QUESTIONS), {s.model: s for s in sets}), labels_of(sets, KIN)
    wanted = {"weights": TEXT_FEATURES["weights"]}
    models, scores = channel_scores(sets, source.prompts, {"agreement"})
    fitted = fit_calibration(
        [pair_table("made", models, scores, labels)],
        name="made",
        version="1",
        origin="here",
        conditions={"least_prompts": 8, "least_models": 8},
        features=wanted,
    )
    known = parse(fitted, where="made")
    result = compare(sets, source.prompts, replicates=2, known=[known])
    ordered = sorted(source.prompts)
    return sampled("made", source, labels, result, known, ordered, frozenset({"agreement"}))


def by(rows: list[Row], measure: str) -> dict[str, Row]:
    return {row["of"]: row for row in rows if row["measure"] == measure}


def test_every_change_of_the_population_is_measured_and_a_copy_moves_least(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DRAWS", "THINNED", "COPIED"):
        monkeypatch.setattr(population, name, 1)
    rows = list(population.rows(sample))
    median, most = by(rows, "median"), by(rows, "max")
    assert len(median) == 5 - 1  # the two largest lineages are of one size here, and stand in one row
    assert all(0 <= median[kind]["value"] <= most[kind]["value"] for kind in median)
    copied, fewer = median["a copy of a model added"], median["30 % of the models gone"]
    assert copied["value"] < fewer["value"]
    assert copied["n"] == MODELS * (MODELS - 1) // 2
    assert median["40 % of one model's prompts gone"]["n"] == MODELS - 1
    assert 0 <= by(rows, "falls_below_10")["30 % of the models gone"]["value"] <= 1


def test_none_of_these_is_said_of_strangers_alone_and_a_parent_is_named(sample: Sample) -> None:
    rows = list(openset.rows("made", sample.result, sample.labels))
    assert by(rows, "none_of_these")["relatives withheld"]["n"] == MODELS
    assert by(rows, "none_of_these")["relatives withheld"]["value"] >= 0.9
    assert by(rows, "relative_named")["parent_child"]["value"] >= 0.9


def test_splices_are_recognised_where_their_sources_are_there_and_plain_models_are_none(sample: Sample) -> None:
    found = by(list(mixtures.rows(sample)), "recognised")
    assert found["plain models"]["n"] == mixtures.PLAIN
    assert found["plain models"]["value"] == 0
    assert found["spliced, sources there"]["n"] == mixtures.SPLICED
    assert found["spliced, sources there"]["value"] >= 0.5
    assert found["spliced, sources withheld"]["value"] < found["spliced, sources there"]["value"]


def test_the_child_is_the_one_whose_labels_name_the_other(sample: Sample) -> None:
    pairs = direction.documented(sample)
    assert [(pair.child, pair.parent) for pair in pairs] == list(KIN.items())
    rows = list(direction.rows(sample))
    assert {(row["by"], row["measure"]) for row in rows} == {
        (kind, side) for kind in ("wording", "dates and wording") for side in ("right", "wrong")
    }
    assert all(row["value"] == 0 for row in rows if row["by"] == "dates and wording")  # no dates are documented here


def test_a_sample_is_every_fourth_prompt_and_its_models_are_those_of_the_comparison(sample: Sample) -> None:
    assert len(sample.prompts) == QUESTIONS // EVERY
    assert tuple(item.model for item in sample.found) == sample.result.models


def worded(model: str, taste: int, seed: int) -> ResponseSet:
    """Eight one-word answers to each of ten prompts, by a taste of its own."""
    habits = np.random.default_rng(taste).dirichlet(np.full(5, 0.4), size=10)
    rng = np.random.default_rng([taste, seed])
    return ResponseSet.of(
        model,
        [
            Completion(f"w{p}", str(rng.choice(["a", "b", "c", "d", "e"], p=habits[p])), k)
            for p in range(10)
            for k in range(8)
        ],
    )


def test_halves_of_a_model_and_equal_models_raise_no_alarm_and_strangers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equality, "SPLITS", {4: 10})
    sets = [worded(f"m{k:02d}", k // 2, k) for k in range(20)]
    labels = labels_of(sets, {k: k - 1 for k in range(1, 20, 2)})
    asked = {f"w{p}": Prompt.chat(f"w{p}", f"One word, {p}.", family="one-word") for p in range(10)}
    zoo = Source(Path("zoo"), asked, {s.model: s for s in sets})
    rows = list(equality.words_of_zoos({"zoo": (zoo, labels)}))
    told = {(row["of"], row["by"], row["measure"]): row for row in rows}
    halves = told["one model", "one-word, 4 samples a half", "lr_10"]
    assert (halves["value"], halves["n"]) == (0, 200)
    assert 0 < halves["interval"][1] < 0.02  # none of 200 is no proof of none ever
    assert told["one model", "one-word, 4 samples a half", "series_of_100_with_any"]["n"] == 2
    assert told["parent_child", "one-word, 8 samples", "lr_10"]["value"] == 0
    assert told["unrelated", "one-word, 8 samples", "lr_10"]["value"] >= 0.9


def test_shares_and_quantiles_bear_their_values_inside_their_intervals() -> None:
    rng = np.random.default_rng(1)
    groups = [(f"f{k % 9}", f"f{(k + 1) % 9}") for k in range(90)]
    hit = rng.random(90) < 0.3
    row = share({"study": "s"}, "hits", hit, groups, seed=0)
    assert (row["n"], row["families"], row["value"]) == (90, 9, pytest.approx(hit.mean(), abs=1e-6))
    assert row["interval"][0] <= row["value"] <= row["interval"][1]
    assert share({}, "hits", hit[:2], groups[:1] * 2, seed=0)["interval"] is None
    values = rng.exponential(size=90)
    told = {row["measure"]: row for row in spread({}, values, groups, seed=0)}
    assert told["median"]["value"] == pytest.approx(np.sort(values)[44], abs=1e-6)
    assert told["p95"]["value"] == pytest.approx(np.sort(values)[85], abs=1e-6)
    assert (told["max"]["value"], told["max"]["interval"]) == (pytest.approx(values.max(), abs=1e-6), None)


def test_one_part_alone_is_studied_and_an_unknown_part_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "corpora" / "c"
    folder.parent.mkdir()
    worlds.write_corpus(folder, worlds.population(24, 24, kin={1: 0}), worlds.prompts(24))
    head = "model,developer,family,base_model,parent,teachers,release,relation_notes,confidence,same_as,variant\n"
    rows = (f"m{i:02d},dev{i},fam{i},base{i},,,2024-01,,,,\n" for i in range(24))
    (folder / "lineage.csv").write_text(head + "".join(rows), encoding="utf-8")
    (folder / "pairs.csv").write_text("corpus,model_a,model_b,relation\nc,m00,m01,parent_child\n", encoding="utf-8")
    out = tmp_path / "study.json"
    assert main(["study", str(folder.parent), "--only", "open-set", "--out", str(out)]) == 0
    told = json.loads(out.read_text(encoding="utf-8"))
    assert {row["study"] for row in told["figures"]} == {"open set"}
    assert {row["command"] for row in told["figures"]} == {"python -m forensics study CORPORA --only open-set"}
    with pytest.raises(SystemExit):
        main(["study", str(folder.parent), "--only", "openset", "--out", str(out)])
    assert "no such part: openset" in capsys.readouterr().err
