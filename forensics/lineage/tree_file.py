"""A lineage tree on disk beside its comparison: the bootstrap is too slow to repeat on every look."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from forensics.errors import BadInput, IntegrityError
from forensics.lineage.records import Branch, Comparison, LineageTree
from forensics.lineage.trees import lineage_tree

TREE = "tree.json"


def save_tree(comparison: Comparison, folder: Path) -> None:
    """Write the tree of a comparison into its folder, or why there is none."""
    try:
        plain = asdict(lineage_tree(comparison))
    except BadInput as problem:
        plain = {"none": str(problem)}
    part = folder / (TREE + ".part")
    part.write_text(json.dumps(plain, allow_nan=False, ensure_ascii=False), encoding="utf-8")
    part.replace(folder / TREE)


def load_tree(folder: Path) -> LineageTree | None:
    """The tree stored in a folder, None where none was stored.

    Raises BadInput where there can be no tree, saying why, and IntegrityError where the file cannot be read.
    """
    try:
        plain = json.loads((folder / TREE).read_text(encoding="utf-8"))
        if "none" in plain:
            raise BadInput(plain["none"])
        return LineageTree(
            tuple(plain["models"]),
            tuple(Branch(**branch) for branch in plain["branches"]),
            str(plain["newick"]),
            int(plain["replicates"]),
            tuple(plain["left_out"]),
            str(plain["outgroup"]),
            str(plain["consensus"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise IntegrityError(f"the stored tree in {folder.name} cannot be read: {problem}") from problem
