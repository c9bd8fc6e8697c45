"""The first page: what runs, what failed, what to do next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from webapp.accounts import overview


def home(request: HttpRequest) -> HttpResponse:
    """What runs, what failed, the latest comparisons, and one next action."""
    return render(request, "accounts/home.html", overview.overview(request.user))
