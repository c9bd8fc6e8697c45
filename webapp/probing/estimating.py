"""What a collection would use, before it is started: calls, tokens, money and time."""

from __future__ import annotations

from django.db.models import Avg, Sum

from forensics.collection import Estimate, Prices, estimate
from webapp.catalogue.models import Model
from webapp.probing import endpoints
from webapp.probing.models import Completion, Suite
from webapp.probing.services import Plan

SECONDS_PER_CALL = 1.5
LOCAL_SECONDS_PER_CALL = 0.1
REPLY_SHARE = 0.5


def estimate_for(model: Model, suite: Suite, plan: Plan) -> Estimate:
    """The engine's estimate, with this model's own speed and length of replies where it has answered before."""
    prices = Prices(float(plan.price_in), float(plan.price_out))
    probes = [(probe.record, probe.config["samples"]) for probe in suite.probes.all()]
    paced = endpoints.is_paced(model)
    pace = endpoints.pace_of(model) if paced else None
    return estimate(
        probes,
        prices,
        concurrency=pace.concurrency if pace else 1,
        per_minute=pace.per_minute if pace else None,
        seconds_per_call=_seconds(model) or (SECONDS_PER_CALL if paced else LOCAL_SECONDS_PER_CALL),
        reply_share=_reply_share(model) or REPLY_SHARE,
    )


def _seconds(model: Model) -> float | None:
    answered = Completion.objects.filter(collection__model=model, evidence__elapsed__gt=0)
    found: float | None = answered.aggregate(mean=Avg("evidence__elapsed"))["mean"]
    return found


def _reply_share(model: Model) -> float | None:
    counted = Completion.objects.filter(collection__model=model, evidence__call__worst_out__gt=0)
    sums = counted.filter(completion_tokens__isnull=False).aggregate(
        used=Sum("completion_tokens"), room=Sum("evidence__call__worst_out")
    )
    return min(1.0, sums["used"] / sums["room"]) if sums["room"] and sums["used"] else None
