"""From shipped weights to Hugging Face folders: every member, the derived ones made on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forensics.errors import BadInput
from forensics.zoo.derive import State, derive, member_seed
from forensics.zoo.members import WEIGHTS, Member, members, tokenizer_file
from forensics.zoo.recipe import SHAPE
from forensics.zoo.tokenizing import load_tokenizer

Progress = Callable[[str], None]


def trained_state(name: str, weights: Path) -> State:
    """A trained member's tensors in float32; raises BadInput where its file is missing."""
    from safetensors.torch import load_file

    path = weights / f"{name}.safetensors"
    if not path.is_file():
        raise BadInput("is missing; train the zoo first (python -m forensics.zoo train)", where=str(path))
    return {key: value.float() for key, value in load_file(path).items()}


def state_of(member: Member, weights: Path, zoo: Mapping[str, Member]) -> State:
    """A member's tensors, loaded or derived from those it is made of."""
    if not member.made_by:
        return trained_state(member.model, weights)
    source = member.same_as or member.parent or member.components[0]
    other = state_of(zoo[member.components[1]], weights, zoo) if member.components else None
    state = state_of(zoo[source], weights, zoo)
    return derive(member.made_by, state, heads=SHAPE.heads, seed=member_seed(member.model), other=other)


def write_member(member: Member, folder: Path, weights: Path, zoo: Mapping[str, Member]) -> None:
    """Writes one member: config.json, model.safetensors, tokenizer and chat template. Same input, same bytes."""
    from transformers.utils import logging

    from forensics.zoo.training import empty_model

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = load_tokenizer(tokenizer_file(member, weights))
    model: Any = empty_model(member.architecture, len(tokenizer))
    state = state_of(member, weights, zoo)
    if "lm_head.weight" in state:
        import torch

        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(state["lm_head.weight"])
    missing = model.load_state_dict(state, strict=False)
    unexpected = [*missing.unexpected_keys, *(key for key in missing.missing_keys if key != "lm_head.weight")]
    if unexpected:
        raise BadInput(f"tensors do not fit the member: {', '.join(unexpected)}", where=member.model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def build_zoo(folder: Path, weights: Path = WEIGHTS, progress: Progress = lambda _: None) -> list[Path]:
    """The folders of every member, written under `folder` from the weights of a trained zoo."""
    written = []
    for member in members().values():
        write_member(member, folder / member.model, weights, members())
        written.append(folder / member.model)
        progress(member.model)
    return written
