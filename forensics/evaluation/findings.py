"""A validation as single figures, each with n and interval: the rows of a machine-readable record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation import weighted
from forensics.evaluation.judging import number
from forensics.evaluation.resampling import interval, pair_weights, with_rare_events

Groups = Sequence[tuple[str, str]]
Row = dict[str, Any]
LLR_MEASURES = ("auc", "eer", "cllr", "cllr_min", "cllr_cal", "misleading_10", "misleading_100", "misleading_1000")


def figures_of(told: Mapping[str, Any]) -> Iterator[Row]:
    """Every figure of one corpus' validation; what is not estimable is left out."""
    corpus = told["corpus"]
    for row in told["relations"]:
        of = {"study": "relations", "corpus": corpus, "of": row["relation"]} | _counted(row)
        for name, figures in row["columns"].items():
            yield from _each(of | {"by": name}, figures, ("auc", "eer"))
        if row["llr"]:
            by = f"llr_{row['llr']['proposition']}_raw"
            yield from _each(of | {"study": "relation LLRs", "by": by}, row["llr"], LLR_MEASURES)
    if row := told["contrast"]:
        of = {"study": "base against recipe", "corpus": corpus, "of": "shared_base", "by": row["column"]}
        yield from _each(of | _counted(row, "recipe"), row, ("auc", "eer"))
    for row in told["propositions"]:
        of = {"study": "likelihood ratios", "corpus": corpus, "of": row["proposition"]} | _counted(row)
        for judged in ("bounded", "raw", "held_out"):
            yield from _judged(of | {"by": judged}, row[judged])
    for row in told.get("curve") or []:
        of = {"study": "prompts", "corpus": corpus, "of": row["proposition"], "by": f"{row['prompts']} prompts"}
        yield from _each(of | _counted(row), row, ("cllr", "auc"))
    for row in told.get("teachers") or []:
        for side in ("all", "minor"):
            if figures := row[side]:
                of = {"study": "teachers", "corpus": corpus, "of": f"{side} teachers", "by": row["by"]}
                counted = {"n": figures["n"], "families": figures["developers"]}
                yield from _each(of | counted, figures, ("first", "three"))


def figures_of_transfer(row: Mapping[str, Any]) -> Iterator[Row]:
    """Every figure of one proposition judged with its whole corpus left out."""
    of = {"study": "leave-corpus-out", "corpus": row["corpus"], "of": row["proposition"]} | _counted(row)
    for judged in ("bounded", "raw", "families_unseen"):
        if row[judged]:
            yield from _judged(of | {"by": judged}, row[judged])


def figures_of_refusals(row: Mapping[str, Any]) -> Iterator[Row]:
    """The F1 of the refusal detector on one recording and language."""
    yield {
        "study": "refusals",
        "corpus": row["corpus"],
        "of": row["language"],
        "by": row["judged"],
        "n": row["refused"],
        "against": row["complied"],
        "families": row["models"],
        "measure": "f1",
        "value": row["f1"],
        "interval": [row["low"], row["high"]],
    }


def curve_of(rows: Iterable[Row], corpus: str) -> list[Row]:
    """The rows of accuracy against the number of prompts on one corpus, as `prompts.curve_rows` gave them.

    draws: '' where the record does not say how many there were.
    """
    found: dict[tuple[str, int], Row] = {}
    for row in rows:
        if (row["study"], row["corpus"]) == ("prompts", corpus):
            key = row["of"], int(row["by"].split()[0])
            head = {"proposition": key[0], "prompts": key[1], "draws": "", "n": row["n"], "cllr": None, "auc": None}
            one = found.setdefault(key, head | {"intervals": {"cllr": None, "auc": None}})
            one[row["measure"]], one["intervals"][row["measure"]] = row["value"], row["interval"]
    return [found[key] for key in sorted(found)]


def share(of: Row, measure: str, hit: NDArray[Any], groups: Groups, *, seed: int) -> Row:
    """The row of a mean of values in [0, 1], of things that each belong to two families (or to one, named twice).

    Families are resampled; where the values are yes or no, the interval is no narrower than the exact one for so many.
    """
    values = hit.astype(np.float64)
    found, families = _resampled(groups, seed, lambda w: _mean(values, w))
    limits = interval(found, families=families)
    if np.isin(values, (0.0, 1.0)).all():
        limits = with_rare_events(limits, float(found[0]), values.size)
    return _row(of | {"n": int(values.size), "families": families}, measure, float(found[0]), limits)


def spread(of: Row, values: NDArray[np.float64], groups: Groups, *, seed: int) -> Iterator[Row]:
    """The rows of the median, the 95th percentile and the largest of some values; families resampled as in `share`."""
    for measure, level in (("median", 0.5), ("p95", 0.95)):
        found, families = _resampled(groups, seed, lambda w, level=level: weighted.quantile(values, w, level))
        counted = of | {"n": int(values.size), "families": families}
        yield _row(counted, measure, float(found[0]), interval(found, families=families))
    most = float(values.max(initial=-np.inf))
    yield _row(counted, "max", most, None) | {"no_interval": "the largest of those seen"}


def _resampled(groups: Groups, seed: int, figure: Any) -> tuple[NDArray[np.float64], int]:
    families = len({name for pair in groups for name in pair})
    return np.asarray(figure(pair_weights(groups, seed=seed)), dtype=np.float64), families


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(values @ weights / weights.sum(axis=0))


def _row(of: Row, measure: str, value: float, limits: tuple[float, float] | None) -> Row:
    ends = [number(end) for end in limits] if limits else None
    why = {} if limits else {"no_interval": "fewer than three families"}
    return of | {"measure": measure, "value": number(value), "interval": ends} | why


def _counted(row: Mapping[str, Any], against: str = "unrelated") -> Row:
    return {"n": row["n"], "against": row[against]} | ({"families": row["families"]} if "families" in row else {})


def _judged(of: Row, figures: Mapping[str, Any]) -> Iterator[Row]:
    if figures["cllr"] is not None:
        for row in _each(of, figures, LLR_MEASURES):
            yield row | ({"turing_holds": figures["turing_holds"]} if row["measure"] == "cllr" else {})


def _each(of: Row, figures: Mapping[str, Any], measures: tuple[str, ...]) -> Iterator[Row]:
    for measure in measures:
        if figures[measure] is not None:
            limits = figures["intervals"][measure]
            why = {} if limits else {"no_interval": "fewer than three families"}
            yield of | {"measure": measure, "value": figures[measure], "interval": limits} | why
