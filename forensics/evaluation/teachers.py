"""Naming the teacher: the rank of a documented teacher's family among the families there were when the student came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from forensics.evaluation.judging import number
from forensics.evaluation.labels import MIXTURES, Labels
from forensics.evaluation.resampling import REPLICATES, interval

Values = NDArray[np.float64]
COLUMNS = ("agreement", "agreement_cosine", "style", "style_openings", "style_closings", "baseline_zlib")
"""The similarities that rank families, as far as a population has them."""
RIDGE = 1.0
LEAST_MODELS = 3
LEAST_VOTES = 5
MAJORITY = 2


@dataclass(frozen=True)
class Vote:
    """A student with one of its documented teachers. families: the candidates, sorted. features: (families, k).

    weight: 1 over the students that this developer tuned on that teacher's family, so that all of them have one vote.
    """

    developer: str
    teacher: str
    families: tuple[str, ...]
    features: Values
    weight: float

    @property
    def truth(self) -> int:
        """The place of the teacher's family."""
        return self.families.index(self.teacher)


def general_level_removed(similarity: Values, families: Sequence[str], developers: Sequence[str]) -> Values:
    """(m, m): each candidate's column in standard deviations from its mean over models of other families and makers.

    So a candidate that everybody resembles is no better for it. NaN where fewer than three such models are told.
    """
    family, developer = np.array(families, dtype=object), np.array(developers, dtype=object)
    result = np.full_like(similarity, np.nan)
    for c in range(len(family)):
        others = (family != family[c]) & (developer != developer[c]) & np.isfinite(similarity[:, c])
        if others.sum() >= LEAST_MODELS and (spread := similarity[others, c].std()) > 0:
            result[:, c] = (similarity[:, c] - similarity[others, c].mean()) / spread
    return result


def votes(labels: Labels, models: Sequence[str], similarities: Mapping[str, Values]) -> list[Vote]:
    """One vote per student and documented teacher family, where that family is among several candidates.

    Candidates are the families of models released by the student's date, without the student's own family and maker,
    mixtures, and its other documented teachers. A family's features are the greatest and the mean similarity of its
    models, as they are and with each model's general level removed.
    """
    known = [m for m in models if m in labels.lineage and labels.lineage[m].get("release")]
    place = [models.index(m) for m in known]
    rows = [labels.lineage[m] for m in known]
    families, makers = [row["family"] for row in rows], [row["developer"] for row in rows]
    plain = [np.asarray(similarities[n], dtype=np.float64)[np.ix_(place, place)] for n in COLUMNS if n in similarities]
    sheets = [s for x in plain for s in (x, general_level_removed(x, families, makers))]
    found = []
    for s, row in enumerate(rows):
        taught = labels.teacher_families(row)
        open_to = [c for c in range(len(rows)) if _candidate(row, rows[c])]
        for teacher in sorted(taught):
            own = {f: [c for c in open_to if families[c] == f] for f in sorted({families[c] for c in open_to})}
            own = {f: chosen for f, chosen in own.items() if f == teacher or f not in taught}
            if teacher in own and len(own) > 1 and row["variant"] != "duplicate_record":
                found.append(Vote(row["developer"], teacher, tuple(own), _features(sheets, s, list(own.values())), 1.0))
    share = Counter((vote.developer, vote.teacher) for vote in found)
    return [Vote(v.developer, v.teacher, v.families, v.features, 1 / share[v.developer, v.teacher]) for v in found]


