"""Zoos of many seeds, trained and recorded one after another; what is finished is kept, weights are not."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from forensics.errors import BadInput
from forensics.folders import tokenizer_hash
from forensics.probes import Suite
from forensics.zoo.build import build_zoo
from forensics.zoo.members import WEIGHTS, members, tokenizer_file
from forensics.zoo.recipe import PLAN
from forensics.zoo.record import holds_prompts, record_zoo
from forensics.zoo.training import device, train_zoo

Progress = Callable[[str], None]


def make_population(
    folder: Path, seeds: Sequence[int], suite: Suite, *, keep_weights: bool = False, say: Progress = lambda _: None
) -> list[Path]:
    """The recorded corpora `folder`/corpus-seed-N, one for each seed, in their order.

    A corpus that is there is finished; of one that was cut off, the members that were trained are kept. Raises BadInput
    where a finished one was probed with another suite.
    """
    corpora = [folder / f"corpus-seed-{seed}" for seed in seeds]
    open_seeds = [seed for seed, corpus in zip(seeds, corpora, strict=True) if not corpus.is_dir()]
    for corpus in (one for one in corpora if one.is_dir()):
        if not holds_prompts(suite, corpus):
            raise BadInput(f"was not probed with suite {suite.name}; choose another --out", where=corpus.name)
        say(f"{corpus.name} is there already")
    clock = _Clock(len(open_seeds) * (len(PLAN) + 2 * len(members())), say)
    for seed in open_seeds:
        if clock.done == 0:
            say(f"training on {device()}")
        make_zoo(folder, seed, suite, keep_weights=keep_weights, say=clock.step(f"seed {seed}"))
    return corpora


def make_zoo(folder: Path, seed: int, suite: Suite, *, keep_weights: bool, say: Progress) -> None:
    """Trains, builds and records one zoo; its corpus appears when it is whole."""
    weights, work, corpus = folder / f"weights-seed-{seed}", folder / f"part-seed-{seed}", f"corpus-seed-{seed}"
    shutil.rmtree(work, ignore_errors=True)
    train_zoo(seed, weights, say)
    build_zoo(work / "built", weights, say)
    record_zoo(work / "built", suite, work / corpus, say)
    (work / corpus).rename(folder / corpus)
    shutil.rmtree(work)
    if not keep_weights:
        shutil.rmtree(weights)


def shipped_tokenizers() -> frozenset[str]:
    """Hashes of the vocabularies of the zoo that ships."""
    return frozenset(tokenizer_hash(tokenizer_file(member, WEIGHTS)) for member in members().values())


class _Clock:
    """Says what was done, and how long the rest takes if the steps left are like those done."""

    def __init__(self, steps: int, say: Progress) -> None:
        self.steps, self.say, self.done, self.started = steps, say, 0, time.monotonic()

    def step(self, what: str) -> Progress:
        """A progress function that counts one step a call."""

        def told(line: str) -> None:
            self.done += 1
            left = (time.monotonic() - self.started) / self.done * (self.steps - self.done) / 60
            self.say(f"{what}: {line} ({self.done} of {self.steps}, about {left:.0f} min left)")

        return told
