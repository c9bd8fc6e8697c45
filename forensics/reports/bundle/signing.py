"""The key that an installation signs its bundles and records with, and how keys are kept."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from forensics.errors import BadInput
from forensics.provenance import canonical_json, sha256


def stored_key(path: Path, make: Callable[[], str]) -> str:
    """The key in a file of mode 0600, made on first use. Of two processes that start at once, both get one key."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _publish(path, make())
    return path.read_text(encoding="ascii").strip()


def _publish(path: Path, key: str) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".key-")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key + "\n")
        # A link never replaces: the first writer's key stays, and no reader sees half of one.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def new_key() -> str:
    """A fresh private key in hex."""
    return secrets.token_bytes(32).hex()


@dataclass(frozen=True, slots=True)
class Signer:
    """An Ed25519 key. Its signatures depend on key and message alone, so that sealing twice gives the same bytes."""

    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, private: str) -> Signer:
        """The signer of a private key in hex, as `new_key` makes them."""
        try:
            return cls(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private)))
        except ValueError:
            raise BadInput("the signing key is no Ed25519 key of 32 bytes in hex; put the right file back") from None

    @property
    def public(self) -> str:
        """The public key in hex."""
        return self._private.public_key().public_bytes_raw().hex()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key's bytes: what is published, so that others know whose bundle one is."""
        return sha256(bytes.fromhex(self.public))

    def seal(self, message: bytes) -> bytes:
        """The signature file on a message."""
        signature = self._private.sign(message).hex()
        return canonical_json({"algorithm": "Ed25519", "public_key": self.public, "signature": signature})
