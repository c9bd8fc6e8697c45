"""What a collection may use, has used, and may still be charged for what is under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Sum

from forensics.collection import Prices
from webapp.probing.models import Collection, ProbeCall

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a collection may use: sends, tokens of both kinds, money. None is no limit."""

    calls: int | None = None
    tokens: int | None = None
    money: Decimal | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is any limit."""
        return (self.calls, self.tokens, self.money) != (None, None, None)

    def allows(self, use: Use) -> bool:
        """Whether that much stays within every limit."""
        return not self.passed_by(use)

    def passed_by(self, use: Use) -> str:
        """The first limit that so much would pass, in words, or ''."""
        limits = (
            ("calls", self.calls, use.calls),
            ("tokens", self.tokens, use.tokens),
            ("money", self.money, use.money),
        )
        return next((f"{name} ({limit})" for name, limit, used in limits if limit is not None and used > limit), "")


@dataclass(frozen=True, slots=True)
class Use:
    """What was used, or may be: sends, tokens of prompts and of replies, and what these cost."""

    calls: int
    tokens_in: int
    tokens_out: int
    price_in: Decimal = Decimal(0)
    price_out: Decimal = Decimal(0)

    @property
    def tokens(self) -> int:
        """Tokens of both kinds."""
        return self.tokens_in + self.tokens_out

    @property
    def money(self) -> Decimal:
        """What they cost at these prices."""
        return (self.tokens_in * self.price_in + self.tokens_out * self.price_out) / MILLION

    def plus(self, calls: int, tokens_in: int, tokens_out: int) -> Use:
        """So much more at the same prices."""
        return Use(
            self.calls + calls, self.tokens_in + tokens_in, self.tokens_out + tokens_out, self.price_in, self.price_out
        )


def budget(collection: Collection) -> Budget:
    """The collection's limits."""
    return Budget(collection.budget_calls, collection.budget_tokens, collection.budget_money)


def prices(collection: Collection) -> Prices:
    """The collection's prices as the engine's estimate takes them."""
    return Prices(float(collection.price_in), float(collection.price_out))


def spent(collection: Collection) -> Use:
    """What the attempts on record have used: known counts, and the worst case where a server did not say."""
    c = collection
    return Use(c.spent_calls, c.spent_in, c.spent_out, c.price_in, c.price_out)


def committed(collection: Collection) -> Use:
    """What was spent, and the worst case of every call that is under way."""
    leased = collection.calls.filter(state=ProbeCall.State.LEASED)
    found = leased.aggregate(n=Count("pk"), tokens_in=Sum("worst_in"), tokens_out=Sum("worst_out"))
    return spent(collection).plus(found["n"], found["tokens_in"] or 0, found["tokens_out"] or 0)


def fitting(collection: Collection, calls: Sequence[ProbeCall]) -> int:
    """How many of these calls, from the first on, stay within the budget whatever they use."""
    limits, use = budget(collection), committed(collection)
    for number, call in enumerate(calls):
        use = use.plus(1, call.worst_in, call.worst_out)
        if not limits.allows(use):
            return number
    return len(calls)


def why_stopped(collection: Collection) -> str:
    """Why the next call would not fit, or '' where it does or nothing waits."""
    waiting = collection.calls.filter(state=ProbeCall.State.WAITING).order_by("place", "pk").first()
    if waiting is None:
        return ""
    limit = budget(collection).passed_by(committed(collection).plus(1, waiting.worst_in, waiting.worst_out))
    return limit and (
        f"the budget of {limit} is used up: one more call, at its worst, would pass it. "
        "What came back is kept; resume with a larger budget to send the rest"
    )
