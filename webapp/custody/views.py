"""The custody log's page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from webapp.custody import queries
from webapp.custody.listing import actions, entries
from webapp.presenting import page_of


def log(request: HttpRequest) -> HttpResponse:
    """Whether the chain holds, or where it breaks, and its entries, the newest first."""
    wanted = {name: request.GET.get(name, "").strip() for name in ("q", "action", "head")}
    found = entries(request.user, words=wanted["q"], action=wanted["action"])
    last = None if wanted["head"] or request.GET.get("whole") else queries.RECENT
    context = wanted | {
        "verification": queries.verify(wanted["head"], last=last), "page": page_of(request, found),
        "actions": actions(request.user),
    }  # fmt: skip
    return render(request, "custody/log.html", context)
