"""`power`: known-truth power curves of recorded zoos, probe calls against likelihood ratios."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from forensics import figures, registry
from forensics.commands.population import whole_numbers
from forensics.commands.recordings import corpus_hash
from forensics.corpora import open_corpus
from forensics.errors import BadInput
from forensics.evaluation import calibration as calibrations
from forensics.evaluation.calibration import Calibration
from forensics.evaluation.calls import MOST_DRAWS, PROPOSITIONS, Zoo, drawn, pool_of, power_rows
from forensics.evaluation.labels import read_labels
from forensics.evaluation.resampling import LEVEL, REPLICATES
from forensics.evaluation.zoo import FEATURES, MODES
from forensics.reports.power_page import page, power_text
from forensics.zoo.members import members, same_data

CALLS = "5,10,20,35,70,135"


def add_parser(commands: Any) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("power", help="calls against LLR on recorded zoos, whose lineage is known")
    one.add_argument("dirs", type=Path, nargs="+", metavar="DIR", help="recorded zoos")
    one.add_argument("--calls", type=whole_numbers, default=whole_numbers(CALLS), metavar="N,N,...", help=CALLS)
    one.add_argument("--calibration", type=Path, metavar="FILE", help="judge this one too, not the one that ships")
    one.add_argument("--out", type=Path, metavar="FILE", help="write every figure as JSON")
    one.add_argument("--html", type=Path, metavar="FILE", help="write a page with the curves")
    one.add_argument("--seed", type=int, default=0, help="seed of draws and resamples (default 0)")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the table, and write JSON and page where asked for."""
    folders = sorted(args.dirs, key=lambda folder: folder.resolve().name)
    zoos = [recorded_zoo(folder) for folder in folders]
    if len({zoo.name for zoo in zoos}) < len(zoos):
        raise BadInput("two folders bear the same name; a zoo is known by its folder's")
    chosen = calibrations.load(args.calibration) if args.calibration else shipped()
    told = {
        "zoos": {zoo.name: corpus_hash(folder) for zoo, folder in zip(zoos, folders, strict=True)},
        "models": sum(len(zoo.sets) for zoo in zoos),
        "calibration": chosen.describe(),
        "prompts": {
            name: {
                "mode": " and ".join(mode.value for mode in MODES[FEATURES[name][0]]),
                "n": len(pool_of(zoos, name)),
            }
            for name in PROPOSITIONS
        },
        "call": "one prompt sent once, next-token distributions asked for; each of the two models gets as many",
        "bootstrap": {"units": "lineages on both sides, and zoos", "replicates": REPLICATES, "level": LEVEL},
        "draws": {"most": MOST_DRAWS, "seed": args.seed},
        "rows": power_rows(drawn(zoos, args.calls, seed=args.seed), chosen, seed=args.seed),
    }
    if args.out:
        args.out.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if args.html:
        args.html.write_text(page(told, figures_of(told)), encoding="utf-8")
    print(power_text(told))


def shipped() -> Calibration:
    """The calibration of the zoo that ships."""
    return next(one for one in calibrations.shipped() if one.propositions["weights"].features == FEATURES["weights"])


def recorded_zoo(folder: Path) -> Zoo:
    """A recorded zoo with its labels; raises BadInput for a model that is no member."""
    source = open_corpus(folder)
    if odd := sorted(set(source.models) - set(members())):
        raise BadInput(f"no member of the zoo: {', '.join(odd)}", where=folder.name)
    alike = frozenset(frozenset(pair) for pair in combinations(source.models, 2) if same_data(*pair))
    sets = tuple(source.responses(model) for model in source.models)
    return Zoo(folder.resolve().name, sets, source.prompts, read_labels(folder), alike)


def figures_of(told: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(title, reading, Plotly figure) of every proposition, way of judging and measure that can be drawn."""
    plugin = registry.load(figures.PACKAGE, "power")
    ways = dict.fromkeys((row["proposition"], row["judged"]) for row in told["rows"])
    found = []
    for proposition, judged in ways:
        for measure in ("median", "strong"):
            data = plugin.data(told, proposition=proposition, judged=judged, measure=measure)
            if not data["empty"]:
                found.append((str(data["title"]), str(data["reading"]), plugin.figure(data)))
    return found
