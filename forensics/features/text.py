"""What of a completion is compared."""

from __future__ import annotations

import re

THINKING = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
CLOSED_ONLY = re.compile(r"\A(?:(?!<think).)*?</think>", re.DOTALL | re.IGNORECASE)


def visible_text(completion: str) -> str:
    """The completion without leading inline thinking.

    Thinking text dominates every similarity and is not what the model answers. A block that never closes leaves
    nothing; a closing tag without an opening one (templates that open it in the prompt) removes what stands before it.
    """
    if "think" not in completion and "reasoning" not in completion:
        return completion
    if "<" not in completion:  # no tag of either kind
        return completion.strip()
    return CLOSED_ONLY.sub("", THINKING.sub("", completion), count=1).strip()
