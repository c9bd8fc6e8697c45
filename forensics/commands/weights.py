"""`weights`: two weights folders set side by side, block by block."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forensics.channels.weights import PLUGIN
from forensics.commands.common import cache_folder
from forensics.features.cache import FingerprintCache
from forensics.features.folder_differences import TokenizerDifference, config_differences, tokenizer_difference
from forensics.features.unit_matching import weigh
from forensics.folders import Folder, inspect_folder
from forensics.lineage.weighing import print_of
from forensics.records import WeightEvidence
from forensics.tables import printable, text_table

EXITS = (
    "Ends with status 0 whatever is found, a pair that is not estimable included, and with 2 where a folder cannot be "
    "used. A p-value against having been made apart is no likelihood ratio."
)


def add_parser(commands: Any, _common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    told = "whether two weights folders share weights, block by block"
    one = commands.add_parser("weights", help=told, description=told, epilog=EXITS)
    one.add_argument("a", type=Path, metavar="A_FOLDER", help="config.json, tokenizer.json and *.safetensors")
    one.add_argument("b", type=Path, metavar="B_FOLDER")
    one.add_argument("--json", action="store_true", help="print JSON")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print what the weights of two folders say of the pair, and how their settings and tokenizers differ."""
    folders = [inspect_folder(path) for path in (args.a, args.b)]
    hashes = [folder.weights_hash() for folder in folders]
    cache = FingerprintCache(cache_folder())
    prints = [print_of(PLUGIN, PLUGIN.feature, *one, cache) for one in zip(folders, hashes, strict=True)]
    found = weigh(*prints)
    settings, tokens = config_differences(*folders), tokenizer_difference(*folders)
    if args.json:
        told = _plain(folders, found, settings, tokens) | {"weights_sha256": hashes}
        print(json.dumps(told, allow_nan=False, ensure_ascii=False))
        return
    print(_told(folders, found, settings, tokens))


def _plain(
    folders: Sequence[Folder], found: WeightEvidence, settings: list[tuple[str, Any, Any]], tokens: TokenizerDifference
) -> dict[str, Any]:
    return {
        "folders": [{"name": f.path.name, "architecture": f.architecture} for f in folders],
        "verdict": found.verdict,
        "words": found.words,
        "evidence": asdict(found),
        "config": [{"setting": name, "a": a, "b": b} for name, a, b in settings],
        "tokenizer": asdict(tokens),
    }


def _told(
    folders: Sequence[Folder], found: WeightEvidence, settings: list[tuple[str, Any, Any]], tokens: TokenizerDifference
) -> str:
    names = [f"{printable(f.path.name)} ({printable(f.architecture)})" for f in folders]
    lines = [f"{names[0]} and {names[1]}: {found.words}"]
    if found.layers:
        header = ("block", "similarity", "same sign", "of", "same place", "of", "log10 p", "query and key CKA")
        rows = [
            (one.layer, one.statistic, one.agreeing, one.signs, one.in_place, one.matched, one.log10_p, one.cka)
            for one in found.layers
        ]
        total = [sum(getattr(one, n) for one in found.layers) for n in ("agreeing", "signs", "in_place", "matched")]
        rows.append(("all", found.statistic, *total, found.log10_p or 0.0, found.cka))
        lines += ["", text_table(header, rows)]
        lines.append(f"\nRead on {found.tokens} tokens. Similarity is about 0 for models trained apart; CKA is not.")
    lines.append("\nconfig.json: " + ("no setting differs" if not settings else ""))
    if settings:
        shown = [(printable(n), *(None if v is None else printable(str(v)) for v in two)) for n, *two in settings]
        lines.append(text_table(("setting", *(printable(f.path.name) for f in folders)), shown))
    lines.append(f"\ntokenizer.json: {_vocabularies(tokens)}")
    return "\n".join(lines)


def _vocabularies(tokens: TokenizerDifference) -> str:
    if tokens.identical:
        return f"the same vocabulary of {tokens.sizes[0]} tokens"
    first, second = tokens.sizes
    return f"{first} and {second} tokens, {tokens.shared} in common, {tokens.same_id} of them with the same id"
