"""The engine's completions as columns of the completion table."""

from __future__ import annotations

from typing import Any

from forensics.records import Completion
from forensics.storable import storable


def columns(completion: Completion) -> dict[str, Any]:
    """Column values for what a completion says; the caller adds whose it is and its raw bytes."""
    kept = storable(completion)
    return {
        "sample": kept.sample,
        "text": kept.text,
        "outcome": kept.outcome.value,
        "finish_reason": kept.finish_reason,
        "next_tokens": kept.as_json().get("next_tokens", []),
        "prompt_tokens": kept.prompt_tokens,
        "completion_tokens": kept.completion_tokens,
    }
