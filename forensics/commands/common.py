"""What several commands need: a corpus compared, its matrices by column, and pairs.csv."""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from forensics.corpora import ResponseSource, open_corpus
from forensics.errors import BadInput
from forensics.evaluation import calibration as calibrations
from forensics.evaluation.calibration import Calibration
from forensics.evaluation.labels import read_labels
from forensics.evaluation.pairs import PairTable, pair_table
from forensics.folders import inspect_folder
from forensics.lineage.against import Case
from forensics.lineage.comparison import Material, Plan, compare
from forensics.lineage.frozen import Frozen, freeze, joined
from forensics.lineage.frozen_file import read_frozen
from forensics.lineage.records import PROPOSITIONS, Comparison
from forensics.lineage.weighing import Given
from forensics.tables import printable, safe_cell

MANY_MODELS = 32


def at_least(least: int) -> Callable[[str], int]:
    """The reader of a whole number that is no less."""

    def whole_number(text: str) -> int:
        if (value := int(text)) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {value}")
        return value

    return whole_number


def read_models(path: Path | None) -> list[str] | None:
    """Model names, one a line, blank lines and # comments left out."""
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(f"cannot be read: {problem}", where=path.name) from problem
    names = [line.strip() for line in lines]
    return list(dict.fromkeys(name for name in names if name and not name.startswith("#")))


def progress(stage: str, share: float) -> None:
    """Say on a terminal how far it is."""
    if sys.stderr.isatty():
        print(f"\r\033[K{stage} ({share:.0%})", end="" if share < 1 else "\n", file=sys.stderr, flush=True)


def cache_folder() -> Path | None:
    """Where fingerprints are kept: FILIATION_CACHE, or nowhere."""
    folder = os.environ.get("FILIATION_CACHE", "")
    return Path(folder) if folder else None


def processes(asked: int | None, models: int) -> int:
    """How many processes read: as many as asked, or one a core where there are models enough to be worth it."""
    return asked or (os.cpu_count() or 1 if models >= MANY_MODELS else 1)


def known_calibrations(args: argparse.Namespace) -> Sequence[Calibration]:
    """The calibrations to choose from: those given, or those that ship."""
    return [calibrations.load(Path(text)) for text in args.calibration or ()] or calibrations.shipped()


def compared(
    source: ResponseSource,
    models: Iterable[str] | None,
    args: argparse.Namespace,
    keep: Callable[[Material], None] | None = None,
) -> Comparison:
    """The comparison of a corpus' models; raises BadInput naming those that it does not hold.

    keep: what is to see the material that the comparison was made of.
    """
    wanted = _wanted(source, models)
    return compare(
        (source.responses(model) for model in wanted),
        source.prompts,
        suite_hash=args.suite_hash,
        cache=cache_folder(),
        jobs=processes(args.jobs, len(wanted)),
        progress=progress,
        seed=args.seed,
        known=known_calibrations(args),
        keep=keep,
        extra=args.extra or (),
        folders=folders_of(args, wanted),
    )


def weights_option(one: argparse.ArgumentParser) -> None:
    """Add --weights to a command."""
    told = "the weights folder of a model of the corpus (repeatable); a FOLDER alone holds one for each, by its name"
    one.add_argument("--weights", action="append", metavar="NAME=FOLDER", help=told)


def folders_of(args: argparse.Namespace, models: Collection[str]) -> dict[str, Given]:
    """The weights folders that were asked for, checked, by model.

    Raises BadInput for a model that is not compared, UnsafeWeights for a folder that cannot be used.
    """
    found: dict[str, Path] = {}
    for text in getattr(args, "weights", None) or ():
        name, named, folder = text.rpartition("=")
        if named:
            found[name] = Path(folder)
        else:
            found |= {model: Path(text) / model for model in models if (Path(text) / model).is_dir()}
    if unknown := sorted(set(found) - set(models)):
        raise BadInput(f"weights were given for a model that is not compared: {', '.join(unknown)}")
    for folder in found.values():
        inspect_folder(folder)
    return {name: Given(path) for name, path in found.items()}


