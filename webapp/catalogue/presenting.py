"""What the pages of the catalogue say of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webapp.catalogue.models import Access, Model, preset_choices
from webapp.catalogue.services import CONNECTION

TONES = {
    "good": ("good", "Sound"),
    "warning": ("warn", "Warning"),
    "failed": ("bad", "Failed"),
    "unknown": ("", "Unknown"),
}
WORDS = {
    "kind": "Kind", "protocol": "Protocol", "models_status": "Status of its list of models", "sha256": "SHA-256",
    "model_listed": "Listed there", "latency_ms": "Latency (ms)",
}  # fmt: skip

FOUND = {"name": "Name resolution", "n": "Several at once (n)"}


def checked(model: Model) -> dict[str, Any]:
    """What the adapter's check said, by a name that people read."""
    told = {name: value for name, value in model.check_info.items() if name != CONNECTION}
    return {WORDS.get(name, name.replace("_", " ").capitalize()): value for name, value in told.items()}


def connection(model: Model) -> dict[str, Any] | None:
    """The last test of the connection: when, how many calls, and each finding with its tone and word; None: never."""
    kept = model.check_info.get(CONNECTION)
    if kept is None:
        return None
    rows = []
    for finding in kept["findings"]:
        tone, word = TONES[finding["state"]]
        rows.append(
            {
                "name": FOUND.get(finding["name"], finding["name"].capitalize()),
                "tone": tone,
                "word": word,
                "told": finding["told"],
            }
        )
    return {"at": datetime.fromisoformat(kept["at"]), "calls": len(kept["calls"]), "rows": rows}


def preset_title(model: Model) -> str:
    """The title of the model's preset, or '' for the one that changes nothing."""
    return "" if model.preset == "generic" else dict(preset_choices()).get(model.preset, model.preset)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a model is said to be, and what answered. note: what an analyst should look at, '' where nothing is."""

    claimed: str
    observed: str
    note: str = ""


def identity(model: Model, returned: Sequence[str]) -> Identity:
    """Claimed beside observed. returned: the names that came back with its replies.

    A folder shows its architecture and its hash; recorded transcripts show nothing. A longer name that begins with the
    one asked for, as where a date is added, is no difference.
    """
    claimed = model.claimed_identity or model.remote_name
    names = list(dict.fromkeys(returned))
    if model.access == Access.WEIGHTS:
        # A folder is known by its content, which its replies carry as its name.
        told = [model.check_info.get("architecture", ""), *(f"weights {name[:12]}" for name in names)]
        return Identity(claimed, ", ".join(filter(None, told)), "more than one answered" if len(names) > 1 else "")
    asked = model.remote_name.casefold()
    strange = [name for name in names if asked and not name.casefold().startswith(asked)]
    note = "more than one answered" if len(names) > 1 else "not what was asked for" if strange else ""
    return Identity(claimed, ", ".join(names), note)
