"""`validate`: how well the engine does on one labelled recording, printed and written."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from forensics import figures, registry
from forensics.commands.common import write_pairs
from forensics.commands.recordings import Recording, recorded, tables_by_prompts
from forensics.errors import MisleadingEvidence
from forensics.evaluation.pairs import POSITIVES
from forensics.evaluation.prompts import curve_rows
from forensics.evaluation.teachers import teacher_rows, votes
from forensics.evaluation.validation import BASELINE, turing_failures, validation
from forensics.reports.validation_page import page
from forensics.reports.validation_text import report_text

EXITS = "Ends with status 6 when an LR that is reported misleads more often than Turing's rule allows."


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("validate", parents=[common], help="judge the engine on a labelled corpus", epilog=EXITS)
    one.add_argument("dir", type=Path, metavar="DIR", help="a recorded corpus with lineage.csv and pairs.csv")
    one.add_argument("--out", type=Path, metavar="DIR", help="write validation.json, .html and .txt, and pairs.csv")
    one.add_argument(
        "--curve",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="accuracy against the number of prompts (about as long again as the comparison)",
    )
    one.set_defaults(run=run)


def judged(recording: Recording, args: argparse.Namespace, *, curve: bool) -> dict[str, Any]:
    """Everything that is said of one recording, as plain JSON."""
    told = validation(
        recording.table, recording.calibration, str(recording.result.calibration["no_lr_reason"]), seed=args.seed
    )
    told["models"], told["prompts"] = len(recording.result.models), len(recording.ordered)
    matrices = dict(recording.result.scores) | {BASELINE: recording.peer}
    told["teachers"] = teacher_rows(votes(recording.labels, recording.result.models, matrices), seed=args.seed)
    tables = list(tables_by_prompts(recording, args)) if curve and recording.calibration else []
    told["curve"] = curve_rows(tables, recording.calibration, seed=args.seed)
    return told


def run(args: argparse.Namespace) -> None:
    """Join labels and say how well the engine does; raises MisleadingEvidence where Turing's rule is broken."""
    recording = recorded(args.dir, args)
    told = judged(recording, args, curve=args.curve)
    if args.out:
        write(recording, told, args.out)
    print(json.dumps(told, allow_nan=False) if args.json else report_text(told))
    if failed := turing_failures(told):
        raise MisleadingEvidence(
            f"reported LRs mislead more often than Turing's rule allows: {', '.join(failed)}; "
            "do not use this calibration on such models, fit one on a labelled population of their kind"
        )


def write(recording: Recording, told: dict[str, Any], out: Path) -> None:
    """Write validation.json, validation.html, validation.txt and pairs.csv into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    plain = json.dumps(told | {"manifest": dict(recording.result.manifest)}, indent=1, allow_nan=False)
    (out / "validation.json").write_text(plain + "\n", encoding="utf-8")
    (out / "validation.txt").write_text(report_text(told) + "\n", encoding="utf-8")
    (out / "validation.html").write_text(page(told, figures_of(told)), encoding="utf-8")
    write_pairs(recording.result, out / "pairs.csv")


def figures_of(told: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(title, reading, Plotly figure) of all that can be drawn: held-out LRs and reported ones, errors, prompts."""
    wanted: list[tuple[str, dict[str, str]]] = []
    for proposition in POSITIVES:
        for judged in ("held_out", "bounded"):
            wanted += [(name, {"proposition": proposition, "judged": judged}) for name in ("tippett", "ece")]
    wanted += [("errors", {}), ("prompts", {"measure": "cllr"}), ("prompts", {"measure": "auc"})]
    found = []
    for name, options in wanted:
        plugin = registry.load(figures.PACKAGE, name)
        data = plugin.data(told, **options)
        if not data["empty"]:
            found.append((str(data["title"]), str(data["reading"]), plugin.figure(data)))
    return found
