"""A stored lineage tree comes back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from forensics.errors import BadInput, IntegrityError
from forensics.lineage.tree_file import TREE, load_tree, save_tree
from forensics.lineage.trees import lineage_tree
from tests.helpers.populations import random_result


def test_a_tree_is_read_back_to_the_last_branch(tmp_path: Path) -> None:
    result = random_result([f"m{i}" for i in range(7)] + ["\u202ehostile\n"], 5)
    save_tree(result, tmp_path)
    assert load_tree(tmp_path) == lineage_tree(result)


def test_why_there_is_no_tree_is_kept_too(tmp_path: Path) -> None:
    save_tree(random_result(["a", "b"]), tmp_path)
    with pytest.raises(BadInput, match="at least three"):
        load_tree(tmp_path)


def test_what_was_never_stored_is_none_and_what_was_damaged_is_named(tmp_path: Path) -> None:
    assert load_tree(tmp_path) is None
    (tmp_path / TREE).write_text("{")
    with pytest.raises(IntegrityError, match="stored tree"):
        load_tree(tmp_path)
