"""Checks an evidence bundle with nothing but Python's standard library: ``python -I verify.py BUNDLE``.

This file travels in every bundle. It reads the zip without unpacking it, checks the signature of the manifest, the size
and SHA-256 of every file, the hash of every request, reply and attempt, and the chain of custody up to the head that
the manifest names. Exit status: 0 all of it holds, 1 something does not (each fault names its file), 2 wrong use.

Take this script from a copy that you trust, or read it: a forger can put another one into a bundle. The signature says
who sealed the bundle only if you know the key's fingerprint from elsewhere: give it with --key.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

Point = tuple[int, int, int, int]
Json = dict[str, Any]

FORMATS = ("filiation-bundle/1",)
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
CHAIN, INDEX = "custody/chain.jsonl", "responses/index.json"
GENESIS = "0" * 64
MOST_FILES, MOST_MANIFEST, MOST_LINE, CHUNK = 100_000, 32 << 20, 64 << 20, 1 << 20
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
HEX = re.compile(r"[0-9a-f]*")
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)
FOREIGN = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


class Fault(Exception):
    """What does not hold, in which file."""

    def __init__(self, path: str, told: str) -> None:
        super().__init__(f"{path}: {told}")
        self.path, self.told = path, told


def canonical(value: Any) -> bytes:
    """The bytes of a JSON value in RFC 8785 form, for values without fractions, which is all that is hashed here."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


# Ed25519 (RFC 8032), verification alone: slow and plain, for one signature.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)  # noqa: E741


def _add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return w * x % P, y * z % P, x * y % P, w * z % P


