"""docs/extending.md: each worked example is put where it says, found by name, and used."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forensics import registry
from forensics.adapters import Call, Target
from forensics.corpora import open_corpus
from forensics.errors import BadInput, CorpusError
from forensics.lineage.comparison import compare
from forensics.records import Completion, GenerationConfig, Outcome, Prompt, ResponseSet
from tests.architecture.imports import ROOT

BLOCK = re.compile(r"```python\n# (forensics/(\w+)/(\w+)\.py)\n(.*?)```", re.DOTALL)
EXAMPLES = {
    package: (path, name, body)
    for path, package, name, body in BLOCK.findall((ROOT / "docs" / "extending.md").read_text(encoding="utf-8"))
}
Loader = Callable[[str], Any]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Loader]:
    """Put an example into its package for the length of a test and give its plug-in, found by the registry."""
    undo: list[Callable[[], object]] = [registry.names.cache_clear]

    def put(package: str) -> Any:
        path, name, body = EXAMPLES[package]
        assert not (ROOT / path).exists(), f"{path} exists by now: show another example"
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(body, encoding="utf-8")
        home = importlib.import_module(f"forensics.{package}")
        home.__path__.append(str(target.parent))
        undo.append(lambda: home.__path__.remove(str(target.parent)))
        undo.append(lambda: sys.modules.pop(f"forensics.{package}.{name}", None))
        registry.names.cache_clear()
        return registry.load(f"forensics.{package}", name.replace("_", "-"))

    yield put
    for step in reversed(undo):
        step()


def population() -> tuple[list[ResponseSet], dict[str, Prompt]]:
    """Ten models on twelve prompts; the second writes exactly as much as the first."""
    rng = np.random.default_rng(0)
    prompts = {f"p{i:02}": Prompt.chat(f"p{i:02}", f"question {i}") for i in range(12)}
    lengths = rng.integers(5, 60, (10, len(prompts)))
    lengths[1] = lengths[0]
    sets = [
        ResponseSet.of(f"m{i}", [Completion(p, f"w{i} " * n) for p, n in zip(prompts, row, strict=True)])
        for i, row in enumerate(lengths.tolist())
    ]
    return sets, prompts


def test_every_kind_of_plugin_has_an_example() -> None:
    assert set(EXAMPLES) == {"channels", "adapters", "probes", "figures", "corpora"}


def test_examples_are_in_the_projects_style(tmp_path: Path) -> None:
    for path, _, body in EXAMPLES.values():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(body, encoding="utf-8")
    config = ["--config", str(ROOT / "pyproject.toml"), "--config", "lint.isort.known-first-party=['forensics']"]
    for command in (["ruff", "check", *config, "."], ["ruff", "format", "--check", *config, "."]):
        run = [sys.executable, "-m", *command]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_channel_adds_its_column_and_finds_the_pair_that_was_planted(load: Loader) -> None:
    plugin = load("channels")
    sets, prompts = population()
    result = compare(sets, prompts, replicates=2)
    scores = result.scores["length"]
    assert {int(place) for place in np.unravel_index(np.nanargmax(scores), scores.shape)} == {0, 1}
    few = plugin.compare([plugin.fingerprint(s) for s in sets[:2]], dict(list(prompts.items())[:12]))
    assert np.isnan(np.diag(few.scores["length"])).all()


def test_the_adapter_replies_with_what_was_pasted_and_says_what_is_missing(load: Loader, tmp_path: Path) -> None:
    adapter = load("adapters")
    folder = tmp_path / "pasted"
    folder.mkdir()
    with pytest.raises(BadInput, match="paste each reply"):
        adapter.check(Target(str(folder)))
    (folder / "p1.txt").write_text("Good morning.", encoding="utf-8")
    calls = [Call(Prompt.chat(p, "Greet me."), 0, GenerationConfig()) for p in ("p1", "p2", "../pasted/p1")]
    with adapter.open(Target(str(folder))) as session:
        replies = list(session.send(calls))
    assert [reply.completion.outcome for reply in replies] == [Outcome.COMPLETED, Outcome.FAILED, Outcome.FAILED]
    assert (replies[0].raw, replies[1].error) == (b"Good morning.", "there is no file p2.txt")


def test_the_probe_family_is_listed_with_its_settings(load: Loader) -> None:
    family = load("probes")
    assert "small-sums" in registry.names("forensics.probes")
    assert family.config.temperature == 0.0


def test_the_figure_draws_a_result(load: Loader) -> None:
    figure = load("figures")
    sets, prompts = population()
    data = figure.data(compare(sets, prompts, replicates=2))
    drawn = figure.figure(data)
    assert data["reading"] == "Every pair has at least 12 prompts in common."
    assert drawn["data"][0]["z"][0][1] == 12


def test_the_reader_opens_its_format_and_names_the_bad_row(load: Loader, tmp_path: Path) -> None:
    load("corpora")
    path = tmp_path / "said.tsv"
    path.write_text("model\tprompt\tresponse\nb\tHello?\tHi\na\tHello?\tYes\na\tHello?\t\n", encoding="utf-8")
    corpus = open_corpus(path)
    assert corpus.models == ("a", "b")
    assert [c.outcome for c in corpus.responses("a").completions] == [Outcome.COMPLETED, Outcome.EMPTY]
    path.write_text("model\tprompt\tresponse\na\tHello?\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"said\.tsv, row 2"):
        _ = open_corpus(path).models
