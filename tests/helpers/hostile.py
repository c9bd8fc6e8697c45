"""Two hundred strings that have broken pages, spreadsheets, terminals and labels elsewhere, by what they try."""

from __future__ import annotations

import json
from pathlib import Path

_FILE = Path(__file__).resolve().parents[1] / "data" / "hostile_strings.json"
_KINDS = json.loads(_FILE.read_text(encoding="utf-8"))
# A long one is written down as what is repeated, and how often.
_KINDS["long"] = [part * times for part, times in _KINDS["long"]]

KINDS: dict[str, list[str]] = _KINDS
STRINGS = [text for texts in KINDS.values() for text in texts]
"""All of them. NUL stands apart: no database holds it in a text, so it is refused or mended at the door."""
NUL = "before\x00after"
NAMES = [text[:190] for text in STRINGS]
"""As long as a model's name may be. All differ."""
