"""Writes of users."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User


def ensure_analyst(username: str, password: str = "") -> tuple[User, str]:
    """The user of that name and, when they were made just now, their password (a random one unless given), else ''."""
    user = User.objects.filter(username=username).first()
    if user is not None:
        return user, ""
    password = password or secrets.token_urlsafe(12)
    return User.objects.create_user(username, password=password), password
