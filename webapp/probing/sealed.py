"""Views of sealed material: whoever is shown probes of a secret pool is on record for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from forensics.probes import is_secret
from webapp.custody import services as custody
from webapp.probing.models import Probe, Suite


def viewed(suite: Suite, shown: Iterable[Probe], *, user: Any, where: str) -> None:
    """A custody entry on those of the shown probes that are secret; nothing where none is."""
    secret = sorted(probe.prompt_id for probe in shown if is_secret(probe.prompt))
    if secret:
        custody.append(actor=user, action="sealed-viewed", subject=suite.pk, where=where, probes=secret)
