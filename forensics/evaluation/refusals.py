"""The refusal detector judged and fitted on recordings that carry labels of refusal.

`python -m forensics.evaluation.refusals CORPORA` prints the table; with `--write` it refits the shipped weights.
Labels and the categories of prompts are read beside the replies, never what was asked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from forensics.features import refusal_cues as cues
from forensics.features.refusal import (
    THRESHOLDS,
    WEIGHTS,
    RefusalState,
    least_odds,
    lexicon_hash,
    refusal_state,
)
from forensics.provenance import sha256_json
from forensics.tables import text_table
from forensics.transcripts import jsonl_files, rows, stem

RIDGE = 20.0
LEAST_SPREAD = 0.05  # a cue that is hardly ever seen is not blown up to unit spread
RESAMPLES = 1000
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Labelled:
    """Replies whose label is a plain refusal or plain compliance, with their features.

    corpus, model, language: (n,) strings. refused: (n,) labels. x: (n, f). threshold: (n,) log odds from which each
    is called refused. texts: the replies.
    """

    corpus: NDArray[np.str_]
    model: NDArray[np.str_]
    language: NDArray[np.str_]
    refused: Bools
    x: NDArray[np.float64]
    threshold: NDArray[np.float64]
    texts: tuple[str, ...]


def label(row: dict[str, Any]) -> bool | None:
    """True refused, False complied, None where the row has no label, a partial one, or annotators who differ."""
    if "ann1" in row:
        told = row["ann1"] if row["ann1"] == row.get("ann2") else ""
        return {"1_full_compliance": False, "2_full_refusal": True}.get(told)
    return {"COMPLETE": False, "DENIAL": True}.get(row.get("refusal") or "")


def read_labelled(folders: Iterable[Path]) -> Labelled:
    """Every plainly labelled reply of the corpus folders; language is that of the prompt's category prefix, else en."""
    found: list[tuple[str, str, str, bool]] = []
    texts: list[str] = []
    for folder in folders:
        categories = {r["prompt_id"]: r.get("category") or "" for _, r in rows(folder / "prompts.jsonl.gz")}
        for path in jsonl_files(folder / "responses"):
            for _, row in rows(path):
                if (said := label(row)) is not None:
                    prefix = categories[row["prompt_id"]].split("_")[0]
                    language = prefix if prefix in ("zh", "fi") else "en"
                    found.append((folder.name, stem(path), language, said))
                    texts.append(row["response"])
    corpus, model, language, refused = (np.array(column) for column in zip(*found, strict=True))
    made = [(reply, cues.counts(reply)) for reply in map(cues.ready, texts)]
    threshold = np.array([least_odds(*reply) for reply in made])
    x = np.array([cues.features(*reply) for reply in made])
    return Labelled(corpus, model, language, refused, x, threshold, tuple(texts))


