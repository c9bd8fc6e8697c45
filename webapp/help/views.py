"""Help: a page for each of the terms that a reader must understand, and the list of all terms."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from webapp import drawing
from webapp.drawing import Drawn
from webapp.help import examples
from webapp.help.pages import PAGES
from webapp.help.terms import sections


def index(request: HttpRequest) -> HttpResponse:
    """The pages, and every term with its meaning."""
    return render(request, "help/index.html", {"pages": PAGES.items(), "sections": sections()})


def page(request: HttpRequest, slug: str) -> HttpResponse:
    """One term in plain words, with a worked example that the engine computes."""
    if slug not in PAGES:
        raise Http404(slug)
    drawings = [_tippett()] if slug == "tippett" else []
    context = {
        "slug": slug, "page": PAGES[slug], "pages": PAGES.items(), "x": PAGES[slug].example(),
        "drawn": drawings[0] if drawings else None, "drawings": drawings,
    }  # fmt: skip
    return render(request, f"help/{slug}.html", context)


def _tippett() -> Drawn:
    told = examples.tippett()["validation"]
    options = {"proposition": "lineage", "judged": "bounded"}
    return drawing.drawn("tippett", told, csv=reverse("help:csv"), **options)


def example_csv(_request: HttpRequest) -> HttpResponse:
    """The example's curves as a table."""
    told = examples.tippett()["validation"]
    return drawing.csv_file(
        "tippett-example", drawing.table_of("tippett", told, proposition="lineage", judged="bounded")
    )
