"""Makes a bundle's comparison again from the raw replies, and holds it against the one that the report rests on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation.calibration import parse
from forensics.lineage import storage
from forensics.lineage.comparison import WEIGHTS, compare
from forensics.lineage.fingerprints import Progress, silent
from forensics.lineage.records import PROPOSITIONS, Comparison
from forensics.lineage.weighing import Given
from forensics.reports.bundle import ANALYSIS, CALIBRATION, INPUTS
from forensics.reports.bundle.contents import opened

TOLERANCE = 1e-9
"""The largest relative difference between two machines; on one and the same there is none."""
SINGLE_PRECISION = 1e-5
"""The same of what is kept or computed in single precision: bootstrap replicates, and what weights say. No likelihood
ratio is made of either."""


@dataclass(frozen=True, slots=True)
class Column:
    """One matrix or list of words, made again. state: equal, within tolerance, differs, or left out with the reason."""

    name: str
    state: str
    numbers: int
    largest: float = 0.0
    told: str = ""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What came of it. doctored: replies whose raw bytes do not say what the bundle says of them."""

    columns: tuple[Column, ...]
    doctored: tuple[str, ...]
    models: int
    reread: int
    recorded: int

    @property
    def differs(self) -> tuple[Column, ...]:
        """Columns that are not what was stored."""
        return tuple(column for column in self.columns if column.state == "differs")

    @property
    def holds(self) -> bool:
        """Whether every score, likelihood ratio and relation came out as it was stored."""
        return not self.differs and not self.doctored


def recompute(
    path: Path,
    *,
    key: str = "",
    head: str = "",
    probes: Path | None = None,
    folders: Mapping[str, Given] | None = None,
    cache: Path | None = None,
    jobs: int = 1,
    progress: Progress = silent,
) -> Recomputed:
    """The comparison of a bundle made again; raises IntegrityError where it does not verify, BadInput where its probes
    are sealed and not given.

    probes: the file of sealed probes. folders: weights of local models, without which what weights say is left out.
    """
    with opened(path, key=key, head=head) as bundle:
        suite, inputs = bundle.suite(probes), bundle.json(INPUTS)
        stored = _stored(bundle.bytes(f"{ANALYSIS}/{storage.WORDS}"), bundle.bytes(f"{ANALYSIS}/{storage.MATRICES}"))
        compared = [told for told in bundle.index if told["compared"]]
        known = [parse(bundle.json(CALIBRATION), where=CALIBRATION)] if CALIBRATION in bundle.names else None
        parameters = stored.manifest["parameters"]
        anew = compare(
            (bundle.response_set(told, suite) for told in compared),
            {probe.prompt.prompt_id: probe.prompt for probe in suite.probes},
            suite_hash=inputs["suite_hash"],
            seed=inputs["seed"],
            replicates=parameters["replicates"],
            extra=parameters["extra"],
            known=known,
            cache=cache,
            jobs=jobs,
            progress=progress,
            folders=folders,
        )
        columns = tuple(_columns(stored, anew))
        return Recomputed(columns, tuple(bundle.doctored), len(anew.models), bundle.reread, bundle.recorded)


def _stored(words: bytes, matrices: bytes) -> Comparison:
    with tempfile.TemporaryDirectory(prefix="filiation-recompute-") as folder:
        (Path(folder) / storage.WORDS).write_bytes(words)
        (Path(folder) / storage.MATRICES).write_bytes(matrices)
        return storage.load(Path(folder))


def _columns(stored: Comparison, anew: Comparison) -> Iterator[Column]:
    if stored.models != anew.models:
        yield Column("models", "differs", len(stored.models), told="other models were compared")
        return
    without_weights = bool(stored.weights) and not anew.weights
    for name, matrix in stored.scores.items():
        if without_weights and name.split("_")[0] == WEIGHTS:
            yield Column(f"score {name}", "left out", 0, told="it needs the weights folders; give them by --weights")
        elif name in anew.scores and name.split("_")[0] == WEIGHTS:
            # Differences of singular values may be all but nothing: below 1 they are compared as they stand.
            yield _numbers(f"score {name}", matrix, anew.scores[name], SINGLE_PRECISION, least=1.0)
        elif name in anew.scores:
            yield _numbers(f"score {name}", matrix, anew.scores[name])
        else:
            yield Column(f"score {name}", "differs", matrix.size, told="this version has no such score")
    for name in PROPOSITIONS:
        yield _numbers(f"LLR {name}", stored.llr[name], anew.llr[name])
        yield _numbers(f"unbounded LLR {name}", stored.llr_raw[name], anew.llr_raw[name])
    for name in ("kin", "contrast", "p_value", "distance", "prompts"):
        yield _numbers(name, getattr(stored, name), getattr(anew, name))
    yield _numbers("bootstrap", stored.support_distances, anew.support_distances, SINGLE_PRECISION)
    yield _words("status", stored.status, anew.status)
    if without_weights:
        yield Column("relation", "left out", 0, told="it rests on weights too; give their folders by --weights")
    else:
        yield _words("relation", stored.relation, anew.relation)
    yield _said("calibration", stored.calibration.get("hash"), anew.calibration.get("hash"))


def _numbers(
    name: str, stored: NDArray[Any], anew: NDArray[Any], tolerance: float = TOLERANCE, *, least: float = 1e-12
) -> Column:
    """One matrix beside the other; differences are relative to the larger number, or to `least` where both are less."""
    if stored.shape != anew.shape:
        return Column(name, "differs", stored.size, told=f"its shape is {anew.shape}, not {stored.shape}")
    if np.array_equal(stored, anew, equal_nan=True):
        return Column(name, "equal", stored.size)
    if (np.isnan(stored) != np.isnan(anew)).any():
        return Column(name, "differs", stored.size, told="what is estimable is not the same")
    there = ~np.isnan(stored)
    a, b = stored[there].astype(np.float64), anew[there].astype(np.float64)
    with np.errstate(invalid="ignore"):
        gaps = np.where(a == b, 0.0, np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), least))
    largest = float(gaps.max())
    state = "within tolerance" if largest <= tolerance else "differs"
    return Column(name, state, stored.size, largest, f"largest relative difference {largest:.2g}")


def _words(name: str, stored: NDArray[np.object_], anew: NDArray[np.object_]) -> Column:
    other = int((stored != anew).sum())
    return Column(name, "differs" if other else "equal", stored.size, told=f"{other} are other ones" if other else "")


def _said(name: str, stored: object, anew: object) -> Column:
    return Column(name, "equal" if stored == anew else "differs", 1, told="" if stored == anew else f"{stored}, {anew}")
