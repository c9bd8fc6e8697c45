"""Members made from others without training: quantised, pruned, permuted, rotated and merged copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

State = dict[str, Any]
PRUNED_SHARE = 0.3
OWN_SHARE = 0.6


def _generator(seed: int) -> Any:
    import torch

    return torch.Generator().manual_seed(seed)


def quantised(state: State, **_: Any) -> State:
    """Every matrix rounded to 255 levels per output row (absmax int8), stored as what the levels mean."""
    return {name: _rounded(value) if value.ndim == 2 else value for name, value in state.items()}


def _rounded(matrix: Any) -> Any:
    scale = matrix.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
    return (matrix / scale).round() * scale


def pruned(state: State, **_: Any) -> State:
    """The smallest 30 % of each projection set to zero (magnitude pruning); embeddings stay."""
    import torch

    def cut(value: Any) -> Any:
        limit = value.abs().flatten().kthvalue(int(PRUNED_SHARE * value.numel())).values
        return torch.where(value.abs() <= limit, torch.zeros_like(value), value)

    return {name: cut(value) if ".layers." in name and value.ndim == 2 else value for name, value in state.items()}


def permuted(state: State, *, heads: int, seed: int, **_: Any) -> State:
    """The same function with hidden units of each feed-forward block and heads of each attention in another order."""
    import torch

    made, generator = dict(state), _generator(seed)
    for layer in _layers(state):
        inner = state[f"{layer}.mlp.gate_proj.weight"].shape[0]
        units = torch.randperm(inner, generator=generator)
        size = state[f"{layer}.self_attn.q_proj.weight"].shape[0] // heads
        order = torch.randperm(heads, generator=generator)
        rows = (order[:, None] * size + torch.arange(size)).flatten()
        for name in ("mlp.gate_proj", "mlp.up_proj"):
            made[f"{layer}.{name}.weight"] = state[f"{layer}.{name}.weight"][units]
        made[f"{layer}.mlp.down_proj.weight"] = state[f"{layer}.mlp.down_proj.weight"][:, units]
        for name in ("q_proj", "k_proj", "v_proj"):
            made[f"{layer}.self_attn.{name}.weight"] = state[f"{layer}.self_attn.{name}.weight"][rows]
        made[f"{layer}.self_attn.o_proj.weight"] = state[f"{layer}.self_attn.o_proj.weight"][:, rows]
    return made


def rotated(state: State, *, seed: int, **_: Any) -> State:
    """The same function in a rotated residual stream: norms folded into what reads them, then one orthogonal matrix.

    The output head is untied, as the last norm is folded into it. RMS norms with unit gain commute with a rotation.
    """
    import torch

    width = state["model.embed_tokens.weight"].shape[1]
    noise = torch.randn(width, width, generator=_generator(seed), dtype=torch.float64)
    turn = torch.linalg.qr(noise)[0]
    made: State = {}
    for name, value in state.items():
        made[name] = torch.ones_like(value) if name.endswith("norm.weight") else value

    def read(name: str, norm: str) -> None:
        made[name] = ((state[name].double() * state[norm].double()) @ turn).float()

    for layer in _layers(state):
        for part in ("q_proj", "k_proj", "v_proj"):
            read(f"{layer}.self_attn.{part}.weight", f"{layer}.input_layernorm.weight")
        for part in ("gate_proj", "up_proj"):
            read(f"{layer}.mlp.{part}.weight", f"{layer}.post_attention_layernorm.weight")
        for name in (f"{layer}.self_attn.o_proj.weight", f"{layer}.mlp.down_proj.weight"):
            made[name] = (turn.T @ state[name].double()).float()
    embedding = state["model.embed_tokens.weight"].double()
    made["model.embed_tokens.weight"] = (embedding @ turn).float()
    made["lm_head.weight"] = ((embedding * state["model.norm.weight"].double()) @ turn).float()
    return made


def merged(state: State, *, other: State, **_: Any) -> State:
    """A weighted mean of two models of one base."""
    return {name: OWN_SHARE * value + (1 - OWN_SHARE) * other[name] for name, value in state.items()}


def _layers(state: State) -> list[str]:
    numbers = {int(name.split(".")[2]) for name in state if name.startswith("model.layers.")}
    return [f"model.layers.{number}" for number in sorted(numbers)]


OPERATIONS: dict[str, Callable[..., State]] = {
    "quantised": quantised,
    "pruned": pruned,
    "permuted": permuted,
    "rotated": rotated,
    "merged": merged,
}


def derive(operation: str, state: State, *, heads: int, seed: int, other: State | None = None) -> State:
    """The state of a derived member in float32, contiguous."""
    made = OPERATIONS[operation](state, heads=heads, seed=seed, other=other)
    return {name: value.float().contiguous() for name, value in made.items()}


def member_seed(name: str) -> int:
    """A seed for a derived member that depends on its name's letters alone."""
    return int(np.random.SeedSequence([ord(letter) for letter in name]).generate_state(1)[0])
