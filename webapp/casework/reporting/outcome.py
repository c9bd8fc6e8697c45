"""The sections of a record that say what was found. Nothing is computed here: the engine's result is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from forensics import figures as figure_plugins
from forensics import registry
from forensics.errors import BadInput
from forensics.evaluation import calibration as calibrations
from forensics.evaluation import experience
from forensics.evaluation import propositions as known
from forensics.evaluation.verbal import NO_LR, VERSION
from forensics.lineage.contributions import Contributions
from forensics.reports.sections import LIMITS
from webapp.casework import queries, reading
from webapp.casework.cases import plans
from webapp.casework.cases.blinding import Mask
from webapp.casework.cases.contrary import RULES, Contrary, alone
from webapp.casework.cases.findings import Finding, Findings
from webapp.casework.models import Case
from webapp.casework.reporting import trials
from webapp.casework.reporting.plain import moment, number, who

Row = dict[str, Any]
FIGURES = ("heatmap", "tree")


@dataclass(frozen=True)
class Subject:
    """What the findings of one record are read from. apart: see `Version`."""

    case: Case
    mask: Mask
    found: Findings
    apart: Mapping[str, Any]

    def pairs(self) -> Iterator[tuple[Finding, list[Finding]]]:
        """(the row that says most of a pair, every row of the pair): the measured Hd comes first."""
        for _, rows in groupby(self.found.rows, key=lambda row: row.names):
            ordered = sorted(rows, key=lambda row: not row.bounds)
            yield ordered[0], ordered

    def taken(self, row: Finding) -> Mapping[str, Any]:
        """What leaving parts out does to the pair's LR; empty where it was not computed yet."""
        return dict(self.apart.get("pairs", {}).get(f"{row.questioned.model.name}\n{row.reference.model.name}", {}))


def summary(of: Subject) -> Row:
    """A headline for each pair, with term, bound and interval, and the three main limitations."""
    return {
        "headlines": [_headline(row, of) for row, _ in of.pairs()],
        "limitations": _main_limitations(of.found),
        "none": "" if of.found.comparison else "Nothing has been compared yet.",
    }


def _headline(row: Finding, of: Subject) -> Row:
    return {
        "questioned": row.names[0], "reference": row.names[1], "sentence": row.sentence, "log10_lr": number(row.value),
        "before_the_bound": number(row.raw), "bound": [float(b) for b in row.bounds],
        "interval": of.taken(row).get("interval"), "verbal": row.verbal or NO_LR, "relation": row.relation,
        "against": row.title, "how": "fused and bounded",
    }  # fmt: skip


def _main_limitations(found: Findings) -> list[str]:
    """Of the calibration, of its bound, and that text does not tell the direction."""
    told = found.calibration
    if not found.comparison:
        return []
    if why := told.get("no_lr_reason"):
        first, second = f"No likelihood ratio is reported: {why}.", LIMITS[0]
    else:
        name = f"{told.get('name')} {told.get('version')}"
        first = f"The likelihood ratios rest on the calibration {name}. {told.get('origin')}."
        second = (
            "Each is held within a bound that follows from how many pairs of independent families stand behind it: "
            "a stronger finding is not reported, however far the scores lie beyond."
        )
    return [first, second, LIMITS[3]]


def validation(found: Findings) -> Row:
    """The calibration in use with its conditions, and for each proposition what it did on pairs of known relation."""
    told = found.calibration
    covered = bool(told) and not told.get("no_lr_reason")
    record = experience.shipped(str(told.get("name", "")), str(told.get("hash", ""))) if told else experience.NOTHING
    return {
        "compared": found.comparison is not None, "covered": covered, "why_not": str(told.get("no_lr_reason") or ""),
        "calibration": {name: told.get(name) for name in ("name", "version", "hash", "origin", "conditions", "bounds")},
        "recordings": dict(record["recordings"]), "verbal_scale": VERSION,
        "judged": [_judged(row) for row in record["propositions"]] if covered else [],
        "record_sha256": experience.record()["sha256"],
        "trials": trials.on_record(),
    }  # fmt: skip


