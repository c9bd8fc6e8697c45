"""Tags of lists: what is said where a list has nothing to show."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

register = template.Library()


@register.inclusion_tag("parts/empty.html")
def empty(title: str, why: str, button: str, url_name: str) -> dict[str, Any]:
    """A list that holds nothing yet: what it is for, and the one thing to do."""
    return {"title": title, "why": why, "button": button, "url": reverse(url_name)}


@register.inclusion_tag("parts/empty.html")
def nothing_fits(what: str, url_name: str, *arguments: Any, query: str = "") -> dict[str, Any]:
    """A list of which the filter leaves nothing: everything is one step away."""
    return {
        "title": "Nothing fits", "why": f"No {what} fits every part of the filter. None of them is lost.",
        "button": "Show all", "url": reverse(url_name, args=arguments) + query, "plain": True,
    }  # fmt: skip


@register.simple_tag
def section_keys(items: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The main addresses with the key that leads to each after `g`: the first letter of its title that is free."""
    taken, found = set("h"), [{"key": "h", "title": "Overview", "url": reverse("home")}]
    for item in items:
        letters = (letter for letter in item["title"].lower() if letter.isalpha() and letter not in taken)
        if key := next(letters, ""):
            taken.add(key)
            found.append({"key": key, "title": item["title"], "url": item["url"]})
    return found
