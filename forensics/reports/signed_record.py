"""A record in one file with a signature on it: {"record": ..., "seal": ...} in canonical JSON, never replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forensics.errors import BadInput, IntegrityError
from forensics.provenance import canonical_json
from forensics.reports.bundle.signing import Signer
from forensics.reports.bundle.verify import ed25519_holds, fingerprint

MOST = 256 << 20


def write_once(data: bytes, path: Path) -> None:
    """Write a new file; raises BadInput where there is one: what was found once is not found away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as out:
            out.write(data)
    except FileExistsError:
        raise BadInput("is there already and is never replaced; name another file", where=path.name) from None


def signed(record: Mapping[str, Any], signer: Signer) -> bytes:
    """The file's bytes. The same record and key give the same."""
    plain = dict(record)
    return canonical_json({"record": plain, "seal": json.loads(signer.seal(canonical_json(plain)))})


def read_signed(path: Path, form: str, key: str = "") -> tuple[dict[str, Any], str]:
    """(record, fingerprint of the key that signed it).

    form: the `format` that the record must have. key: the fingerprint that is asked for, '' for any. Raises BadInput
    for what is no such file, IntegrityError where the signature does not hold, or is another key's.
    """
    record, public, signature = _parts(path, form)
    if not ed25519_holds(public, canonical_json(record), signature):
        raise IntegrityError(f"{path.name} does not fit its signature: one of the two was changed")
    found = fingerprint(public.hex())
    if key and found != key.lower():
        raise IntegrityError(f"{path.name} is signed by the key {found}, and not by {key.lower()}")
    return record, found


def _parts(path: Path, form: str) -> tuple[dict[str, Any], bytes, bytes]:
    if path.stat().st_size > MOST:
        raise BadInput(f"is larger than {MOST} bytes", where=path.name)
    try:
        told = json.loads(path.read_bytes())
        record, seal = told["record"], told["seal"]
        if record["format"] != form:
            raise ValueError(f"its form is {record['format']!r}, and {form!r} is read here")
        return record, bytes.fromhex(seal["public_key"]), bytes.fromhex(seal["signature"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
        raise BadInput(f"is no signed record of this kind: {problem}", where=path.name) from None
