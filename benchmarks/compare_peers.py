"""The engine's comparison against two naive peers on one generated corpus: seconds, and planted pairs told apart.

The peers are what one would write first: compression distance (zlib) in a loop over pairs and prompts, and the cosine
of word 1-2-gram tf-idf vectors of each model's whole text.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score

from benchmarks._generated import Generated, generate
from benchmarks._table import lines, timed
from forensics.lineage.comparison import compare
from forensics.records import ResponseSet

TITLE = "compare: 72 models, 150 prompts, 2,556 pairs"


def run() -> list[str]:
    """The lines of the table."""
    corpus = generate(families=24, lone=24, prompts=150, copied=0.03)
    rows = []
    for name, peer in (
        ("filiation: every channel, LRs, 100 bootstrap replicates", engine),
        ("naive: zlib distance, loop over pairs and prompts", zlib_similarity),
        ("naive: tf-idf of whole texts, cosine", tfidf_similarity),
    ):
        measured = timed(lambda peer=peer: peer(corpus))  # type: ignore[misc]
        pairs = len(corpus.sets) * (len(corpus.sets) - 1) // 2
        auc = planted_auc(corpus, measured.result)
        rows.append([name, f"{measured.seconds:.2f}", f"{pairs / measured.seconds:,.0f}", f"{auc:.3f}"])
    return lines(["", "seconds", "pairs/s", "AUC of planted pairs"], rows)


def engine(corpus: Generated) -> NDArray[np.float64]:
    """The fused similarity of a whole comparison, uncached, in the order of the corpus."""
    result = compare(corpus.sets, corpus.prompts)
    order = [result.models.index(responses.model) for responses in corpus.sets]
    return np.asarray(result.kin[np.ix_(order, order)])


def zlib_similarity(corpus: Generated) -> NDArray[np.float64]:
    """Minus the mean normalised compression distance (Cilibrasi and Vitanyi 2005) over common prompts."""
    texts = [[completion.text.encode() for completion in responses.completions] for responses in corpus.sets]
    alone = [[len(zlib.compress(text)) for text in row] for row in texts]
    found = np.zeros((len(texts), len(texts)))
    for i, j in combinations(range(len(texts)), 2):
        found[i, j] = found[j, i] = -np.mean(_distances(texts[i], texts[j], alone[i], alone[j]))
    return found


def _distances(a: Sequence[bytes], b: Sequence[bytes], size_a: Sequence[int], size_b: Sequence[int]) -> list[float]:
    return [
        (len(zlib.compress(x + y)) - min(n, m)) / max(n, m) for x, y, n, m in zip(a, b, size_a, size_b, strict=True)
    ]


def tfidf_similarity(corpus: Generated) -> NDArray[np.float64]:
    """Cosine of word 1-2-gram tf-idf vectors."""
    vectors = TfidfVectorizer(ngram_range=(1, 2)).fit_transform([_whole(responses) for responses in corpus.sets])
    return np.asarray((vectors @ vectors.T).todense())


def _whole(responses: ResponseSet) -> str:
    return "\n".join(completion.text for completion in responses.completions)


def planted_auc(corpus: Generated, similarity: NDArray[np.float64]) -> float:
    """How well a similarity tells planted pairs from all others: area under the ROC curve."""
    names = [responses.model for responses in corpus.sets]
    pairs = list(combinations(range(len(names)), 2))
    planted = [(names[i], names[j]) in corpus.kin or (names[j], names[i]) in corpus.kin for i, j in pairs]
    return float(roc_auc_score(planted, [similarity[i, j] for i, j in pairs]))