def _times(n: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while n:
        total = _add(total, point) if n & 1 else total
        point, n = _add(point, point), n >> 1
    return total


def _same(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def _point(data: bytes) -> Point | None:
    """The point that 32 bytes encode, or None."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * I % P
    if (x * x - square) % P or (not x and sign):
        return None
    x = P - x if (x & 1) != sign else x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or (0, 1, 1, 0)


def ed25519_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the 64 bytes of a signature are the key's (32 bytes) on the message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r, s = _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return _same(_times(s, BASE), _add(r, _times(h, key)))


def fingerprint(public: str) -> str:
    """The fingerprint of a public key, given in hex: the SHA-256 of its bytes."""
    return hashlib.sha256(bytes.fromhex(public)).hexdigest()


# The zip, read without unpacking it.


def members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Name to entry; raises Fault for whatever could lead out of a folder, or that a bundle never has."""
    found: dict[str, zipfile.ZipInfo] = {}
    if len(archive.infolist()) > MOST_FILES:
        raise Fault("the zip", f"holds more than {MOST_FILES} files")
    for entry in archive.infolist():
        name = entry.filename
        if not NAME.fullmatch(name):
            raise Fault(repr(name), "is no name that a bundle has; nothing was unpacked")
        if name in found:
            raise Fault(name, "is in the zip twice")
        if stat.S_ISLNK(entry.external_attr >> 16) or entry.flag_bits & 1:
            raise Fault(name, "is a link or encrypted, which no file of a bundle is")
        found[name] = entry
    return found


def small(archive: zipfile.ZipFile, found: dict[str, zipfile.ZipInfo], name: str, most: int = MOST_MANIFEST) -> bytes:
    """The bytes of a file that is read whole."""
    if name not in found:
        raise Fault(name, "is missing")
    try:
        with archive.open(found[name]) as handle:
            data = handle.read(most + 1)
    except BROKEN as problem:
        raise Fault(name, f"cannot be unpacked: {problem}") from None
    if len(data) > most:
        raise Fault(name, f"is larger than {most} bytes")
    return data


def parsed(data: bytes, path: str) -> Any:
    """The JSON of bytes."""
    try:
        return json.loads(data)
    except FOREIGN as problem:
        raise Fault(path, f"is no JSON: {problem}") from None


def signed_manifest(archive: zipfile.ZipFile, found: dict[str, zipfile.ZipInfo], key: str = "") -> tuple[Json, str]:
    """The manifest, once its signature holds, and the key's fingerprint; raises Fault."""
    data, sealed = small(archive, found, MANIFEST), small(archive, found, SIGNATURE, 4096)
    try:
        seal = json.loads(sealed)
        public, signature = seal["public_key"], seal["signature"]
        plain = canonical({"algorithm": "Ed25519", "public_key": public, "signature": signature})
        if sealed != plain or not HEX.fullmatch(public) or not HEX.fullmatch(signature):
            raise ValueError("it is not written as one")
        right = ed25519_holds(bytes.fromhex(public), data, bytes.fromhex(signature))
    except FOREIGN as problem:
        raise Fault(SIGNATURE, f"is no signature: {problem}") from None
    if not right:
        raise Fault(MANIFEST, f"does not fit its signature in {SIGNATURE}: one of the two was changed")
    if key and fingerprint(public) != key.lower():
        raise Fault(SIGNATURE, f"is by the key {fingerprint(public)}, and not by {key.lower()}")
    manifest = parsed(data, MANIFEST)
    if manifest.get("format") not in FORMATS:
        raise Fault(MANIFEST, f"is of the form {manifest.get('format')!r}; this script reads {', '.join(FORMATS)}")
    return manifest, fingerprint(public)


def checked_lines(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, row: Json) -> Iterator[bytes]:
    """The lines of a file, or its bytes in pieces where it has none, each hashed as it is read; raises Fault at the
    end where size or hash are not the manifest's. Never reads more than the manifest says that there is."""
    path, size, digest = row["path"], row["size"], hashlib.sha256()
    if entry.file_size != size:
        raise Fault(path, f"has {entry.file_size} bytes, and the manifest says {size}")
    read, lines = 0, path.endswith(".jsonl")
    try:
        with archive.open(entry) as handle:
            while piece := handle.readline(MOST_LINE) if lines else handle.read(CHUNK):
                read += len(piece)
                if read > size:
                    break
                digest.update(piece)
                yield piece
    except BROKEN as problem:
        raise Fault(path, f"cannot be unpacked: {problem}") from None
    if read != size or digest.hexdigest() != row["sha256"]:
        raise Fault(path, "is not the file that was sealed: its SHA-256 is another one")


# What the files say of themselves.


class Check(Protocol):
    """Checks a file line by line, beside its hash. Both raise ValueError."""

    def line(self, line: bytes) -> None:
        """Check one line."""

    def end(self) -> None:
        """Check the whole, once all lines were seen."""


class Responses:
    """Checks the lines of one collection: the hash of each request, reply and attempt, and of all attempts together."""

    def __init__(self, told: Json) -> None:
        self.told, self.total, self.count = told, hashlib.sha256(), 0

    def line(self, line: bytes) -> None:
        """Check one line; raises ValueError."""
        self.count += 1
        row = json.loads(line)
        attempt = row["attempt"]
        if attempt is None:
            return
        if hashlib.sha256(canonical(attempt)).hexdigest() != row["digest"]:
            raise ValueError("its digest is another one")
        for part in ("request", "raw"):
            if row[part] is None:
                continue
            data = base64.b64decode(row[part], validate=True)
            if (hashlib.sha256(data).hexdigest() if data else "") != attempt[part + "_sha256"]:
                raise ValueError(f"the hash of its {part} bytes is another one")
        if attempt["collection"] != self.told["collection"]:
            raise ValueError("it belongs to another collection")
        if attempt["kind"] != "late":
            self.total.update(row["digest"].encode())

    def end(self) -> None:
        """Check the whole; raises ValueError."""
        if self.count != self.told["lines"]:
            raise ValueError(f"it has {self.count} lines, and {INDEX} says {self.told['lines']}")
        if self.told["evidence_hash"] and self.total.hexdigest() != self.told["evidence_hash"]:
            raise ValueError("attempts were removed or put in another order")


class Chain:
    """Checks the chain of custody, link by link. Entries of other cases are there as their hashes alone."""

    def __init__(self, told: Json) -> None:
        self.told, self.previous, self.count = told, GENESIS, 0
        self.hashes: set[str] = set()

    def line(self, line: bytes) -> None:
        """Check one entry; raises ValueError."""
        entry, self.count = json.loads(line), self.count + 1
        if entry["sequence"] != self.count:
            raise ValueError(f"entry {self.count} is missing")
        if entry["previous_hash"] != self.previous:
            raise ValueError("it does not follow the entry before it")
        if entry["body"] is not None:
            body = json.loads(entry["body"])
            if hashlib.sha256(entry["body"].encode("utf-8")).hexdigest() != entry["entry_hash"]:
                raise ValueError("it was changed after it was written")
            if (body["sequence"], body["previous_hash"]) != (self.count, self.previous):
                raise ValueError("its body is another entry's")
        self.previous = entry["entry_hash"]
        self.hashes.add(self.previous)

    def end(self) -> None:
        """Check the whole; raises ValueError."""
        if (self.count, self.previous if self.count else "") != (self.told["entries"], self.told["head"]):
            raise ValueError("it does not end at the head that the manifest names")


class Anything:
    """Checks nothing but the hash."""

    def line(self, line: bytes) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


def _file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, row: Json, check: Check) -> None:
    number = 0
    try:
        for line in checked_lines(archive, entry, row):
            number += 1
            check.line(line)
        number = 0
        check.end()
    except Fault:
        raise
    except (*FOREIGN, binascii.Error) as problem:
        where = f"{row['path']}, line {number}" if number else row["path"]
        raise Fault(where, str(problem) if isinstance(problem, ValueError) else repr(problem)) from None


def verify(path: str, key: str = "", head: str = "") -> Json:
    """What was found: {"faults": [sentence, ...], "files": n, "fingerprint": hex, "custody": {...}, ...}."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _verified(archive, key, head)
    except Fault as fault:
        return {"faults": [str(fault)]}
    except BROKEN as problem:
        return {"faults": [f"{path}: is no zip that can be read: {problem}"]}


def _verified(archive: zipfile.ZipFile, key: str, head: str) -> Json:
    found = members(archive)
    manifest, by = signed_manifest(archive, found, key)
    faults, rows = [], {row["path"]: row for row in manifest["files"]}
    faults += [f"{name}: is missing" for name in sorted(set(rows) - set(found))]
    faults += [f"{name}: is not in the manifest" for name in sorted(set(found) - set(rows) - {MANIFEST, SIGNATURE})]
    chain = Chain(manifest["custody"])
    checks: dict[str, Check] = {CHAIN: chain}
    if INDEX in found and INDEX in rows:
        try:
            told = parsed(small(archive, found, INDEX), INDEX)
            checks |= {one["file"]: Responses(one) for one in told["collections"]}
        except Fault as fault:
            faults.append(str(fault))
    faults += [f"{name}: is missing" for name in sorted(set(checks) - set(rows))]
    for name in sorted(set(rows) & set(found)):
        try:
            _file(archive, found[name], rows[name], checks.get(name, Anything()))
        except Fault as fault:
            faults.append(str(fault))
    if head and head.lower() not in chain.hashes:
        faults.append(f"{CHAIN}: does not hold the head {head.lower()}: entries were removed, or it is another log")
    told = {name: manifest[name] for name in ("format", "case", "version", "sealed", "custody")}
    return told | {"faults": faults, "files": len(rows), "fingerprint": by}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, 1 or 2."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Check an evidence bundle of Filiation.")
    parser.add_argument("bundle")
    parser.add_argument("--key", default="", help="fingerprint, known from elsewhere, of the key that must have signed")
    parser.add_argument("--head", default="", help="a custody head that was published earlier and must be in the chain")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(argv)
    told = verify(args.bundle, args.key, args.head)
    print(json.dumps(told) if args.json else "\n".join(sentences(told)))  # noqa: T201
    return 1 if told["faults"] else 0


def sentences(told: Json) -> list[str]:
    """What was found, for a reader."""
    if told["faults"]:
        return [*(f"FAULT  {fault}" for fault in told["faults"]), "The bundle does not verify."]
    return [
        f"The bundle verifies: case {told['case']}, version {told['version']}, {told['files']} files.",
        f"Signed by the key {told['fingerprint']}; compare this fingerprint with one that you know from elsewhere.",
        f"Custody: {told['custody']['entries']} entries, head {told['custody']['head'] or 'none'}.",
    ]


if __name__ == "__main__":
    sys.exit(main())
