"""Semantic: replies that mean the same, in whatever words, beyond what the prompt calls for. Runs on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint
from forensics.features.blocks import open_prompts
from forensics.features.embeddings import CHUNK_WORDS, MODEL, MOST_CHUNKS, embedding_table
from forensics.provenance import sha256_json
from forensics.records import Declaration, Prompt, ResponseSet
from forensics.stats.pooling import PromptMean

LEAST_MODELS = 8
MOST_PROMPTS = 80


class Semantic:
    """Cosine of sentence embeddings after each prompt's mean is taken off, averaged over prompts."""

    declaration = Declaration(
        "semantic",
        "1",
        "Replies that mean the same",
        f"Sentence embeddings (Reimers and Gurevych 2019), {MODEL}",
        parameters={"most_prompts": MOST_PROMPTS, "chunk_words": CHUNK_WORDS, "most_chunks": MOST_CHUNKS},
        limitations=(
            "runs on request only: one core reads some ten completions a second",
            "the embedding is trained on English",
            "adds little to the wording itself (docs/validation.md)",
        ),
    )
    least_prompts = 10
    feature = "minilm@1"

    def prompts_read(self, prompts: Mapping[str, Prompt]) -> frozenset[str]:
        """The open prompts that are read, at most 80: those with the smallest hash of what they ask, whatever their ids
        and order."""
        hashed = {i: sha256_json({**prompts[i].as_json(), "prompt_id": ""}) for i in open_prompts(prompts)}
        return frozenset(sorted(hashed, key=hashed.__getitem__)[:MOST_PROMPTS])

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """Mean embeddings by prompt, of all responses that are given."""
        return embedding_table(responses)

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`semantic`: mean centred cosine in [-1, 1]."""
        m = len(population)
        where: dict[str, list[tuple[int, int]]] = {}
        for row, kept in enumerate(population):
            for place, prompt_id in enumerate(kept["prompt_ids"].tolist()):
                where.setdefault(prompt_id, []).append((row, place))
        mean = PromptMean(m)
        for i, prompt_id in enumerate(sorted(self.prompts_read(prompts) & where.keys())):
            if len(where[prompt_id]) >= LEAST_MODELS:
                vectors = np.stack([population[row]["embedding"][place] for row, place in where[prompt_id]])
                mean.add(i, np.array([row for row, _ in where[prompt_id]]), _centred_cosine(vectors.astype(np.float64)))
        why = f"not asked for, or fewer than {self.least_prompts} common prompts that {LEAST_MODELS} models answered"
        return ChannelResult({"semantic": mean.mean(self.least_prompts)}, mean.counts, why, frozenset({"semantic"}))


def _centred_cosine(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, k) cosine of rows after their mean is taken off; 0 for a row that is the mean."""
    centred = vectors - vectors.mean(axis=0)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = centred / np.where(length == 0, 1, length)
    return np.asarray(unit @ unit.T)


PLUGIN = Semantic()
