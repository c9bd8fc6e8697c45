"""The triggers that let the custody log only grow."""

from webapp.triggers import Refusal

FIXED = Refusal(
    "custody_entry_fixed", "custody_entry", ("UPDATE",), "custody entries are evidence: they are never changed"
)
KEPT = Refusal(
    "custody_entry_kept", "custody_entry", ("DELETE",), "custody entries are evidence: they are never deleted"
)
