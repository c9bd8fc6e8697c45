"""Values of the database as plain JSON that is the same in every record."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

NOT_RETURNED = "not returned"


def moment(at: datetime | None) -> str | None:
    """A time in UTC to the second, such as 2026-11-28T16:41:35Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def number(value: float | None) -> float | None:
    """The number, None where there is none or it is not finite."""
    return float(value) if value is not None and math.isfinite(value) else None


def who(user: Any) -> str:
    """A person's full name with the user name, or the user name; 'system' for nobody."""
    if user is None:
        return "system"
    full = user.get_full_name()
    return f"{full} ({user.username})" if full else str(user.username)
