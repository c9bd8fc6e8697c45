"""Testing two sets of samples for equality: the engine's stratified MMD against `model-equality-testing`, same data.

The peer permutes labels over all prompts together and computes every kernel anew; it is run at the smallest size alone,
since at a length of 1,000 it takes minutes.
"""

from __future__ import annotations

from contextlib import redirect_stderr
from io import StringIO

import numpy as np
from model_equality_testing.algorithm import run_two_sample_test
from model_equality_testing.distribution import CompletionSample
from numpy.typing import NDArray

from benchmarks._table import lines, timed
from forensics.stats.mmd import Strata, StratifiedMMD, hamming_kernel

TITLE = "equality: 25 prompts x 10 samples a side, Hamming kernel, 1,000 permutations"
PROMPTS, SAMPLES, DRAWS = 25, 10, 1000
Sequences = NDArray[np.int64]


def run() -> list[str]:
    """The lines of the table."""
    rows = []
    for length in (50, 1000):
        a, b = (_sequences(length, seed) for seed in (0, 1))
        ours = timed(lambda a=a, b=b: engine(a, b))  # type: ignore[misc]
        found = ours.result
        rows.append(
            [f"filiation, length {length}", f"{ours.seconds:.3f}", f"{found.mmd[0, 1]:.7f}", f"{found.p[0, 1]:.4f}"]
        )
    a, b = (_sequences(50, seed) for seed in (0, 1))
    theirs = timed(lambda: peer(a, b))
    p, statistic = theirs.result
    rows.append(["model-equality-testing, length 50", f"{theirs.seconds:.3f}", f"{statistic:.7f}", f"{p:.4f}"])
    return lines(["", "seconds", "statistic", "p"], rows)


def _sequences(length: int, seed: int) -> Sequences:
    """(prompts, samples, length) characters; the taste of a prompt is the same for both sides."""
    taste = np.random.default_rng(9).dirichlet(np.full(26, 0.5), size=PROMPTS)
    rng = np.random.default_rng(seed)
    return np.stack([rng.choice(26, size=(SAMPLES, length), p=p) for p in taste])


def engine(a: Sequences, b: Sequences) -> Strata:
    """Statistic and p of one pair."""
    found = StratifiedMMD(2, DRAWS, seed=0)
    for key, (x, y) in enumerate(zip(a, b, strict=True)):
        pooled = np.concatenate([x, y]).astype(np.uint64)
        lengths = np.full(len(pooled), pooled.shape[1])
        found.add(np.arange(2), np.array([SAMPLES, SAMPLES]), hamming_kernel(pooled.ravel(), lengths, x.shape[1]), key)
    return found.result()


def peer(a: Sequences, b: Sequences) -> tuple[float, float]:
    """The peer's p and statistic."""
    prompts = np.repeat(np.arange(PROMPTS), SAMPLES)
    sides = [CompletionSample(prompts, side.reshape(-1, side.shape[2]), m=PROMPTS) for side in (a, b)]
    with redirect_stderr(StringIO()):  # a progress bar
        p, statistic = run_two_sample_test(*sides, stat_type="mmd_hamming", b=DRAWS)
    return float(p), float(statistic)