def _judged(row: Mapping[str, Any]) -> Row:
    left_out = row["left_out_bounded"]
    measures = ("auc", "cllr", "misleading_10", "misleading_100")
    return {
        "proposition": row["proposition"], "related": row["n"], "unrelated": row["unrelated"],
        "families": row["families"], "bounds": row["bounds"],
        **{name: {"value": left_out[name], "interval": left_out["intervals"].get(name)} for name in measures},
    }  # fmt: skip


def controls(found: Findings, case: Case) -> Row:
    """Each control with what was expected and found, and the kinds that are missing."""
    return {
        "rows": [
            {"kind": c.control.get_kind_display(), "models": list(c.names), "ground": c.control.ground,
             "expected": c.expected, "found": c.found, "state": c.state, "log10_lr": number(c.value),
             "verbal": c.verbal, "explanation": c.control.explanation}
            for c in found.controls
        ],
        "missing": plans.missing_controls(case),
    }  # fmt: skip


def results(of: Subject, *, figures: bool) -> Row:
    """Scores of each pair, phrases chosen by rule, and the figures of the whole population."""
    if of.found.comparison is None:
        return {"pairs": [], "figures": []}
    result = queries.result(of.found.comparison)
    rows = []
    for row, _ in of.pairs():
        told = reading.pair(result, row.questioned.model.name, row.reference.model.name)
        rows.append({
            "questioned": row.names[0], "reference": row.names[1], "relation": told["relation"],
            "prompts": told["prompts"], "p_value": told["p_value"], "status": told["status"],
            "scores": [{"score": name, "value": value} for name, value in told["scores"]],
            "llrs": [{"proposition": llr["name"], "log10_lr": llr["value"], "before_the_bound": llr["raw"],
                      "bound": llr["bounds"], "verbal": llr["verbal"], "why": "" if llr["value"] is not None
                      else llr["why"]} for llr in told["llrs"]],
            "exemplars": list(of.taken(row).get("exemplars", [])),
        })  # fmt: skip
    return {"pairs": rows, "figures": _population_figures(of) if figures else []}


def _figure(data: Mapping[str, Any]) -> Row:
    """A figure's data record without its table, whose numbers it holds too."""
    return {key: value for key, value in data.items() if key != "table"}


def _population_figures(of: Subject) -> list[Row]:
    wanted: list[tuple[str, dict[str, str]]] = [(name, {}) for name in FIGURES]
    questioned = dict.fromkeys(row.questioned.model.name for row in of.found.rows)
    wanted += [("ranking", {"questioned": name}) for name in questioned]
    drawn = (_drawn(of, name, options) for name, options in wanted)
    return [_figure(data) for data in drawn if data and not data["empty"]]


def _drawn(of: Subject, name: str, options: dict[str, str]) -> Row | None:
    """A figure's data; None where the result is too small for it, such as a tree of two models."""
    assert of.found.comparison is not None
    try:
        data: Row = reading.figure(of.found.comparison, name, **options)["data"]
    except BadInput:
        return None
    return data


def interpretation(of: Subject, *, figures: bool) -> Row:
    """Each pair against every Hd, what its LR is fused from, and the LR without each channel, family and reference."""
    found = []
    for row, rows in of.pairs():
        parts = alone(of.found, row)
        found.append({
            "questioned": row.names[0], "reference": row.names[1],
            "against": [{"hd": r.hd.key, "title": r.title, "hp": r.hp, "statement": r.against,
                         "log10_lr": number(r.value), "bound": [float(b) for b in r.bounds], "sentence": r.sentence}
                        for r in rows],
            "fused_from": _fused(parts), "left_out": {
                name: list(of.taken(row).get(name, [])) for name in ("channels", "families", "references")
            }, "fewest": of.taken(row).get("fewest"),
            "figures": _pair_figures(of, row, parts) if figures else [],
        })  # fmt: skip
    return {"pairs": found, "computed": bool(of.apart)}


