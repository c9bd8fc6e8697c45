"""The fingerprints of weights folders, made or found again, and what to say where a folder cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from forensics.channels import Fingerprint, OfFolder
from forensics.errors import BadInput
from forensics.features.cache import FingerprintCache
from forensics.folders import Folder, inspect_folder
from forensics.provenance import canonical_json, sha256, sha256_file

CHANGED = "the weights folder is not the one that answered: its weights have another hash"


@dataclass(frozen=True, slots=True)
class Given:
    """A model's weights folder. revision: the hash that its weights must have, '' for any."""

    path: Path
    revision: str = ""


def print_of(plugin: OfFolder, feature: str, folder: Folder, revision: str, cache: FingerprintCache) -> Fingerprint:
    """The fingerprint of a checked folder whose weights have that hash; raises UnsafeWeights naming the file at fault.

    Cached by the hashes of weights, config and tokenizer.
    """
    key = {
        "feature": feature,
        "weights": revision,
        "config": sha256(canonical_json(folder.config)),
        "tokenizer": sha256_file(folder.path / "tokenizer.json"),
    }
    return cache.get(key, partial(plugin.fingerprint_folder, folder, revision))


def folder_print(plugin: OfFolder, feature: str, given: Given, cache: FingerprintCache) -> Fingerprint:
    """The fingerprint of a folder, or one that says why there is none.

    A folder that is gone, damaged, unsafe or changed spoils no comparison of what models said.
    """
    try:
        folder = inspect_folder(given.path)
        revision = folder.weights_hash()
        if given.revision and revision != given.revision:
            return plugin.unreadable(CHANGED)
        return print_of(plugin, feature, folder, revision, cache)
    except BadInput as problem:
        return plugin.unreadable(str(problem).replace(str(given.path), given.path.name))