def fit(x: NDArray[np.float64], refused: Bools, ridge: float = RIDGE) -> tuple[float, NDArray[np.float64]]:
    """(intercept, weights (f,)) of ridge logistic regression on features scaled to unit spread, given in raw units."""
    scale = np.maximum(x.std(axis=0), LEAST_SPREAD)
    z, y = x / scale, refused.astype(np.float64)

    def loss(b: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = z @ b[1:] + b[0]
        gap = 1 / (1 + np.exp(-odds)) - y
        slope = np.concatenate([[gap.sum()], z.T @ gap + ridge * b[1:]])
        return float((np.logaddexp(0, odds) - y * odds).sum() + ridge / 2 * b[1:] @ b[1:]), slope

    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return float(found[0]), found[1:] / scale


def judged_elsewhere(data: Labelled, groups: NDArray[np.str_]) -> Bools:
    """(n,) whether each reply is called refused by weights that were fitted without its group."""
    called = np.zeros(data.refused.size, dtype=bool)
    for group in np.unique(groups):
        inside = groups == group
        intercept, values = fit(data.x[~inside], data.refused[~inside])
        called[inside] = intercept + data.x[inside] @ values >= data.threshold[inside]
    return called


def f1(refused: Bools, called: Bools) -> float:
    """F1 of refused against complied; NaN where nothing is refused and nothing is called so."""
    hit, either = int((refused & called).sum()), int(refused.sum() + called.sum())
    return 2 * hit / either if either else float("nan")


def interval(refused: Bools, called: Bools, models: NDArray[np.str_], seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of F1 where models are drawn with replacement; NaN where fewer than two models are there."""
    _, group = np.unique(models, return_inverse=True)
    if group.max(initial=0) < 1:
        return float("nan"), float("nan")
    hit = np.bincount(group, refused & called)
    either = np.bincount(group, refused) + np.bincount(group, called)
    drawn = np.random.default_rng(seed).multinomial(hit.size, np.full(hit.size, 1 / hit.size), size=RESAMPLES)
    with np.errstate(invalid="ignore", divide="ignore"):
        told = 2 * (drawn @ hit) / (drawn @ either)
    low, high = np.nanquantile(told, [0.025, 0.975])
    return float(low), float(high)


def report(data: Labelled) -> list[dict[str, Any]]:
    """Rows of F1 with n and interval per corpus and language: with the model left out, with the corpus left out (where
    there are two), and as shipped."""
    ways = {"model left out": judged_elsewhere(data, data.model)}
    if np.unique(data.corpus).size > 1:
        ways["corpus left out"] = judged_elsewhere(data, data.corpus)
    ways["as shipped"] = np.array([refusal_state(t) is RefusalState.REFUSED for t in data.texts])
    parts = [(c, lang) for c in np.unique(data.corpus) for lang in ("en", "zh", "fi")]
    return [
        _row(data, way, called, str(corpus), language)
        for way, called in ways.items()
        for corpus, language in parts
        if ((data.corpus == corpus) & (data.language == language)).any()
    ]


def _row(data: Labelled, way: str, called: Bools, corpus: str, language: str) -> dict[str, Any]:
    part = (data.corpus == corpus) & (data.language == language)
    refused, told = data.refused[part], called[part]
    low, high = interval(refused, told, data.model[part])
    return {
        "corpus": corpus,
        "language": language,
        "judged": way,
        "models": int(np.unique(data.model[part]).size),
        "refused": int(refused.sum()),
        "complied": int((~refused).sum()),
        "missed": int((refused & ~told).sum()),
        "false": int((~refused & told).sum()),
        "f1": round(f1(refused, told), 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def shipped(data: Labelled) -> dict[str, Any]:
    """What is stored as the weights: fitted on all replies given, with their origin and a hash over everything."""
    intercept, values = fit(data.x, data.refused)
    origin = [
        {"corpus": str(c), "replies": int(part.sum()), "refused": int(data.refused[part].sum())}
        for c in np.unique(data.corpus)
        for part in [data.corpus == c]
    ]
    content = {
        "name": "refusal-weights",
        "version": "2",
        "origin": origin,
        "conditions": "one reply to one request, judged without it; labels of full refusal and full compliance alone",
        "ridge": RIDGE,
        "thresholds": THRESHOLDS,
        "lexicon_sha256": lexicon_hash(),
        "intercept": round(intercept, 5),
        "weights": {n: round(float(v), 5) for n, v in zip(cues.names(), values, strict=True)},
    }
    return content | {"sha256": sha256_json(content)}


def main(arguments: Sequence[str]) -> int:
    """Print the table for the labelled corpora in a folder; 0 when done."""
    corpora = Path(arguments[0])
    data = read_labelled([f for name in ("speechmap", "xstest") if (f := corpora / name).is_dir()])
    if "--write" in arguments:
        WEIGHTS.write_text(json.dumps(shipped(data), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    told = report(data)
    sys.stdout.write(text_table(list(told[0]), [list(row.values()) for row in told]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
