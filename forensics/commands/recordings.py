"""A labelled recording compared: its pairs with every column, the naive baseline among them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics import channels, registry
from forensics.commands.common import columns, compared, known_calibrations, processes, progress
from forensics.corpora import ResponseSource, open_corpus
from forensics.evaluation import compression
from forensics.evaluation.calibration import Calibration
from forensics.evaluation.labels import Labels, read_labels
from forensics.evaluation.pairs import PairTable, pair_table
from forensics.evaluation.prompts import by_coverage, draws
from forensics.evaluation.validation import BASELINE
from forensics.lineage.comparison import channel_scores
from forensics.lineage.records import Comparison
from forensics.provenance import sha256_file, sha256_json
from forensics.records import ResponseSet


@dataclass(frozen=True)
class Recording:
    """One labelled recording with its comparison, its pairs, and the prompts in the order of how many answered them."""

    name: str
    source: ResponseSource
    labels: Labels
    result: Comparison
    table: PairTable
    calibration: Calibration | None
    ordered: tuple[str, ...]
    peer: NDArray[np.float64]


def recorded(folder: Path, args: argparse.Namespace) -> Recording:
    """A labelled folder, compared as `compare` would; raises CorpusError where it has no labels."""
    labels, source = read_labels(folder), open_corpus(folder)
    result = compared(source, None, args)
    chosen = next((c for c in known_calibrations(args) if c.hash == result.calibration.get("hash")), None)
    progress("naive baseline", 0.95)
    ordered = by_coverage([frozenset(source.responses(m).by_prompt) for m in result.models], source.prompts)
    wanted = ordered[: compression.affordable(len(result.models))]
    peer = compression.zlib_similarity([compression.replies(source.responses(m), wanted) for m in result.models])
    matrices = dict(result.scores) | columns(result) | {BASELINE: peer}
    table = pair_table(folder.resolve().name, result.models, matrices, labels)
    return Recording(folder.resolve().name, source, labels, result, table, chosen, ordered, peer)


def corpus_hash(folder: Path) -> str:
    """SHA-256 over the names and hashes of a corpus folder's files, in name order: what `sha256sum` prints of each."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return sha256_json({path.relative_to(folder).as_posix(): sha256_file(path) for path in files})


def tables_by_prompts(recording: Recording, args: argparse.Namespace) -> Iterator[tuple[int, PairTable]]:
    """The number of prompts, and the pairs compared on those alone, for every draw; at last all prompts.

    Channels that the calibration does not rest on are not computed again.
    """
    planned = draws(recording.ordered, seed=args.seed)
    kept = frozenset().union(*(ids for _, ids in planned)) if planned else frozenset[str]()
    sets = [_of(recording.source.responses(m), kept) for m in recording.result.models] if planned else []
    wanted, jobs = channels_of(recording.calibration), processes(args.jobs, len(sets))
    for done, (size, ids) in enumerate(planned):
        progress(f"{size} prompts", done / len(planned))
        told = (_of(responses, ids) for responses in sets)
        models, scores = channel_scores(told, {i: recording.source.prompts[i] for i in ids}, wanted, jobs=jobs)
        yield size, pair_table(recording.name, models, scores, recording.labels)
    yield len(recording.ordered), recording.table


def _of(responses: ResponseSet, ids: frozenset[str]) -> ResponseSet:
    return ResponseSet.of(
        responses.model, [c for c in responses.completions if c.prompt_id in ids], responses.tokenizer
    )


def channels_of(calibration: Calibration | None) -> frozenset[str]:
    """The channels that a calibration's features come from: a score bears its channel's name, or begins with it."""
    features = {f for model in calibration.propositions.values() for f in model.features} if calibration else set()
    names = registry.names(channels.PACKAGE)
    return frozenset(n for n in names if any((f + "_").startswith(n.replace("-", "_") + "_") for f in features))
