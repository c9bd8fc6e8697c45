"""Prompts and replies under ids that the words of a prompt decide, so that recordings of other hands can be joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from forensics.provenance import sha256_json
from forensics.records import Prompt, ResponseSet

Told = TypeVar("Told")
LENGTH = 24


def content_hash(prompt: Prompt) -> str:
    """Hex SHA-256 over all of a prompt but its id. Prompts are put in order by it, so that their ids change nothing."""
    return sha256_json({name: value for name, value in prompt.as_json().items() if name != "prompt_id"})


def content_ids(prompts: Mapping[str, Prompt]) -> dict[str, str]:
    """Prompt id to an id that the mode and the messages alone decide; of prompts with the same words, the first id."""
    first: dict[str, str] = {}
    for prompt_id in sorted(prompts):
        plain = prompts[prompt_id].as_json()
        key = "q" + sha256_json({name: plain[name] for name in ("mode", "messages")})[:LENGTH]
        first.setdefault(key, prompt_id)
    return {prompt_id: key for key, prompt_id in first.items()}


def under_content_ids(responses: ResponseSet, ids: Mapping[str, str]) -> ResponseSet:
    """The response set under other prompt ids; replies to prompts that have none are left out."""
    kept = [replace(c, prompt_id=ids[c.prompt_id]) for c in responses.completions if c.prompt_id in ids]
    return ResponseSet.of(responses.model, kept, responses.tokenizer)


def under_own_ids(told: Told, own: Mapping[str, str]) -> Told:
    """The same record with every `prompt_id` and `prompt_ids` in it, at any depth, put back; `own`: to the old ids."""
    if isinstance(told, tuple):
        return tuple(under_own_ids(item, own) for item in told)  # type: ignore[return-value]
    if not is_dataclass(told):
        return told
    changed: dict[str, Any] = {field.name: under_own_ids(getattr(told, field.name), own) for field in fields(told)}
    if "prompt_id" in changed:
        changed["prompt_id"] = own[changed["prompt_id"]]
    if "prompt_ids" in changed:
        changed["prompt_ids"] = tuple(own[i] for i in changed["prompt_ids"])
    return replace(told, **changed)  # type: ignore[type-var]
