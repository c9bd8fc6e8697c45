"""`weights` of the zoo: every pair of members by their weights alone, held against their documented lineage."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from forensics.channels.weights import evidence
from forensics.errors import BadInput
from forensics.features.unit_profiles import profiles
from forensics.folders import inspect_folder
from forensics.records import WeightEvidence
from forensics.tables import text_table
from forensics.zoo.members import members, same_data, shares_weights


@dataclass(frozen=True, slots=True)
class Judged:
    """One zoo. right of pairs: estimable pairs whose verdict is what the lineage says; sharing: those that share.

    untold: pairs that are not estimable, untold_sharing: those of them that share weights. worst_sharing, best_apart:
    the largest log10 p of pairs that share, the smallest of pairs made apart; same_data: of these, pairs of other seeds
    on the same data. cka_sharing, cka_apart: smallest and largest CKA, which may overlap. wrong: pairs by name.
    """

    zoo: str
    pairs: int
    right: int
    sharing: int
    untold: int
    untold_sharing: int
    same_data: int
    worst_sharing: float
    best_apart: float
    cka_sharing: float
    cka_apart: float
    wrong: tuple[tuple[str, str], ...]


def add_parser(commands: Any) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("weights", help="judge the weights channel on every pair of built zoos")
    one.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a zoo that build wrote")
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print a row for each zoo."""
    found = [judged(folder) for folder in args.folders]
    if args.json:
        print(json.dumps([asdict(one) for one in found], allow_nan=False))
        return
    header = (
        "zoo",
        "right",
        "of",
        "share",
        "same data",
        "untold",
        "worst p, share",
        "best p, apart",
        "CKA",
        "CKA apart",
    )
    rows = [
        (
            one.zoo,
            one.right,
            one.pairs,
            one.sharing,
            one.same_data,
            one.untold,
            f"10^{one.worst_sharing:.1f}",
            f"10^{one.best_apart:.1f}",
            one.cka_sharing,
            one.cka_apart,
        )
        for one in found
    ]
    print(text_table(header, rows))
    for one in found:
        for a, b in one.wrong:
            print(f"wrong in {one.zoo}: {a} and {b}")


def judged(folder: Path) -> Judged:
    """Every pair of a built zoo's members; raises BadInput where one is missing."""
    names = tuple(members())
    if missing := [name for name in names if not (folder / name).is_dir()]:
        raise BadInput(f"holds no {missing[0]}; build the zoo first (python -m forensics.zoo build)", where=str(folder))
    prints = []
    for name in names:
        checked = inspect_folder(folder / name)
        prints.append(profiles(checked, checked.weights_hash()))
    told = {(names[i], names[j]): found for (i, j), found in evidence(prints).items()}
    estimable = {pair: found for pair, found in told.items() if found.log10_p is not None}
    kin = {pair: found for pair, found in estimable.items() if shares_weights(*pair)}
    apart = {pair: found for pair, found in estimable.items() if pair not in kin}
    wrong = tuple(pair for pair, found in estimable.items() if found.shared != (pair in kin))
    untold = [pair for pair in told if pair not in estimable]
    return Judged(
        zoo=folder.resolve().name,
        pairs=len(estimable),
        right=len(estimable) - len(wrong),
        sharing=len(kin),
        untold=len(untold),
        untold_sharing=sum(shares_weights(*pair) for pair in untold),
        same_data=sum(same_data(*pair) for pair in apart),
        worst_sharing=max(_values(kin.values(), "log10_p")),
        best_apart=min(_values(apart.values(), "log10_p")),
        cka_sharing=min(_values(kin.values(), "cka")),
        cka_apart=max(_values(apart.values(), "cka")),
        wrong=wrong,
    )


def _values(found: Iterable[WeightEvidence], field: str) -> list[float]:
    return [float(value) for one in found if (value := getattr(one, field)) is not None]
