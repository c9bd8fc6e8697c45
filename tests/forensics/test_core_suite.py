"""The suite `core`, which the zoo's calibration is tied to."""

from __future__ import annotations

from collections import Counter

import forensics.probes
from forensics.probes import load_suite
from forensics.records import Mode
from forensics.registry import load_all

SUITE = load_suite("core")
LEAST = {"raw-text": 60, "open-chat": 100, "one-word": 16, "refusal-boundary": 24, "self-identification": 6}


def test_its_families_are_plug_ins_and_have_prompts_enough() -> None:
    held = Counter(probe.prompt.family for probe in SUITE.probes)
    assert set(held) == set(LEAST)
    assert set(LEAST) <= set(load_all(forensics.probes.PACKAGE))
    assert all(held[family] >= least for family, least in LEAST.items())


def test_every_probe_is_drawn_as_its_family_says() -> None:
    families = load_all(forensics.probes.PACKAGE)
    assert all(probe.config == families[probe.prompt.family].config for probe in SUITE.probes)
    assert all((probe.prompt.mode is Mode.RAW) == (probe.prompt.family == "raw-text") for probe in SUITE.probes)


def test_no_prompt_is_put_twice_and_one_word_cells_are_named() -> None:
    texts = [probe.prompt.text for probe in SUITE.probes]
    assert len(set(texts)) == len(texts)
    cells = [probe.prompt.cell for probe in SUITE.probes if probe.prompt.family == "one-word"]
    assert all(cells) and len(set(cells)) == len(cells)


def test_several_languages_are_asked_in() -> None:
    assert len({probe.prompt.language for probe in SUITE.probes}) >= 5
