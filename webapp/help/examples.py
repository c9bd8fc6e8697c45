"""The worked examples of the help: small inputs, and what the engine makes of them."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from forensics.evaluation import bounds as limits
from forensics.evaluation import calibration as calibrations
from forensics.evaluation import curves, experience, metrics
from forensics.evaluation.verbal import BANDS, number, sentence, verbal

GENERAL = "pooled-open-chat"
"""The calibration that the examples are taken from: the one for models of any kind."""
LEAST_SHARE = 0.001
"""Of unrelated pairs, so that the example's LR by counting rests on more than one of them."""
# Six pairs: what a small validation might have given, log10.
RELATED, UNRELATED = (1.1, 0.6, -0.2), (-0.9, -0.4, 0.5)


@cache
def likelihood_ratio() -> dict[str, Any]:
    """An LR of the shipped calibration by the shares of known pairs that score alike, and by its fit."""
    chosen = next(c for c in calibrations.shipped() if c.name == GENERAL)
    model = chosen.propositions["weights"]
    told = experience.shipped(chosen.name, chosen.hash)["distributions"]["agreement"]
    groups, edges = told["groups"], told["edges"]
    score = max(edge for edge in edges[:-1] if _from(edges, groups["unrelated"]["shares"], edge) >= LEAST_SHARE)
    share = {name: _from(edges, groups[name]["shares"], score) for name in ("derived", "unrelated")}
    raw = float(model.llr_raw({f: np.array([score if f == "agreement" else 0.0]) for f in model.features}, (1,))[0])
    bounded = float(model.bounded(np.array(raw)))
    prior = 1 / 1000
    said = sentence(bounded, "the two share weights", "they are unrelated")
    return {
        "score": score, "share": share, "pairs": {name: groups[name]["n"] for name in share},
        "ratio": share["derived"] / share["unrelated"],
        "raw": raw, "raw_number": number(raw), "bounded": bounded, "number": number(bounded),
        "verbal": verbal(bounded, "weights"), "sentence": said,
        "bands": _bands(), "prior": prior, "posterior": prior * 10**bounded / (prior * 10**bounded + 1 - prior),
        "calibration": f"{chosen.name} {chosen.version}",
    }  # fmt: skip


def _from(edges: list[float], shares: list[float], score: float) -> float:
    """The share of pairs in bins that lie at the score or above."""
    return sum(share for low, share in zip(edges, shares, strict=False) if low >= score)


def _bands() -> list[dict[str, str]]:
    """The verbal scale, each band with its LRs."""
    ends = [0.0, *(limit for limit, _ in BANDS)]
    return [
        {"from": _lr(low), "to": "" if math.isinf(high) else _lr(high), "term": term}
        for low, (high, term) in zip(ends, BANDS, strict=False)
    ]


def _lr(log10: float) -> str:
    return f"{round(10**log10):,}"


@cache
def bound() -> dict[str, Any]:
    """Bounds from a validation of few pairs that are parted without an error, and from one ten times as large."""
    rows = []
    for related, unrelated, families in ((12, 60, 4), (12, 600, 4), (120, 600, 40)):
        yes, no = np.linspace(2.0, 4.0, related), np.linspace(-3.0, -0.5, unrelated)
        lower, upper = limits.combined(yes, no, families)
        raw = float(yes[-1])
        rows.append(
            {
                "related": related, "unrelated": unrelated, "families": families, "raw": raw, "lower": lower,
                "upper": upper, "bounded": min(max(raw, lower), upper), "number": number(min(max(raw, lower), upper)),
                "verbal": verbal(min(max(raw, lower), upper)), "loose": verbal(raw),
            }
        )  # fmt: skip
    return {"rows": rows, "floor": limits.STRANGERS}


@cache
def cllr() -> dict[str, Any]:
    """Cllr of six LRs with what each of them costs, of LRs that say nothing, and of the same ten times too strong."""
    yes, no = np.array(RELATED), np.array(UNRELATED)
    sure = np.full(1, 300.0)  # costs nothing on either side
    rows = [
        {"llr": x, "number": number(x), "true": "related", "cost": 2 * metrics.cllr(np.array([x]), -sure)} for x in yes
    ]
    rows += [
        {"llr": x, "number": number(x), "true": "unrelated", "cost": 2 * metrics.cllr(sure, np.array([x]))} for x in no
    ]
    return {
        "rows": rows, "cllr": metrics.cllr(yes, no), "least": metrics.cllr_min(yes, no),
        "rest": metrics.cllr_cal(yes, no),
        "nothing": metrics.cllr(np.zeros(3), np.zeros(3)), "bold": metrics.cllr(yes + 1, no + 1),
        "sides": [float(np.mean([r["cost"] for r in rows if r["true"] == side])) for side in ("related", "unrelated")],
    }  # fmt: skip


@cache
def tippett() -> dict[str, Any]:
    """The curves of six pairs as a validation's row, for the figure, and their values at LR 1."""
    yes, no = np.array(RELATED), np.array(UNRELATED)
    told = curves.tippett(yes, no)
    rates = metrics.misleading(no).rates
    row = {
        "proposition": "lineage", "n": yes.size, "unrelated": no.size,
        "bounded": {"tippett": told, "misleading_10": rates[10], "misleading_100": rates[100]},
    }  # fmt: skip
    at = {side: curves.shares_at(told["x"], told[side], 0.0) for side in ("related", "unrelated")}
    return {
        "validation": {"propositions": [row]}, "related": list(RELATED), "unrelated": list(UNRELATED), "at": at,
        "missed": 1 - at["related"], "worst": number(max(UNRELATED)),
    }  # fmt: skip
