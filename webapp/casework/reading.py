"""A finished comparison, read for its pages: figures, pairs, rankings. What is computed is computed by the engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from forensics import figures, registry
from forensics.evaluation.verbal import sentence, verbal
from forensics.lineage.identification import identify
from forensics.lineage.links import Network, network
from forensics.lineage.records import PROPOSITIONS, Identification, LineageTree
from forensics.lineage.records import Comparison as Result
from forensics.lineage.tree_file import load_tree
from forensics.lineage.trees import lineage_tree
from webapp.casework import queries
from webapp.casework.models import Comparison

# What each proposition says, against "cleanly unrelated".
PROPOSITION_WORDS = {
    "lineage": "any lineage",
    "weights": "shared weights: the same, derived, or a common parent",
    "base": "a common pretrained base",
    "distilled": "one trained on the other's outputs",
}


@lru_cache(maxsize=16)
def _figure(comparison_id: Any, _attempt: int, name: str, options: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    comparison = Comparison.objects.get(pk=comparison_id)
    plugin = registry.load(figures.PACKAGE, name)
    data = plugin.data(_subject(comparison, name, dict(options)), **_own_options(name, dict(options)))
    return {"data": data, "figure": plugin.figure(data), "plugin": plugin}


def figure(comparison: Comparison, name: str, **options: str) -> dict[str, Any]:
    """A figure's data record, Plotly figure and plug-in, kept in memory: a finished result never changes."""
    return _figure(comparison.pk, comparison.attempt, name, tuple(sorted(options.items())))


def _own_options(name: str, options: Mapping[str, str]) -> dict[str, str]:
    left_out = {"ranking": {"questioned"}}.get(name, set())
    return {key: value for key, value in options.items() if key not in left_out}


def _subject(
    comparison: Comparison, name: str, options: Mapping[str, str]
) -> Result | LineageTree | Network | Identification:
    if name == "tree":
        return tree(comparison.pk, comparison.attempt)
    if name == "network":
        return network(queries.result(comparison))
    if name == "ranking":
        return identification(comparison.pk, comparison.attempt, options["questioned"])
    return queries.result(comparison)


@lru_cache(maxsize=8)
def tree(comparison_id: Any, _attempt: int) -> LineageTree:
    """The lineage tree of a finished comparison, made now where it was stored before trees were."""
    comparison = Comparison.objects.get(pk=comparison_id)
    return load_tree(comparison.folder) or lineage_tree(queries.result(comparison))


@lru_cache(maxsize=64)
def identification(comparison_id: Any, _attempt: int, questioned: str) -> Identification:
    """Every other model of the comparison, ranked as a reference of the questioned one."""
    return identify(queries.result(Comparison.objects.get(pk=comparison_id)), questioned)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def bounds(calibration: Mapping[str, Any], proposition: str) -> list[float]:
    """The log10 bounds that the calibration states for a proposition, or none."""
    return [float(b) for b in (calibration.get("bounds") or {}).get(proposition, [])]


def pair(result: Result, a: str, b: str) -> dict[str, Any]:
    """What a comparison says of one pair: LLRs with bound and verbal term, scores, relation; KeyError if not in it."""
    i, j = (result.models.index(name) if name in result.models else _unknown(name) for name in (a, b))
    llrs: list[dict[str, Any]] = []
    for name in (p for p in ("lineage", *PROPOSITIONS) if p in result.llr):
        if any(known["name"] == name for known in llrs):
            continue
        value = _number(result.llr[name][i, j])
        why = _why(result, i, j)
        llrs.append(
            {
                "name": name,
                "words": PROPOSITION_WORDS.get(name, name),
                "value": value,
                "raw": _number(result.llr_raw[name][i, j]),
                "verbal": verbal(value, name),
                "bounds": bounds(result.calibration, name),
                "why": why,
                "sentence": sentence(value, f"there is {PROPOSITION_WORDS[name]}", "they are unrelated", why=why),
            }
        )
    return {
        "a": a,
        "b": b,
        "llrs": llrs,
        "scores": [(name, _number(matrix[i, j])) for name, matrix in result.scores.items()],
        "kin": _number(result.kin[i, j]),
        "contrast": _number(result.contrast[i, j]),
        "distance": _number(result.distance[i, j]),
        "p_value": _number(result.p_value[i, j]),
        "prompts": int(result.prompts[i, j]),
        "relation": str(result.relation[i, j]),
        "weights": result.of_weights(a, b),
        "status": str(result.status[i, j]),
    }


def _unknown(name: str) -> int:
    raise KeyError(name)


def _why(result: Result, i: int, j: int) -> str:
    status = str(result.status[i, j]).removeprefix("No LR reported: ")
    return status if status != "ok" else str(result.calibration.get("no_lr_reason") or "not estimable")


def _own_why(result: Result, i: int, j: int) -> str:
    """The pair's own reason; '' where it is the one that the page states once for all pairs."""
    why = _why(result, i, j)
    return "" if why == result.calibration.get("no_lr_reason") else why


def pairs(result: Result, *, words: str = "", relation: str = "", sort: str = "-kin") -> list[dict[str, Any]]:
    """Every pair as a row, those alone whose names hold every word, in the order asked for; no value comes last."""
    first, second = np.triu_indices(len(result.models), k=1)
    columns = pair_columns(result)
    rows: list[dict[str, Any]] = [
        {"a": result.models[i], "b": result.models[j], "relation": str(result.relation[i, j]), "i": i, "j": j}
        for i, j in zip(first.tolist(), second.tolist(), strict=True)
    ]
    wanted = words.lower().split()
    rows = [row for row in rows if all(word in f"{row['a']} {row['b']}".lower() for word in wanted)]
    rows = [row for row in rows if not relation or row["relation"] == relation]
    for row in rows:
        row |= {name: _number(float(matrix[row["i"], row["j"]])) for name, matrix in columns.items()}
        row["why"] = _own_why(result, row["i"], row["j"]) if row["lineage"] is None else ""
        row["verbal"] = verbal(row["lineage"])
    key, sign = sort.lstrip("-"), -1 if sort.startswith("-") else 1
    if key in columns:
        rows.sort(key=lambda row: (row[key] is None, sign * (row[key] or 0.0)))
    return rows


def pair_columns(result: Result) -> dict[str, Any]:
    """The numeric columns of the list of pairs."""
    nothing = np.full_like(result.kin, np.nan)
    return {"kin": result.kin, "lineage": result.llr.get("lineage", nothing), "prompts": result.prompts}


def ranked(result: Result, identification: Identification, proposition: str) -> list[dict[str, Any]]:
    """The ranking's rows for one proposition: LLR, raw value and verbal term together, or why there is no LR."""
    questioned = result.models.index(identification.questioned)
    rows = []
    for reference in identification.ranking:
        value = reference.llr.get(proposition)
        rows.append(
            {
                "reference": reference,
                "value": value,
                "raw": reference.llr_raw.get(proposition),
                "verbal": verbal(value, proposition),
                "why": ""
                if value is not None
                else _own_why(result, questioned, result.models.index(reference.reference)),
            }
        )
    return rows
