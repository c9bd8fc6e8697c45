"""Identity: who the models say they are. Shown, and of no weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forensics.channels import ChannelResult, Fingerprint
from forensics.features.claims import Claim, claims_of
from forensics.records import Declaration, Prompt, ResponseSet

ASKED = "self-identification"


class Identity:
    """Agreement of the names and makers that two models give themselves."""

    declaration = Declaration(
        "identity",
        "1",
        "Who the model says it is",
        "A quarter of 27 models misidentify themselves (arXiv 2411.10683)",
        parameters={"least_prompts": 3},
        limitations=(
            "shown, never weighed: a model can be told to say anything of itself, and many name their teacher",
            "read in English, German, French, Spanish and Chinese",
            "outside prompts that ask for it, a name counts only where the sentence speaks of a machine",
        ),
        weightless=True,
    )
    least_prompts = 3
    feature = "claims@1"

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """prompt_ids (p,) sorted; per claim prompt (c,) int32, kind (c,) U, name (c,) U, plain (c,) bool."""
        told = [
            (prompt_id, claim)
            for prompt_id, completions in sorted(responses.by_prompt.items())
            for completion in completions
            for claim in claims_of(completion.text)
        ]
        ids, prompt = np.unique(np.array([i for i, _ in told], dtype=np.str_), return_inverse=True)
        return {
            "prompt_ids": ids,
            "prompt": prompt.astype(np.int32),
            "kind": np.array([c.kind for _, c in told], dtype=np.str_),
            "name": np.array([c.name for _, c in told], dtype=np.str_),
            "plain": np.array([c.plain for _, c in told], dtype=bool),
        }

    def compare(
        self,
        population: Sequence[Fingerprint],
        prompts: Mapping[str, Prompt],
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> ChannelResult:
        """`identity`: mean over prompts where both claim a name (or both a maker) of the overlap of what they claim,
        shared over the smaller number, in [0, 1]."""
        m = len(population)
        total, n = np.zeros((m, m)), np.zeros((m, m), dtype=np.int64)
        told = [_by_prompt(kept, prompts) for kept in population]
        for prompt_id in sorted({i for one in told for i in one}):
            rows = np.array([row for row, one in enumerate(told) if prompt_id in one])
            overlap = _overlap([told[row][prompt_id] for row in rows])
            both = np.isfinite(overlap)
            total[np.ix_(rows, rows)] += np.where(both, overlap, 0)
            n[np.ix_(rows, rows)] += both
        enough = n >= self.least_prompts
        np.fill_diagonal(enough, False)
        scores = np.where(enough, total / np.maximum(n, 1), np.nan)
        return ChannelResult({"identity": scores}, n, f"both claim a name on fewer than {self.least_prompts} prompts")


def claims(responses: ResponseSet) -> Counter[str]:
    """In how many completions a model claims each name or maker, for display: what it says of itself as a machine."""
    return Counter(
        name
        for completion in responses.completions
        if completion.outcome.has_text
        for name in {claim.name for claim in claims_of(completion.text) if claim.plain}
    )


def _by_prompt(kept: Fingerprint, prompts: Mapping[str, Prompt]) -> dict[str, set[Claim]]:
    """What a model claims by prompt; what may be a role counts only where it was asked who it is."""
    ids = kept["prompt_ids"].tolist()
    found: dict[str, set[Claim]] = {}
    for place, kind, name, plain in zip(
        kept["prompt"].tolist(), kept["kind"].tolist(), kept["name"].tolist(), kept["plain"].tolist(), strict=True
    ):
        asked = prompts.get(ids[place])
        if asked and (plain or asked.family == ASKED):
            found.setdefault(ids[place], set()).add(Claim(kind, name, True))
    return found


def _overlap(claimed: Sequence[set[Claim]]) -> NDArray[np.float64]:
    """(k, k) shared claims over the smaller number of claims, of kinds that both make; NaN where they make none."""
    by_kind = []
    for kind in ("name", "maker"):
        names = sorted({c.name for one in claimed for c in one if c.kind == kind})
        table = np.array([[Claim(kind, name, True) in one for name in names] for one in claimed], dtype=np.float64)
        size = table.sum(axis=1)
        smaller = np.minimum(size[:, None], size)
        by_kind.append(np.where(smaller > 0, table @ table.T / np.maximum(smaller, 1), np.nan))
    told = np.isfinite(by_kind).sum(axis=0)
    return np.asarray(np.where(told > 0, np.nansum(by_kind, axis=0) / np.maximum(told, 1), np.nan))


PLUGIN = Identity()
