"""Hidden states of real models on the fixed texts, and what no change of basis, order or scale alters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forensics.channels.representations import PLUGIN
from forensics.errors import BadInput
from forensics.features.hidden_states import texts
from forensics.folders import inspect_folder
from forensics.lineage.comparison import compare
from forensics.lineage.weighing import Given
from forensics.zoo.build import write_member
from forensics.zoo.members import WEIGHTS, members
from tests.forensics import worlds
from tests.helpers.tiny_model import tiny_model

CHOSEN = ("alder-chat", "alder-chat-rotated", "alder-chat-permuted", "alder-borel", "birch-chat", "gorse")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("zoo")
    for name in CHOSEN:
        write_member(members()[name], place / name, WEIGHTS, members())
    return {name: place / name for name in CHOSEN}


@pytest.mark.zoo
def test_copies_in_another_basis_are_alike_and_models_of_the_same_data_less_so(folders: dict[str, Path]) -> None:
    prints = [PLUGIN.fingerprint_folder(inspect_folder(folders[name]), "") for name in CHOSEN]
    result = PLUGIN.compare(prints, {})
    for told in result.scores.values():
        assert told[0, 1] == pytest.approx(1, abs=0.01)  # the last norm's gain was folded into the head
        assert told[0, 2] == pytest.approx(1, abs=1e-4)
        assert 0.8 < told[0, 3] < 0.9999
        assert max(told[0, 4], told[0, 5], told[4, 5]) < 0.6
    assert result.n[0, 1] == len(texts()[0]) == 64


def test_a_direction_is_the_same_in_any_basis_and_scale() -> None:
    rng = np.random.default_rng(3)
    states = rng.normal(size=(3, 64, 10))
    turn = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    other = rng.normal(size=(5, 64, 10))

    def printed(given: np.ndarray) -> dict[str, np.ndarray]:
        return {"why": np.array([""]), "gram": (given @ given.transpose(0, 2, 1)).astype(np.float32)}

    told = PLUGIN.compare([printed(states), printed(7 * states @ turn), printed(other)], {}).scores
    assert told["representations"][0, 1] == pytest.approx(1, abs=1e-4)
    assert told["representations_boundary"][0, 1] == pytest.approx(1, abs=1e-4)
    assert abs(told["representations"][0, 2]) < 0.1
    assert abs(told["representations_boundary"][0, 2]) < 0.4


def test_the_texts_are_as_many_of_either_kind_and_none_twice() -> None:
    asked, kind = texts()
    assert kind.sum() == (~kind).sum() == 32
    assert len(set(asked)) == 64


@pytest.mark.zoo
def test_it_runs_when_it_is_asked_for_and_a_folder_that_cannot_be_loaded_spoils_nothing(tmp_path: Path) -> None:
    sets, asked = worlds.population(9, 24, words=20), worlds.prompts(24)
    good, odd = tiny_model(tmp_path / "good"), tiny_model(tmp_path / "odd", seed=2)
    (odd / "config.json").write_text('{"model_type": "unheard-of", "architectures": ["X"]}')
    with pytest.raises(BadInput, match="transformers cannot load this folder"):
        PLUGIN.fingerprint_folder(inspect_folder(odd), "")
    given = {"m00": Given(good), "m01": Given(good), "m02": Given(odd)}
    plain = compare(sets, asked, replicates=1, folders=given)
    assert np.isnan(plain.scores["representations"]).all()
    told = compare(sets, asked, replicates=1, folders=given, extra=("representations",))
    assert told.scores["representations"][0, 1] == pytest.approx(1)
    assert np.isfinite(told.scores["representations"]).sum() == 2
