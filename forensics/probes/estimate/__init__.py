"""What a suite costs at most, before anything is sent: calls, tokens, money, time.

A package of its own, since a file beside the families would be taken for one.
"""

from __future__ import annotations

from dataclasses import dataclass

from forensics.errors import BadInput
from forensics.probes import Suite
from forensics.records import Prompt

WORD, SIGN, OTHER, RARE = 0.4, 1.0, 2.0, 3.0
TURN_TOKENS, CALL_TOKENS = 8, 24
RULE = (
    "At most 0.4 tokens for each ASCII letter or space, 1 for another ASCII sign, 2 for any other character, 3 beyond"
    " the basic plane, 8 a turn and 24 a call; replies as long as their limit. Holds for tokenizers of 32,000 tokens"
    " and more; thinking that a limit does not cover comes on top."
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Upper bounds for one model. cost: in the unit of the prices, None without both. seconds: None without a rate."""

    calls: int
    tokens_in: int
    tokens_out: int
    cost: float | None = None
    seconds: float | None = None


def estimate(
    suite: Suite,
    *,
    price_in: float | None = None,
    price_out: float | None = None,
    calls_per_second: float | None = None,
) -> Estimate:
    """What a collection of the suite on one model takes at most; prices are for a million tokens.

    Raises BadInput for a negative price or a rate that is not above 0.
    """
    if any(price is not None and not price >= 0 for price in (price_in, price_out)):
        raise BadInput("a price is for a million tokens and cannot be below 0")
    if calls_per_second is not None and not calls_per_second > 0:
        raise BadInput(f"the rate must be above 0 calls a second, not {calls_per_second}")
    told_in = sum(prompt_tokens(p.prompt) * p.config.samples for p in suite.probes)
    told_out = sum(p.config.max_tokens * p.config.samples for p in suite.probes)
    priced = price_in is not None and price_out is not None
    cost = (told_in * (price_in or 0.0) + told_out * (price_out or 0.0)) / 1e6 if priced else None
    seconds = suite.calls / calls_per_second if calls_per_second else None
    return Estimate(suite.calls, told_in, told_out, cost, seconds)


def prompt_tokens(prompt: Prompt) -> int:
    """Tokens of a prompt with its roles, at most (see RULE)."""
    turns = prompt.messages
    return CALL_TOKENS + sum(TURN_TOKENS + text_tokens(turn.content) for turn in turns)


def text_tokens(text: str) -> int:
    """Tokens of a text, at most, rounded up."""
    return int(sum(map(_weight, text)) + 1)


def _weight(sign: str) -> float:
    if sign.isascii():
        return WORD if sign.isalpha() or sign == " " else SIGN
    return RARE if ord(sign) > 0xFFFF else OTHER
