"""Lineage trees against scikit-bio, and where there is no tree to find."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from forensics.__main__ import main
from forensics.errors import BadInput
from forensics.lineage.joining import neighbour_joining, splits
from forensics.lineage.newick import sketch
from forensics.lineage.records import Comparison
from forensics.lineage.trees import lineage_tree
from tests.forensics import worlds

skbio = pytest.importorskip("skbio", reason="needs the development dependency scikit-bio")
Array = NDArray[np.float64]


def random_distances(rng: np.random.Generator, m: int) -> Array:
    """Distances of no tree at all: many branches come out negative."""
    noise = rng.random((m, m)) ** 4
    distance = noise + noise.T + 0.01
    np.fill_diagonal(distance, 0)
    return distance


def additive_distances(rng: np.random.Generator, m: int) -> Array:
    """Path lengths between the leaves of a random binary tree."""
    distance = np.zeros((1, 1))
    for _ in range(m - 1):
        at = int(rng.integers(len(distance)))
        old, new = rng.random(2) + 0.1
        grown = np.pad(distance, (0, 1))
        grown[-1, :-1] = grown[:-1, -1] = distance[at] + new
        grown[at, :-1] += old
        grown[:-1, at] += old
        grown[-1, at] = grown[at, -1] = old + new
        grown[at, at] = 0
        distance = grown
    return distance


def oracle(distance: Array) -> Any:
    return skbio.tree.nj(skbio.DistanceMatrix(distance, [str(i) for i in range(len(distance))]), neg_as_zero=False)


def as_skbio(text: str) -> Any:
    return skbio.TreeNode.read(StringIO(text), convert_underscores=False)


def as_comparison(distance: Array, replicates: Array | None = None, names: tuple[str, ...] = ()) -> Comparison:
    m = len(distance)
    word = np.full((m, m), "ok", dtype=object)
    return Comparison(
        names or tuple(str(i) for i in range(m)), np.full((m, m), 60), {}, -distance, -distance, {}, {},
        np.ones((m, m)), word, word, distance,
        (np.empty((0, m, m)) if replicates is None else replicates).astype(np.float32),
    )  # fmt: skip


def sides(tree: Any, names: tuple[str, ...]) -> dict[frozenset[str], Any]:
    """Each inner branch of a tree of scikit-bio, by the leaves on the side without the first."""
    found = {}
    for node in tree.non_tips():
        told = frozenset(tip.name for tip in node.tips())
        told = told if names[0] not in told else frozenset(names) - told
        if 1 < len(told) < len(names) - 1:
            found[told] = node
    return found


@pytest.mark.parametrize("make", [random_distances, additive_distances])
@pytest.mark.parametrize("m", [3, 4, 5, 9, 24])
def test_topology_and_lengths_are_those_of_scikit_bio_negative_ones_too(make: Any, m: int) -> None:
    rng = np.random.default_rng(m)
    distance = np.stack([make(rng, m) for _ in range(6)])
    joined = neighbour_joining(distance)
    for one, children, lengths in zip(distance, joined.child, joined.length, strict=True):
        theirs = oracle(one)
        own = {frozenset([str(c)]): x for c, x in zip(children.tolist(), lengths, strict=True) if c < m}
        assert all(np.isclose(theirs.find(str(next(iter(k)))).length, x, atol=1e-9) for k, x in own.items())
        (told,) = splits(neighbour_joining(one[None]))
        place = {c: x for c, x in zip(children.tolist(), lengths, strict=True) if c >= m}
        names = tuple(str(i) for i in range(m))
        ours = {frozenset(str(i) for i in range(m) if bits >> i & 1): place[c] for c, bits in told.items()}
        expected = {side: node.length for side, node in sides(theirs, names).items()}
        assert ours.keys() == expected.keys()
        assert all(np.isclose(ours[side], length, atol=1e-9) for side, length in expected.items())
    if make is random_distances and m == 24:
        assert (joined.length < 0).any()


def test_an_additive_matrix_gives_back_its_tree_and_its_path_lengths() -> None:
    distance = additive_distances(np.random.default_rng(3), 17)
    tree = lineage_tree(as_comparison(distance))
    order = [str(i) for i in range(17)]
    assert np.allclose(as_skbio(tree.newick).cophenet().filter(order).data, distance, atol=1e-4)


def test_many_matrices_in_lock_step_are_joined_as_if_each_were_alone() -> None:
    rng = np.random.default_rng(1)
    distance = np.stack([random_distances(rng, 90) for _ in range(50)])
    together = neighbour_joining(distance)
    for k in range(50):
        alone = neighbour_joining(distance[k : k + 1])
        assert np.array_equal(alone.child[0], together.child[k])
        assert np.array_equal(alone.length[0], together.length[k])


@pytest.mark.parametrize("make", [random_distances, additive_distances])
def test_support_is_the_share_of_replicates_and_the_consensus_that_of_scikit_bio(make: Any) -> None:
    rng = np.random.default_rng(8)
    distance = make(rng, 12)
    noise = rng.normal(0, 0.25, (40, 12, 12))
    replicates = np.abs(distance + noise + noise.swapaxes(1, 2)).astype(np.float32)
    replicates[:, np.arange(12), np.arange(12)] = 0
    tree = lineage_tree(as_comparison(distance, replicates), outgroup="4")
    names = tuple(str(i) for i in range(12))
    theirs = [oracle(one.astype(np.float64)) for one in replicates]
    votes = Counter(side for one in theirs for side in sides(one, names))
    own = sides(as_skbio(tree.newick), names)
    assert len(own) == 9
    assert {side: int(node.name) for side, node in own.items()} == {side: round(100 * votes[side] / 40) for side in own}
    agreed = sides(as_skbio(tree.consensus), names)
    assert agreed.keys() == {side for side, count in votes.items() if count > 20}
    assert all(int(node.name) == round(100 * votes[side] / 40) for side, node in agreed.items())
    # That of scikit-bio counts clades, not splits, so all trees get one root first.
    (majority,) = skbio.tree.majority_rule([one.root_by_outgroup(["4"]) for one in theirs], cutoff=0.5 + 1e-9)
    assert agreed.keys() == sides(majority, names).keys()
    assert as_skbio(tree.newick).compare_rfd(oracle(distance), rooted=False) == 0


def test_the_root_is_on_the_branch_of_the_out_group_and_support_stays_with_its_branch() -> None:
    rng = np.random.default_rng(2)
    distance = additive_distances(rng, 10)
    noise = rng.normal(0, 0.2, (30, 10, 10))
    replicates = np.abs(distance + noise + noise.swapaxes(1, 2))
    names = tuple(str(i) for i in range(10))
    found = []
    for name in names:
        tree = lineage_tree(as_comparison(distance, replicates), outgroup=name)
        assert tree.outgroup == name
        top = as_skbio(tree.newick)
        assert name in [child.name for child in top.children] and len(top.children) == 2
        found.append({side: (int(node.name), side) for side, node in sides(top, names).items()})
    assert all(told == found[0] for told in found)


def test_the_out_group_is_the_model_without_any_relative_unless_the_analyst_names_one() -> None:
    distance = np.full((6, 6), 3.0)
    for a, b in ((0, 1), (2, 3), (4, 0)):
        distance[a, b] = distance[b, a] = 1.0
    distance[2], distance[:, 2] = distance[2] + 4, distance[:, 2] + 4  # far from all but in the pair (2, 3)
    distance[2, 3] = distance[3, 2] = 1.0
    np.fill_diagonal(distance, 0)
    assert lineage_tree(as_comparison(distance)).outgroup == "5"
    with pytest.raises(BadInput, match="root it at"):
        lineage_tree(as_comparison(distance), ["0", "1", "2"], outgroup="5")


def test_a_tie_is_no_support_and_does_not_hang_on_names() -> None:
    star = np.ones((7, 7)) - np.eye(7)
    tree = lineage_tree(as_comparison(star, np.stack([star] * 20)))
    assert {b.support for b in tree.branches} == {None, 0.0}
    assert tree.consensus.count("(") == 2
    rng = np.random.default_rng(5)
    distance = np.round(additive_distances(rng, 9), 1)  # coarse, hence with ties
    order = rng.permutation(9)
    names = tuple(str(i) for i in range(9))
    one = lineage_tree(as_comparison(distance))
    other = lineage_tree(as_comparison(distance[np.ix_(order, order)], names=tuple(names[i] for i in order)))
    assert as_skbio(one.newick).compare_rfd(as_skbio(other.newick), rooted=False) == 0
    assert [b.length for b in one.branches] == [b.length for b in other.branches]


HOSTILE = (
    "a'b''c",
    "(x,y):1;",
    "[note] {b}",
    "under_score",
    " lead and trail ",
    "模型/7b:latest",
    "\u202egpj.\x1b[31m",
)


def test_hostile_names_survive_newick_and_are_harmless_on_a_terminal() -> None:
    tree = lineage_tree(as_comparison(additive_distances(np.random.default_rng(7), 7), names=HOSTILE))
    assert {tip.name for tip in as_skbio(tree.newick).tips()} == set(HOSTILE)
    shown = sketch(tree)
    assert "\x1b" not in shown and "\u202e" not in shown
    assert "\\x1b[31m" in shown
    assert shown.count("\n") == len(tree.branches)
    assert sketch(tree, ascii_only=True).encode("utf-8").count(b"\xe2") == 0


def test_replicates_in_which_a_pair_was_not_estimable_do_not_vote() -> None:
    distance = additive_distances(np.random.default_rng(4), 6)
    replicates = np.stack([distance] * 5)
    replicates[1, 0, 1] = np.nan
    tree = lineage_tree(as_comparison(distance, replicates))
    assert tree.replicates == 4
    assert {b.support for b in tree.branches} == {None, 1.0}
    assert lineage_tree(as_comparison(distance)).replicates == 0


def test_the_command_writes_newick_and_says_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = worlds.population(10, 40, kin={5: 2})
    short = replace(sets[7], completions=sets[7].completions[:3])
    corpus = worlds.write_corpus(tmp_path / "c", [*sets[:7], short, *sets[8:]], worlds.prompts(40))
    out = tmp_path / "t.nwk"
    assert main(["tree", str(corpus), "--outgroup", "m01", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "Left out, since some distances are not estimable: m07" in told
    assert "Rooted at m01, as asked" in told
    read = as_skbio(out.read_text(encoding="utf-8"))
    assert {tip.name for tip in read.tips()} == {f"m{i:02d}" for i in range(10) if i != 7}
    assert {node.name for node in read.find("m05").siblings()} == {"m02"}
    assert main(["tree", str(corpus), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["left_out"] == ["m07"] and plain["outgroup"] in plain["models"]
