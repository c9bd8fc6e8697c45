"""A comparison on disk: matrices in one npz, words in one JSON."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from forensics.errors import IntegrityError
from forensics.lineage.records import PROPOSITIONS, Background, Comparison, Refusals

MATRICES, WORDS = "matrices.npz", "comparison.json"
UNRELATED = "background.unrelated_p"
DECLINED, ANSWERED = "refusals.shares", "refusals.n"
PLAIN = ("prompts", "kin", "contrast", "p_value", "distance", "support_distances")


def save(comparison: Comparison, folder: Path) -> None:
    """Write a comparison into a folder, whole or not at all (the JSON comes last)."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(comparison, name) for name in PLAIN}
    arrays |= {f"score.{name}": values for name, values in comparison.scores.items()}
    for name in PROPOSITIONS:
        arrays |= {f"llr.{name}": comparison.llr[name], f"raw.{name}": comparison.llr_raw[name]}
    if comparison.background:
        arrays[UNRELATED] = comparison.background.unrelated_p
    if comparison.refusals:
        arrays |= {DECLINED: comparison.refusals.shares, ANSWERED: comparison.refusals.n}
    part = folder / (MATRICES + ".part")
    with part.open("wb") as out:
        np.savez_compressed(out, allow_pickle=False, **arrays)
    part.replace(folder / MATRICES)
    words = {
        "models": list(comparison.models),
        "status": comparison.status.tolist(),
        "relation": comparison.relation.tolist(),
        "scores": list(comparison.scores),
        "calibration": dict(comparison.calibration),
        "manifest": dict(comparison.manifest),
        "background": comparison.background.models if comparison.background else None,
        "topics": list(comparison.refusals.topics) if comparison.refusals else None,
    }
    text = json.dumps(words, allow_nan=False, ensure_ascii=False)
    part = folder / (WORDS + ".part")
    with part.open("w", encoding="utf-8") as out_text:
        out_text.write(text)
        out_text.flush()
        os.fsync(out_text.fileno())
    part.replace(folder / WORDS)


def load(folder: Path) -> Comparison:
    """The comparison stored in a folder; raises IntegrityError naming the file that cannot be read."""
    try:
        words: dict[str, Any] = json.loads((folder / WORDS).read_text(encoding="utf-8"))
        with np.load(folder / MATRICES, allow_pickle=False) as arrays:
            return Comparison(
                models=tuple(words["models"]),
                scores={name: arrays[f"score.{name}"] for name in words["scores"]},
                llr={name: arrays[f"llr.{name}"] for name in PROPOSITIONS},
                llr_raw={name: arrays[f"raw.{name}"] for name in PROPOSITIONS},
                status=_words(words["status"]),
                relation=_words(words["relation"]),
                calibration=words["calibration"],
                manifest=words["manifest"],
                background=Background(words["background"], arrays[UNRELATED]) if words.get("background") else None,
                refusals=_refusals(words.get("topics"), arrays),
                **{name: arrays[name] for name in PLAIN},
            )
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as problem:
        raise IntegrityError(f"the stored comparison in {folder.name} cannot be read: {problem}") from problem


def _refusals(topics: list[str] | None, arrays: Any) -> Refusals | None:
    return None if topics is None else Refusals(tuple(topics), arrays[DECLINED], arrays[ANSWERED])


def _words(rows: list[list[str]]) -> np.ndarray[Any, np.dtype[np.object_]]:
    matrix = np.empty((len(rows), len(rows)), dtype=object)
    for i, row in enumerate(rows):
        matrix[i, :] = row
    return matrix
