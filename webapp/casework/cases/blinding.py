"""What stands for a model on a case's pages: its name, or its code while the case is blinded."""

from __future__ import annotations

import re
from typing import Any

from webapp.casework.models import Case, Item


class Mask:
    """Names of models in this case as its pages show them. `on`: codes stand for names, in free text too."""

    def __init__(self, case: Case) -> None:
        self.on = case.is_blinded
        items = list(case.items.select_related("model").order_by("withdrawn_at")) if self.on else []
        # An item that stands comes after a withdrawn one of the same model, and so decides the code.
        self._codes = {item.model.name: item.label for item in items if item.withdrawn_at}
        self._codes |= {item.model.name: item.label for item in items if not item.withdrawn_at}
        longest = sorted(map(re.escape, self._codes), key=len, reverse=True)
        self._names = re.compile(rf"(?<!\w)(?:{'|'.join(longest)})(?!\w)") if self.on and longest else None

    def item(self, item: Item) -> str:
        """An item's name or code."""
        return item.label if self.on else item.model.name

    def name(self, name: str) -> str:
        """A model's name or code."""
        return self._codes.get(name, name) if self.on else name

    def text(self, text: str) -> str:
        """A text in which every name of an item is shown as its code while the case is blinded."""
        return self._names.sub(lambda found: self._codes[found.group()], text) if self._names else text

    def detail(self, value: Any) -> Any:
        """The same for everything inside a JSON value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.detail(inner) for key, inner in value.items()}
        return [self.detail(inner) for inner in value] if isinstance(value, list) else value
