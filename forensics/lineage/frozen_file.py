"""A frozen background in one file: fingerprints and hashes, and no reply as text."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import forensics
from forensics import channels, registry
from forensics.errors import BadInput, IntegrityError
from forensics.lineage.fingerprints import Fingerprinted
from forensics.lineage.frozen import Frozen

FORMAT = "filiation-background/1"
HEAD = "head"


def features() -> list[str]:
    """What this version compares: the features of all channels, with their versions."""
    return sorted({plugin.feature for plugin in registry.load_all(channels.PACKAGE).values()})


def write_frozen(background: Frozen, out: Path) -> None:
    """Write the file, whole or not at all."""
    head = {
        "format": FORMAT,
        "filiation": forensics.__version__,
        "hash": background.hash,
        "features": features(),
        "models": [[item.model, item.tokenizer, item.content] for item in background.found],
    }
    arrays: dict[str, NDArray[Any]] = {HEAD: np.array(json.dumps(head, ensure_ascii=False, sort_keys=True))}
    for place, item in enumerate(background.found):
        for feature, prints in item.prints.items():
            arrays |= {f"{place}/{feature}/{name}": array for name, array in prints.items()}
    part = out.with_name(out.name + ".part")
    with part.open("wb") as handle:
        np.savez_compressed(handle, allow_pickle=False, **arrays)
    part.replace(out)


def read_frozen(path: Path) -> Frozen:
    """The background in a file.

    Raises BadInput for another kind of file, or one of a version that compares other features; IntegrityError where
    what it holds is not what its hash was made of.
    """
    head, arrays = _unpacked(path)
    if head.get("format") != FORMAT or head.get("features") != features():
        made = f"it was frozen by version {head.get('filiation')}, which compares other features"
        raise BadInput(f"is no background that this version can use: {made}; freeze it again", where=path.name)
    try:
        prints: list[dict[str, dict[str, NDArray[Any]]]] = [{f: {} for f in features()} for _ in head["models"]]
        for key, array in arrays.items():
            place, feature, name = key.split("/")
            prints[int(place)][feature][name] = array
        told = zip(head["models"], prints, strict=True)
        background = Frozen(tuple(Fingerprinted(str(m), str(t), str(c), made) for (m, t, c), made in told))
        if background.hash == head["hash"]:
            return background
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        raise IntegrityError(f"the frozen background {path.name} is damaged: {problem!r}") from problem
    raise IntegrityError(f"the frozen background {path.name} does not match its hash: it was changed; get it again")


def _unpacked(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The head, and all other arrays by name."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        head = json.loads(str(arrays.pop(HEAD)))
    except (
        OSError,
        EOFError,
        TypeError,
        ValueError,
        KeyError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as problem:
        raise BadInput(f"is no recording and no frozen background: {problem}", where=path.name) from problem
    if not isinstance(head, dict):
        raise BadInput("is no frozen background: its head is not an object", where=path.name)
    return head, arrays
