"""A frozen background: models that show what coincidence looks like, fixed before a case is compared."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from forensics import channels, registry
from forensics.channels import Channel, Fingerprint
from forensics.errors import BadInput
from forensics.evaluation.cohort import LEAST_MODELS
from forensics.features import tokens
from forensics.lineage.content import content_ids, under_content_ids
from forensics.lineage.fingerprints import Fingerprinted, Progress, fingerprints, makers_of, silent
from forensics.provenance import sha256_json
from forensics.records import Prompt, ResponseSet


@dataclass(frozen=True)
class Frozen:
    """A background. found: the fingerprints of its models under content ids, in order of name."""

    found: tuple[Fingerprinted, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(item.model for item in self.found)

    @cached_property
    def prompts(self) -> frozenset[str]:
        """The content ids of prompts that one of them answered with text."""
        return frozenset(i for item in self.found for i in item.prints[tokens.FEATURE]["prompt_ids"].tolist())

    @cached_property
    def hash(self) -> str:
        """SHA-256 over names, responses, tokenizers and fingerprints: the same for a recording and its frozen file."""
        told = {
            item.model: [
                item.tokenizer,
                item.content,
                {feature: array_hash(prints) for feature, prints in item.prints.items()},
            ]
            for item in self.found
        }
        return sha256_json(told)


def array_hash(arrays: Fingerprint) -> str:
    """SHA-256 over the names, kinds, shapes and bytes of arrays, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def freeze(
    sets: Iterable[ResponseSet],
    prompts: Mapping[str, Prompt],
    *,
    cache: Path | None = None,
    jobs: int = 1,
    progress: Progress = silent,
    extra: Collection[str] = (),
) -> Frozen:
    """The background that a recording's models make. One set is held at a time; `extra` as in `compare`."""
    ids = content_ids(prompts)
    asked = {key: prompts[own] for own, key in ids.items()}
    plugins: dict[str, Channel] = registry.load_all(channels.PACKAGE)
    moved = (under_content_ids(responses, ids) for responses in sets)
    return Frozen(tuple(fingerprints(moved, makers_of(plugins, asked, extra), cache, jobs, progress)))


def joined(parts: Sequence[Frozen]) -> Frozen:
    """One background of several; a model that two of them hold with the same responses counts once.

    Raises BadInput where two models of one name differ, and for fewer than 8 models: no cohort is smaller.
    """
    found: dict[str, Fingerprinted] = {}
    for item in (item for part in parts for item in part.found):
        if found.setdefault(item.model, item).content != item.content:
            raise BadInput(f"two models of the background are called {item.model!r}, and differ: rename one of them")
    if len(found) < LEAST_MODELS:
        raise BadInput(f"a background needs at least {LEAST_MODELS} models, and this one has {len(found)}")
    return Frozen(tuple(found[name] for name in sorted(found)))
