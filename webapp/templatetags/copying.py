"""The tag that shows what a page and its actions are on a terminal."""

from __future__ import annotations

from typing import Any

from django import template

from webapp import copying

register = template.Library()


@register.inclusion_tag("parts/copies.html", takes_context=True)
def copies(context: template.Context) -> dict[str, Any]:
    """The page's actions as commands and as curl, with how a session for curl is made; nothing for a stranger."""
    request = context.get("request")
    if request is None or not request.user.is_authenticated:
        return {}
    return {"lines": list(copying.lines(request, context.flatten())), "session": copying.session(request)}


@register.filter
def shell(text: str) -> str:
    """A word of a shell line."""
    return copying.quoted(text)
