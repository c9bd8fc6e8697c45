"""What a calibration of the zoo rests on and where it holds: the one place where that is decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from forensics.evaluation.fitting import fit_calibration
from forensics.evaluation.pairs import PairTable
from forensics.records import Mode

VERSION = "3"
CHANNEL = "logprobs"
FEATURES: Mapping[str, tuple[str, ...]] = {
    "weights": ("logprobs",),
    "base": ("logprobs",),
    "distilled": ("logprobs_both",),
    "lineage": ("logprobs", "logprobs_chat"),
}
"""Raw text tells shared weights. Whose outputs were learnt is told by chats and raw text together: two models that were
tuned on the same chats without any lineage are as alike in chats as a student and its teacher, and not on raw text."""
MODES: Mapping[str, tuple[Mode, ...]] = {
    "logprobs": (Mode.RAW,),
    "logprobs_chat": (Mode.CHAT,),
    "logprobs_both": (Mode.RAW, Mode.CHAT),
}
"""The prompts that each feature reads."""
RIDGES: Mapping[str, float] = {"distilled": 0.0003}
"""Its score parts the two sides more cleanly than others do, and under the ridge of those its LRs are weaker than they
should be: leave-seed-out Cllr on five zoos .090 with .001, .067 with .0003, no unrelated pair at LR 10 with either."""
LEAST_PROMPTS, LEAST_MODELS = 50, 2
"""Next-token scores are not normalised within a population, so that two models are enough."""


def zoo_calibration(
    tables: Sequence[PairTable], *, suite: str, suite_hash: str, tokenizers: Iterable[str]
) -> dict[str, Any]:
    """The JSON of a calibration fitted on zoos, families of one name in two zoos being different lineages.

    It holds for that suite and for models of those tokenizers alone. Raises BadInput when nothing can be fitted.
    """
    return fit_calibration(
        [table.independent() for table in tables],
        name=f"zoo-{suite}",
        version=VERSION,
        origin=f"Fitted on {len(tables)} zoos of other seeds, trained by forensics.zoo and probed with suite {suite}; "
        "it covers the zoo's own models only",
        conditions={
            "least_prompts": LEAST_PROMPTS,
            "least_models": LEAST_MODELS,
            "counted": CHANNEL,
            "suite_hashes": [suite_hash],
            "tokenizers": sorted(set(tokenizers)),
        },
        features=FEATURES,
        own_ridge=RIDGES,
    )
