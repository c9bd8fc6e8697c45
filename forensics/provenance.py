"""Canonical bytes, hashes and the manifest of a run."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rfc8785

import forensics

CHUNK = 1 << 20


def canonical_json(value: Any) -> bytes:
    """UTF-8 bytes of a JSON value in RFC 8785 form. NaN and infinity raise, as JSON has neither."""
    return rfc8785.dumps(value)


def sha256(data: bytes) -> str:
    """Hex SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_json(value: Any) -> str:
    """Hex SHA-256 of a JSON value's canonical form."""
    return sha256(canonical_json(value))


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def run_manifest(parameters: Mapping[str, Any], *, seed: int) -> dict[str, Any]:
    """What a result depends on besides its data: versions, platform, seed and the parameters in force."""
    packages = ("numpy", "scipy", "scikit-learn")
    return {
        "filiation": forensics.__version__,
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in packages},
        "seed": seed,
        "parameters": dict(parameters),
    }
