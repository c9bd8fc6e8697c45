"""The trigger that refuses to change an attempt.

Deleting is not refused: emptying a database deletes; `ledger verify` finds what is missing.
"""

from webapp.triggers import Refusal

ATTEMPTS = Refusal(
    "probing_attempt_fixed", "probing_attempt", ("UPDATE",), "attempts are evidence: they are never changed"
)
