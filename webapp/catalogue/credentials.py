"""Secrets of endpoints at rest: encrypted, write-only, and of no use at another origin."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from forensics.errors import BadInput, IntegrityError
from forensics.outbound import DEFAULT_PORTS
from webapp.catalogue.models import Credential, Model


def origin(location: str) -> str:
    """Scheme, host and port of a URL in lower case, the port always written; raises BadInput where there is none."""
    parts = urlsplit(location)
    try:
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise BadInput(f"{location!r} is not an http(s) address") from None
    if not parts.hostname:
        raise BadInput(f"{location!r} names no host")
    return f"{parts.scheme}://{parts.hostname.lower()}:{port}"


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.CREDENTIAL_KEYS])


def seal(model: Model, secret: str) -> None:
    """Store a secret for the model's present origin, replacing the one before."""
    bound_to = origin(model.location)
    sealed = _box().encrypt(json.dumps([str(model.pk), bound_to, secret]).encode())
    Credential.objects.update_or_create(model=model, defaults={"origin": bound_to, "ciphertext": sealed})


def erase(model: Model) -> None:
    """Forget the model's secret."""
    Credential.objects.filter(model=model).delete()


def reveal(model: Model) -> str:
    """The secret for the model's present origin, or ''. Raises IntegrityError if it was sealed for anything else."""
    kept = Credential.objects.filter(model=model).first()
    if kept is None:
        return ""
    try:
        owner, bound_to, secret = json.loads(_box().decrypt(bytes(kept.ciphertext)))
    except InvalidToken:
        raise IntegrityError(
            f"the credential of {model} cannot be decrypted with the present keys; set it again, nothing was sent"
        ) from None
    if (owner, bound_to) != (str(model.pk), origin(model.location)):
        raise IntegrityError(f"the credential of {model} belongs to {bound_to}; set it again, nothing was sent")
    return str(secret)
