"""A folder in which the files of a bundle are gathered, and the deterministic zip that seals them."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from forensics.errors import BadInput
from forensics.provenance import CHUNK, canonical_json, sha256_file
from forensics.reports.bundle import FORMAT, verify
from forensics.reports.bundle.signing import Signer

WHEN = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644


class Stage:
    """Files by the path that they will have in the bundle. Streamed ones are never held in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows: dict[str, dict[str, Any]] = {}

    def add(self, path: str, pieces: Iterable[bytes] | bytes) -> None:
        """Write a file; raises BadInput for a path that is taken or that no bundle may hold."""
        if path in self._rows or not verify.NAME.fullmatch(path) or path in (verify.MANIFEST, verify.SIGNATURE):
            raise BadInput("cannot be the name of a file in a bundle, or is taken", where=path)
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as out:
            for piece in (pieces,) if isinstance(pieces, bytes) else pieces:
                out.write(piece)
                digest.update(piece)
                size += len(piece)
        self._rows[path] = {"path": path, "size": size, "sha256": digest.hexdigest()}

    def add_json(self, path: str, value: Any) -> None:
        """Write a JSON value in canonical form."""
        self.add(path, canonical_json(value))

    def add_lines(self, path: str, rows: Iterable[Any]) -> int:
        """Write JSON values, one a line, and return how many there were."""
        count = 0

        def lines() -> Iterable[bytes]:
            nonlocal count
            for row in rows:
                count += 1
                yield json_line(row)

        self.add(path, lines())
        return count

    def add_file(self, path: str, source: Path) -> None:
        """Copy a file."""
        with source.open("rb") as handle:
            self.add(path, iter(lambda: handle.read(CHUNK), b""))

    def seal(self, out: Path, signer: Signer, about: Mapping[str, Any]) -> str:
        """Write the zip, whole or not at all, and return its SHA-256.

        about: `case`, `version`, `sealed` (whether the probes are) and `custody` (`entries`, `head`). The same files,
        about and key give the same bytes: names are sorted, times and permissions fixed.
        """
        rows = [self._rows[path] for path in sorted(self._rows)]
        told = {name: about[name] for name in ("case", "version", "sealed", "custody")}
        manifest = canonical_json({"format": FORMAT, "key": signer.fingerprint, "files": rows, **told})
        written = {verify.MANIFEST: manifest, verify.SIGNATURE: signer.seal(manifest)}
        part = out.with_name(out.name + ".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as handle:
                with zipfile.ZipFile(handle, "w") as archive:
                    for name in sorted({*self._rows, *written}):
                        self._store(archive, name, written.get(name))
                handle.flush()
                os.fsync(handle.fileno())
            digest = sha256_file(part)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)
        return digest

    def _store(self, archive: zipfile.ZipFile, name: str, data: bytes | None) -> None:
        entry = zipfile.ZipInfo(name, WHEN)
        entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, MODE << 16, 3
        with archive.open(entry, "w", force_zip64=True) as out:
            if data is not None:
                out.write(data)
                return
            with (self.folder / name).open("rb") as handle:
                while piece := handle.read(CHUNK):
                    out.write(piece)


def json_line(value: Any) -> bytes:
    """A JSON value as a line, its keys sorted; NaN and infinity raise."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8") + b"\n"
