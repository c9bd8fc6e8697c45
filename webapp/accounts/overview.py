"""What the first page says, read through the access modules alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from webapp.casework.access import comparisons_for
from webapp.catalogue.access import models_for
from webapp.probing import live
from webapp.probing.access import collections_for

LATEST = 6


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing to do next."""

    title: str
    why: str
    button: str
    url: str


def overview(user: Any) -> dict[str, Any]:
    """Everything on the first page by name."""
    collections, comparisons = collections_for(user), comparisons_for(user)
    running = list(collections.filter(state__in=["running", "paused"])[:12])
    counts = {
        "models": models_for(user).count(),
        "collections": collections.filter(state="done").count(),
        "comparisons": comparisons.filter(state="done").count(),
    }
    return {
        "counts": counts,
        "running": live.rows(running),
        "running_ids": ",".join(str(c.pk) for c in running),
        "open_comparisons": comparisons.filter(state__in=["queued", "running"])[:LATEST],
        "failed": list(collections.filter(state="failed")[:LATEST]),
        "failed_comparisons": list(comparisons.filter(state="failed")[:LATEST]),
        "latest": list(comparisons.filter(state="done")[:LATEST]),
        "action": _next(counts, bool(running)),
    }


def _next(counts: dict[str, int], running: bool) -> Action | None:
    if not counts["models"]:
        return Action(
            "Begin with the models",
            "A comparison needs models: weights on this server, an endpoint, or transcripts recorded elsewhere.",
            "Register a model", reverse("catalogue:register"),
        )  # fmt: skip
    if running:
        return None
    if counts["collections"] < 2:
        return Action(
            "Put a suite to the models",
            "Every model of a comparison answers the same probes. Choose the models and a suite.",
            "Start a collection", reverse("probing:start"),
        )  # fmt: skip
    if not counts["comparisons"]:
        return Action(
            "Compare what came back", "Two or more models have answered the same suite.",
            "Compare models", reverse("casework:start"),
        )  # fmt: skip
    return None
