"""A small link from a term to the page that explains it."""

from __future__ import annotations

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webapp.help.pages import PAGES

register = template.Library()


@register.simple_tag
def helping(slug: str) -> SafeString:
    """A "?" that leads to the help on one term; KeyError for a term that has no page."""
    link = '\u2060<a class="help-link" href="{}" aria-label="{}">?</a>'
    return format_html(link, reverse("help:page", args=[slug]), f"What is this: {PAGES[slug].title}")
