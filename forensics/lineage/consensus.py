"""The majority-rule consensus of many trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forensics.lineage.records import Branch

MAJORITY = 0.5


def majority(votes: Mapping[int, int], trees: int, leaves: int, outgroup: int) -> tuple[Branch, ...]:
    """The branches of the tree of all splits that more than half of the trees hold, rooted at the out-group.

    votes: split, as a bit set of leaves, to the number of trees that hold it. Such splits never contradict each other,
    so they nest (Margush & McMorris 1981); lengths are 0. Without any tree all leaves hang from one node.
    """
    everything = (1 << leaves) - 1
    shares = {
        (everything & ~bits if bits >> outgroup & 1 else bits): count / trees
        for bits, count in votes.items()
        if count > MAJORITY * trees
    }
    clusters = [everything, everything & ~(1 << outgroup)]
    clusters += sorted(shares, key=lambda bits: (-bits.bit_count(), bits))
    inner = [
        Branch(leaves + _smallest(clusters[:k], bits), leaves + k, 0.0, shares.get(bits))
        for k, bits in enumerate(clusters)
        if k
    ]
    return (*inner, *(Branch(leaves + _smallest(clusters, 1 << i), i, 0.0, None) for i in range(leaves)))


def _smallest(clusters: Sequence[int], bits: int) -> int:
    """The place of the last, hence smallest, of nested clusters that holds all of `bits`."""
    return max(k for k, cluster in enumerate(clusters) if cluster & bits == bits)
