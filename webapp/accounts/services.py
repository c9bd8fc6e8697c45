"""Writes of users."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User


def ensure_analyst(username: str, password: str = "") -> tuple[User, str]:
    """The user of that name and, when they were made just now, their password (a random one unless given), else ''."""
    user = User.objects.filter(username=username).first()
    if user is not None:
        return user, ""
    password = password or new_password()
    return User.objects.create_user(username, password=password), password


def new_password() -> str:
    """A random password of 96 bits."""
    return secrets.token_urlsafe(12)


def set_sign_in(username: str, password: str) -> User:
    """The analyst of that name, made if need be, who signs in with this password."""
    user, _ = ensure_analyst(username, password)
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user