def _fused(parts: Contributions | None) -> Row | None:
    if parts is None:
        return None
    return {
        "parts": [{"score": p.feature, "value": number(p.score), "alone": number(p.alone), "added": number(p.added)}
                  for p in parts.parts],
        "naive_sum": number(parts.naive), "dependence": number(parts.dependence), "raw": number(parts.raw),
        "cut": number(parts.cut), "bounded": number(parts.bounded),
    }  # fmt: skip


def _pair_figures(of: Subject, row: Finding, parts: Contributions | None) -> list[Row]:
    drawn = []
    if parts is not None:
        drawn.append(registry.load(figure_plugins.PACKAGE, "waterfall").data(parts))
    told = of.found.calibration
    record = experience.shipped(str(told.get("name", "")), str(told.get("hash", "")))
    if row.value is not None and record["propositions"]:
        tippett = registry.load(figure_plugins.PACKAGE, "tippett")
        drawn.append(tippett.data(record, proposition=row.relation_asked, judged="left_out_bounded", mark=row.value))
    pair = f"{row.names[0]} and {row.names[1]}"
    return [_figure(data) | {"of": pair} for data in drawn if not data["empty"]]


def alternatives(case: Case) -> list[Row]:
    """Every alternative of the list with its latest verdict; an empty verdict where none was given."""
    given = {verdict.key: verdict for verdict in case.verdicts.select_related("by")}
    rows = []
    for key, one in known.alternatives().items():
        verdict = given.get(key)
        rows.append({
            "key": key, "title": one.title, "measured": one.measured, "what_tests_it": one.test,
            "verdict": verdict.get_answer_display() if verdict else "", "test": verdict.test if verdict else "",
            "by": who(verdict.by) if verdict else "", "at": moment(verdict.at) if verdict else None,
        })  # fmt: skip
    return rows


def contrary_evidence(case: Case, found: Findings, rows: list[Contrary]) -> Row:
    """What speaks against a simple story, by rule, and how much of it the database holds, counted in another way."""
    done = case.comparisons.filter(state="done").count()
    runs = case.collections.filter(state__in=["failed", "cancelled", "paused"]).count()
    failed = case.comparisons.filter(state="failed").count()
    excluded = case.collections.exclude(segment=None).count()
    return {
        "rules": [
            {"rule": rule, "title": title,
             "rows": [{"of": row.of, "told": row.told} for row in rows if row.rule == rule]}
            for rule, title in RULES.items()
        ],
        "counted": {
            "run": runs + failed + max(0, done - 1) + excluded, "deviation": case.deviations.count(),
            "version": case.reports.filter(state="done").count(),
            "finding": sum(row.value is None or row.value < 0 for row in found.rows) + len(found.absent),
        },
    }  # fmt: skip


def reproduction(case: Case, found: Findings, apart: Mapping[str, Any]) -> Row:
    """The commands, the hashes to expect, the tolerance, and what a recomputation from stored replies came to."""
    comparison = found.comparison
    hashes = {}
    if comparison is not None:
        hashes = {c.model.name: c.compared_hash for c in comparison.collections.select_related("model")}
    calibration = found.calibration.get("hash")
    shipped = any(c.hash == calibration for c in calibrations.shipped())
    return {
        "commands": ["python -I verify.py BUNDLE", "python -m forensics verify BUNDLE",
                     "python -m forensics recompute BUNDLE"],
        "response_sets": hashes, "suite_sha256": case.suite.suite_hash if case.suite else None,
        "calibration_sha256": calibration, "calibration_ships": shipped,
        "seed": comparison.seed if comparison else None, "tolerance": 1e-9,
        "recomputed": apart.get("recomputed"),
    }  # fmt: skip
