"""Fingerprints on disk, found again by what they were made of."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.provenance import sha256_json

Arrays = Mapping[str, NDArray[Any]]


class FingerprintCache:
    """Named arrays in a folder, keyed by content hash, channel and version. With folder None nothing is kept.

    A file that cannot be read back is made again: the cache holds nothing that is not derived.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
        """The arrays under `key`, computed and stored on first use."""
        if self.folder is None:
            return compute()
        path = self.folder / f"{sha256_json(dict(key))}.npz"
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            arrays = compute()
            _write(path, arrays)
            return arrays


def _write(path: Path, arrays: Arrays) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as out:
            np.savez(out, allow_pickle=False, **dict(arrays))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