def _candidate(student: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return (
        other["release"] <= student["release"]
        and other["family"] not in MIXTURES
        and other["family"] != student["family"]
        and other["developer"] != student["developer"]
    )


def _features(sheets: Sequence[Values], student: int, families: Sequence[Sequence[int]]) -> Values:
    """(families, k) greatest and mean similarities, standardised within the vote; 0 where nothing is told."""
    table = np.full((len(families), 2 * len(sheets)), np.nan)
    for k, sheet in enumerate(sheets):
        for f, members in enumerate(families):
            told = sheet[student, members]
            told = told[np.isfinite(told)]
            if told.size:
                table[f, 2 * k : 2 * k + 2] = told.max(), told.mean()
    return np.nan_to_num((table - _over(np.nanmean, table)) / (_over(np.nanstd, table) + 1e-9))


def _over(statistic: Callable[..., Values], table: Values) -> Values:
    """A statistic of each column, 0 where the column is empty."""
    told = np.isfinite(table).any(axis=0)
    result = np.zeros(table.shape[1])
    result[told] = statistic(table[:, told], axis=0)
    return result


def fit(some: Sequence[Vote], *, ridge: float = RIDGE) -> Values:
    """(k,) weights of a conditional logit (McFadden 1974): which family, given that it is one of the candidates.

    Minimises the weighted negative log-likelihood plus ridge/2 times the squared weights.
    """

    def loss(beta: Values) -> tuple[float, Values]:
        value, slope = 0.5 * ridge * float(beta @ beta), ridge * beta
        for vote in some:
            score = vote.features @ beta
            chance = np.exp(score - score.max())
            chance /= chance.sum()
            value -= vote.weight * float(np.log(chance[vote.truth]))
            slope = slope - vote.weight * (vote.features[vote.truth] - chance @ vote.features)
        return value, slope

    return np.asarray(minimize(loss, np.zeros(some[0].features.shape[1]), jac=True, method="L-BFGS-B").x)


def teacher_rows(found: Sequence[Vote], *, seed: int = 0) -> list[dict[str, Any]]:
    """How often the teacher's family is first, and in the first three, by several means; empty with too few votes.

    Every vote is judged by weights that saw none of its developer's; `text, teacher unseen too` saw none of that
    teacher's family either. The prior is how many other developers have used each family. `minor` leaves out the two
    families with the most votes: a constant answer gets nothing there. Intervals resample developers.
    """
    if len({(v.developer, v.teacher) for v in found}) < LEAST_VOTES or not found[0].features.shape[1]:
        return []
    text, strict = _held_out(found, strict=False), _held_out(found, strict=True)
    prior = [_popularity(vote, found) for vote in found]
    means = {
        "chance": [np.zeros(len(v.families)) for v in found],
        "popularity prior, no text": prior,
        "text": text,
        "text, teacher unseen too": strict,
        "prior and text": [a + b for a, b in zip(prior, text, strict=True)],
    }
    return [_row(name, found, scores, seed) for name, scores in means.items()]


def _held_out(found: Sequence[Vote], *, strict: bool) -> list[Values]:
    """Each vote's family scores by a fit on votes of other developers, and of other teachers where `strict`."""
    fits: dict[tuple[str, str], Values] = {}
    scores = []
    for vote in found:
        key = (vote.developer, vote.teacher if strict else "")
        if key not in fits:
            rest = [v for v in found if v.developer != vote.developer and v.teacher != key[1]]
            fits[key] = fit(rest) if rest else np.zeros(vote.features.shape[1])
        scores.append(vote.features @ fits[key])
    return scores


def _popularity(vote: Vote, found: Sequence[Vote]) -> Values:
    used = {(v.developer, v.teacher) for v in found if v.developer != vote.developer}
    count = Counter(teacher for _, teacher in used)
    return np.log([count[family] + 0.5 for family in vote.families])


def _within(vote: Vote, scores: Values, first: int) -> float:
    """The chance that the teacher's family is among the first so many, ties broken at random."""
    mine = scores[vote.truth]
    above, ties = int((scores > mine + 1e-12).sum()), int((np.abs(scores - mine) <= 1e-12).sum())
    return float(np.clip((first - above) / ties, 0.0, 1.0))


def _row(name: str, found: Sequence[Vote], scores: Sequence[Values], seed: int) -> dict[str, Any]:
    hits = np.array([[_within(v, s, n) for n in (1, 3)] for v, s in zip(found, scores, strict=True)])
    used = Counter(teacher for _, teacher in {(v.developer, v.teacher) for v in found})
    major = {teacher for teacher, _ in sorted(used.items(), key=lambda item: (-item[1], item[0]))[:MAJORITY]}
    minor = [i for i, v in enumerate(found) if v.teacher not in major]
    return {
        "by": name,
        "all": _shares(found, hits, seed),
        "minor": _shares([found[i] for i in minor], hits[minor], seed) if minor else None,
    }


def _shares(some: Sequence[Vote], hits: Values, seed: int) -> dict[str, Any]:
    """Weighted shares of `first` and `three` with intervals over developers; n counts votes."""
    names = sorted({v.developer for v in some})
    drawn = np.ones((1 + REPLICATES, len(names)))
    uniform = np.full(len(names), 1 / len(names))
    drawn[1:] = np.random.default_rng(seed).multinomial(len(names), uniform, size=REPLICATES)
    weights = drawn[:, [names.index(v.developer) for v in some]] * np.array([v.weight for v in some])
    told: dict[str, Any] = {"n": len({(v.developer, v.teacher) for v in some}), "developers": len(names)}
    told["intervals"] = {}
    for k, name in enumerate(("first", "three")):
        found = weights @ hits[:, k] / weights.sum(axis=1)
        limits = interval(found, families=len(names))
        told[name] = number(float(found[0]))
        told["intervals"][name] = [number(x) for x in limits] if limits else None
    return told