def _wanted(source: ResponseSource, models: Iterable[str] | None) -> tuple[str, ...]:
    """The models to compare, all by default; raises BadInput naming those that the corpus does not hold."""
    wanted = source.models if models is None else tuple(models)
    if unknown := sorted(set(wanted) - set(source.models)):
        raise BadInput(f"no such model: {', '.join(unknown)}", where=source.path.name)
    return wanted


def background_option(one: argparse.ArgumentParser) -> None:
    """Add --background to a command."""
    told = "measure each pair against these models alone: a recorded corpus, or a file that `freeze` wrote (repeatable)"
    one.add_argument("--background", action="append", type=Path, metavar="PATH", help=told)


def frozen(paths: Iterable[Path], args: argparse.Namespace) -> Frozen:
    """The background of recordings and frozen files, together."""
    return joined([_frozen(path, args) for path in paths])


def _frozen(path: Path, args: argparse.Namespace) -> Frozen:
    if path.is_file():
        return read_frozen(path)
    source = open_corpus(path)
    return freeze(
        (source.responses(model) for model in source.models),
        source.prompts,
        cache=cache_folder(),
        jobs=processes(args.jobs, len(source.models)),
        progress=progress,
        extra=args.extra or (),
    )


def case_of(
    source: ResponseSource, models: Iterable[str] | None, args: argparse.Namespace, *, replicates: int = 0
) -> Case:
    """The models of a corpus beside the background that was asked for, which is given."""
    wanted = _wanted(source, models)
    return Case.of(
        (source.responses(model) for model in wanted),
        source.prompts,
        frozen(args.background, args),
        Plan(args.suite_hash, args.seed, replicates, known_calibrations(args), args.extra or ()),
        cache=cache_folder(),
        jobs=processes(args.jobs, len(wanted)),
        progress=progress,
        folders=folders_of(args, wanted),
    )


def background_text(told: Mapping[str, Any]) -> str:
    """The sentence on a background, from what a manifest says of it."""
    shared = f" It holds {', '.join(map(printable, told['shared']))} too, which counts once." if told["shared"] else ""
    return (
        f"Each pair beside a background of {told['models']} models ({told['prompts']} common prompts, "
        f"{told['hash'][:12]}) and nobody else.{shared}"
    )


def columns(result: Comparison) -> dict[str, Any]:
    """The (m, m) matrices of pairs.csv by column name, in order."""
    table: dict[str, Any] = {f"score_{name}": matrix for name, matrix in result.scores.items()}
    table |= {"score_kin": result.kin, "score_contrast": result.contrast}
    table |= {f"llr_{name}": result.llr[name] for name in PROPOSITIONS}
    return table | {f"llr_{name}_raw": result.llr_raw[name] for name in PROPOSITIONS}


def _cell(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def write_pairs(result: Comparison, out: Path) -> int:
    """The number of rows written: every unordered pair, model_a < model_b by code point."""
    table = columns(result)
    part = out.with_name(out.name + ".part")
    rows = 0
    with part.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["model_a", "model_b", "prompts", *table, "status", "relation"])
        for i, a in enumerate(result.models):
            for j in range(i + 1, len(result.models)):
                numbers = [_cell(matrix[i, j]) for matrix in table.values()]
                words = [result.status[i, j], result.relation[i, j]]
                writer.writerow(
                    [safe_cell(a), safe_cell(result.models[j]), int(result.prompts[i, j]), *numbers, *words]
                )
                rows += 1
    part.replace(out)
    return rows


def scored_table(folder: Path, args: argparse.Namespace) -> PairTable:
    """A labelled corpus' pairs with their scores alone, for fitting."""
    labels = read_labels(folder)
    result = compared(open_corpus(folder), None, args)
    return pair_table(folder.resolve().name, result.models, dict(result.scores), labels)
