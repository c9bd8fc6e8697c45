"""The chapters of a report that say what was found and how well it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from forensics.reports.blocks import Block, Facts, Figure, Heading, Points, Table, Text, figure, said, signed, span

Record = Mapping[str, Any]


def summary(record: Record) -> Iterator[Block]:
    """The headline of each pair with its term, LR, interval and bound; the three main limitations."""
    told = record["summary"]
    if told["none"]:
        yield Text(told["none"], "warn")
    for row in told["headlines"]:
        yield Text(row["sentence"], "headline")
    if told["headlines"]:
        rows = [
            (row["questioned"], row["reference"], row["verbal"], signed(row["log10_lr"]),
             span(row["interval"], sign=True), span(row["bound"], sign=True), row["relation"])
            for row in told["headlines"]
        ]  # fmt: skip
        columns = ("Questioned", "Reference", "In words", "log10 LR", "95 % interval", "Bound", "Relation")
        yield Table("Against independent training; the LR is fused and held within its bound", columns, rows)
        yield Text("The interval is over blocks of prompts (jackknife) and is held within the bound too.", "fine")
    if told["limitations"]:
        yield Heading("Main limitations")
        yield Points(told["limitations"])


def validation(record: Record) -> Iterator[Block]:
    """The calibration, whether it covers the data, and what it did on pairs of known relation."""
    told = record["validation"]
    if not told["compared"]:
        yield Text("There is no finished comparison yet.", "warn")
        return
    if not told["covered"]:
        yield Text(f"No LR reported: {told['why_not']}.", "headline")
        yield Text("Ranks and conformal p-values are given instead.")
        yield from _trials(told)
        return
    one = told["calibration"]
    yield Facts([
        ("Calibration", f"{one['name']} {one['version']}"), ("SHA-256", said(one["hash"])),
        ("Origin", said(one["origin"])), ("Conditions", said(one["conditions"])),
        ("Recordings and their pairs", said(told["recordings"])), ("Verbal scale", said(told["verbal_scale"])),
        ("SHA-256 of the validation's record", told["record_sha256"]),
    ])  # fmt: skip
    rows = [
        (row["proposition"], str(row["related"]), str(row["unrelated"]), str(row["families"]), _with(row["cllr"]),
         _with(row["auc"]), _with(row["misleading_10"]), _with(row["misleading_100"]), span(row["bounds"], sign=True))
        for row in told["judged"]
    ]  # fmt: skip
    columns = (
        "LLR of",
        "Related",
        "Unrelated",
        "Families",
        "Cllr",
        "AUC",
        "Unrelated with LR ≥ 10",
        "LR ≥ 100",
        "Bound",
    )
    yield Table("Each recording judged by a fit on the others, as reported; 95 % intervals over families",
                columns, rows)  # fmt: skip
    yield from _trials(told)


TRIAL = {
    "hits": "Right", "misses": "Kin missed", "inconclusive": "Inconclusive", "other_relation": "Other kin",
    "false_claims": "False claims",
}  # fmt: skip


def _trials(told: Mapping[str, Any]) -> Iterator[Block]:
    """The blind trials on record; nothing of a record that was made before trials were listed."""
    if "trials" not in told:
        return
    yield Heading("Blind trials of the engine")
    if not told["trials"]:
        yield Text("None on record.")
    for one in told["trials"]:
        if one["fault"]:
            yield Text(f"{one['file']}: {one['fault']}", "warn")
            continue
        yield Facts([
            ("Recording", f"{one['corpus']}, {one['models']} models, seed {one['seed']}"),
            ("SHA-256 of the record", one["sha256"]), ("Of the truth, sealed beforehand", one["truth_sha256"]),
            ("Of the calibration", said(one["calibration_sha256"])), ("Signed by the key", one["key"]),
        ])  # fmt: skip
        rows = [
            (row["decoy"] or "none", row["relation"], str(row["n"]), str(row["without_lr"]),
             *(str(row[name]) for name in TRIAL), span(row["false_interval"]))
            for row in one["rows"]
        ]  # fmt: skip
        columns = ("Decoy", "Documented", "Pairs", "Without LR", *TRIAL.values(), "95 % of false claims")
        yield Table(f"Blind trial {one['file']}: intervals take pairs for independent", columns, rows)


def _with(told: Mapping[str, Any]) -> str:
    return f"{figure(told['value'])} {span(told['interval'])}" if told["value"] is not None else "not estimable"


def controls(record: Record) -> Iterator[Block]:
    """Each control and what became of it."""
    told = record["controls"]
    rows = [
        (row["kind"], " and ".join(row["models"]), said(row["ground"]), row["expected"], said(row["found"]),
         row["state"], signed(row["log10_lr"]), said(row["explanation"]))
        for row in told["rows"]
    ]  # fmt: skip
    columns = ("Kind", "Models", "Ground", "Expected", "Found", "State", "log10 LR", "Explanation")
    if rows:
        yield Table("Controls of this run", columns, rows, wide=frozenset({2, 7}))
    for kind in told["missing"]:
        yield Text(f"There is no {kind} control.", "warn")


def quality(record: Record) -> Iterator[Block]:
    """Planned, sent, valid, missing by reason, retries; coverage of every score."""
    rows: list[tuple[str, ...]]
    told = record["quality"]
    rows = [
        (run["model"], str(run["planned"]), str(run["sent"]), str(run["valid"]), said(run["missing"]),
         str(run["retries"]), figure(run["coverage"]), f"{run['state']} {run['error']}".strip())
        for run in told["runs"]
    ]  # fmt: skip
    columns = ("Model", "Planned", "Sent", "Valid", "Missing, by reason", "Retries", "Coverage", "State")
    yield Table("Calls of each collection", columns, rows, quoted=True)
    yield Text("Missing, refused, empty, truncated and failed are counted apart; truncated replies are valid.", "fine")
    if told["explained"]:
        yield Points(told["explained"])
    rows = [(row["score"], str(row["estimable"]), str(row["pairs"])) for row in told["coverage"]]
    yield Table("Coverage of each score, over the pairs that the case asks about",
                ("Score", "Estimable", "Pairs"), rows)  # fmt: skip


def findings(record: Record) -> Iterator[Block]:
    """Scores and LLRs of each pair, exemplars by rule, and the figures of the population."""
    rows: list[tuple[str, ...]]
    told = record["findings"]
    for pair in told["pairs"]:
        yield Heading(f"{pair['questioned']} and {pair['reference']}")
        yield Facts([
            ("Relation found", pair["relation"]), ("Common prompts", str(pair["prompts"])),
            ("Rank p-value among all pairs", figure(pair["p_value"], 4)), ("Status", pair["status"]),
        ])  # fmt: skip
        rows = [(r["proposition"], signed(r["log10_lr"]), signed(r["before_the_bound"]), span(r["bound"], sign=True),
                 r["verbal"], said(r["why"])) for r in pair["llrs"]]  # fmt: skip
        yield Table("Likelihood ratios against cleanly unrelated pairs",
                    ("LLR of", "log10 LR", "Before the bound", "Bound", "In words", "Why none"), rows)  # fmt: skip
        yield from _scores(pair)
        if rows := [(e["text"], figure(e["value"]), e["rule"]) for e in pair["exemplars"]]:
            columns = ("Phrase that both say", "Overlap", "Chosen by rule")
            yield Table("Exemplars", columns, rows, quoted=True, wide=frozenset({0}))
    yield from (Figure(data) for data in told["figures"])


def _scores(pair: Mapping[str, Any]) -> Iterator[Block]:
    """The scores, three to a row, so that a page holds them."""
    cells = [(row["score"], figure(row["value"])) for row in pair["scores"]]
    cells += [("", "")] * (-len(cells) % 3)
    rows = [tuple(word for cell in cells[k : k + 3] for word in cell) for k in range(0, len(cells), 3)]
    yield Table("Scores, larger meaning more alike", ("Score", "Value") * 3, rows)


def interpretation(record: Record) -> Iterator[Block]:
    """Each pair against each Hd; what its LR is fused from; the LR without each part."""
    yield Text(
        "The headline is the fused, bounded LR. The LRs of channels are never added up: what two channels both see "
        "would count twice."
    )
    for pair in record["interpretation"]["pairs"]:
        yield Heading(f"{pair['questioned']} and {pair['reference']}")
        rows = [(row["title"], signed(row["log10_lr"]), row["sentence"]) for row in pair["against"]]
        columns = ("Hd", "log10 LR", "In words")
        yield Table("Against each alternative", columns, rows, wide=frozenset({2}))
        if told := pair["fused_from"]:
            yield from _fused(told)
        yield from _left_out(pair)
        yield from (Figure(data) for data in pair["figures"])


def _fused(told: Mapping[str, Any]) -> Iterator[Block]:
    rows = [(p["score"], figure(p["value"]), signed(p["alone"])) for p in told["parts"]]
    rows += [("dependence of the channels", "", signed(told["dependence"])), ("fused", "", signed(told["raw"])),
             ("bound", "", signed(told["cut"])), ("reported", "", signed(told["bounded"]))]  # fmt: skip
    yield Table("What the LR is fused from", ("Part", "Score", "log10 LR alone"), rows)


LEFT_OUT = {"channels": "channel", "families": "probe family", "references": "other model"}


def _left_out(pair: Mapping[str, Any]) -> Iterator[Block]:
    for name, title in LEFT_OUT.items():
        rows = [(row["without"], signed(row["log10_lr"]), row["verbal"], said(row["why"]))
                for row in pair["left_out"][name]]  # fmt: skip
        if rows:
            yield Table(f"The LR without each {title}", (f"Without the {title}", "log10 LR", "In words", "Note"), rows)
    if told := pair["fewest"]:
        yield Text(told)


def alternatives(record: Record) -> Iterator[Block]:
    """Every alternative of the list with its verdict and test."""
    rows = [
        (row["title"], row["verdict"] or "no verdict", row["test"] or f"To be tested by: {row['what_tests_it']}",
         f"{row['by']} {row['at'] or ''}".strip())
        for row in record["alternatives"]
    ]  # fmt: skip
    yield Table(
        "What else could explain the findings", ("Alternative", "Verdict", "Test", "By"), rows, wide=frozenset({2})
    )


def contrary(record: Record) -> Iterator[Block]:
    """Contrary evidence, rule by rule, the empty rules too."""
    yield Text("Listed by rule from the record of the case: nothing is chosen, and nothing can be left out.")
    for rule in record["contrary"]["rules"]:
        yield Heading(f"{rule['title']}: {len(rule['rows'])}")
        if rule["rows"]:
            rows = [(row["of"], row["told"]) for row in rule["rows"]]
            yield Table(rule["title"], ("Of", "What it says"), rows, wide=frozenset({1}))
        else:
            yield Text("None.")


def reproduction(record: Record) -> Iterator[Block]:
    """Commands, hashes, tolerance, and what the recomputation came to."""
    told = record["reproduction"]
    yield Points(told["commands"])
    yield Facts([
        ("Tolerance", f"equal on the same machine, {told['tolerance']} relative elsewhere"),
        ("Seed", said(told["seed"])), ("SHA-256 of the suite", said(told["suite_sha256"])),
        ("SHA-256 of the calibration", said(told["calibration_sha256"])),
    ])  # fmt: skip
    if done := told["recomputed"]:
        yield Text(done["told"], "" if done["agrees"] else "warn")
    else:
        yield Text("Recomputed from the stored replies when a version is made.", "fine")
    if rows := sorted(told["response_sets"].items()):
        yield Table("Response sets to expect", ("Model", "SHA-256"), rows, quoted=True)
