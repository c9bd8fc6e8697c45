"""One contract for every plug-in of every kind."""

from __future__ import annotations

import io

import numpy as np
import pytest

from forensics import adapters, channels, corpora, figures, probes, registry
from forensics.errors import BadInput
from forensics.records import Completion, ResponseSet
from tests.forensics import worlds

PACKAGES = [adapters.PACKAGE, channels.PACKAGE, corpora.PACKAGE, figures.PACKAGE, probes.PACKAGE]
PLUGINS = [(package, name) for package in PACKAGES for name in registry.names(package)]


@pytest.mark.parametrize(("package", "name"), PLUGINS)
def test_a_plugin_declares_itself(package: str, name: str) -> None:
    declared = registry.load(package, name).declaration
    assert declared.name == name
    assert declared.version
    assert declared.title[0].isupper()
    assert declared.source
    assert isinstance(declared.limitations, tuple)


def test_an_unknown_plugin_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"known: .*agreement"):
        registry.load(channels.PACKAGE, "clairvoyance")


@pytest.mark.parametrize("name", registry.names(channels.PACKAGE))
def test_a_channel_keeps_plain_arrays_and_says_nothing_of_too_little(name: str) -> None:
    channel = registry.load(channels.PACKAGE, name)
    sets = worlds.population(9, 30, words=20)
    stored = io.BytesIO()
    np.savez(stored, allow_pickle=False, **channel.fingerprint(sets[0]))
    population = [channel.fingerprint(s) for s in sets]
    result = channel.compare(population, worlds.prompts(30))
    for score, matrix in result.scores.items():
        assert matrix.shape == (9, 9), score
        assert np.allclose(matrix, matrix.T, equal_nan=True), score
        assert np.isnan(np.diag(matrix)).all(), score
    one = [
        channel.fingerprint(ResponseSet.of(f"m{i}", [Completion("p000", "One reply of some words.")])) for i in range(9)
    ]
    alone = channel.compare(one, worlds.prompts(1))
    assert all(np.isnan(matrix).all() for matrix in alone.scores.values())
    assert alone.why


@pytest.mark.parametrize("name", registry.names(channels.PACKAGE))
def test_a_channel_gives_the_same_whatever_the_order_of_models(name: str) -> None:
    channel = registry.load(channels.PACKAGE, name)
    prints = [channel.fingerprint(s) for s in worlds.population(10, 24, kin={4: 1}, words=20)]
    asked = worlds.prompts(24)
    shuffle = np.random.default_rng(0).permutation(10)
    straight = channel.compare(prints, asked).scores
    shuffled = channel.compare([prints[i] for i in shuffle], asked).scores
    for score, matrix in straight.items():
        assert np.allclose(shuffled[score], matrix[np.ix_(shuffle, shuffle)], equal_nan=True, atol=1e-5), score
