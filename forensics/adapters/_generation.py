"""Drawing tokens from a transformers model: batched, and with noise that belongs to the call and not to the batch."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence to continue. `uniforms` (max_tokens,) in [0, 1) decides every draw; unused where greedy."""

    tokens: Sequence[int]
    temperature: float
    uniforms: NDArray[np.float64]


def takes_positions(model: Any) -> bool:
    """Whether the model can be left-padded: it must let the caller say which position each token has."""
    return _takes(model, "position_ids")


def _takes(model: Any, name: str) -> bool:
    return name in inspect.signature(model.forward).parameters


def _padded(rows: Sequence[Row], pad: int, device: Any) -> tuple[Any, Any, Any]:
    """Left-padded ids, mask and positions, each (rows, longest) int64."""
    import torch

    longest = max(len(row.tokens) for row in rows)
    ids = torch.full((len(rows), longest), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, longest - len(row.tokens) :] = torch.as_tensor(row.tokens)
        mask[number, longest - len(row.tokens) :] = 1
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    return ids.to(device), mask.to(device), positions.to(device)


def _draw(logits: Any, temperatures: Any, uniforms: Any, top_p: float) -> Any:
    """Next tokens (rows,): the most probable where the temperature is 0 (None: everywhere), else by inverting the
    cumulative."""
    import torch

    greedy = logits.argmax(-1)
    if temperatures is None:
        return greedy
    scaled = logits.double() / temperatures.clamp(min=1e-6)[:, None]
    ordered, tokens = torch.sort(torch.softmax(scaled, -1), dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    ordered = ordered.masked_fill(before >= top_p, 0.0)
    cumulative = ordered.cumsum(-1)
    place = torch.searchsorted(cumulative, (uniforms * cumulative[:, -1])[:, None], right=True)
    last = (ordered > 0).sum(-1, keepdim=True) - 1
    drawn = tokens.gather(1, torch.minimum(place, last))[:, 0]
    return torch.where(temperatures > 0, drawn, greedy)


def generate(
    model: Any, rows: Sequence[Row], *, max_tokens: int, top_p: float, stops: Sequence[int], pad: int
) -> list[list[int]]:
    """New tokens of each row, up to and including its stop token; at most `max_tokens` each.

    Rows are left-padded with explicit positions, so a row's distribution does not depend on its neighbours beyond
    the rounding of a matrix product; its noise does not depend on them at all. Rows of unequal length need a model
    that takes positions (`takes_positions`).
    """
    import torch

    ids, mask, positions = _padded(rows, pad, model.device)
    heat = [row.temperature for row in rows]
    temperatures = torch.tensor(heat, dtype=torch.float64, device=model.device) if any(heat) else None
    uniforms = torch.as_tensor(np.stack([row.uniforms[:max_tokens] for row in rows])).to(model.device)
    stop = torch.tensor(list(stops), dtype=torch.long, device=model.device)
    placed = takes_positions(model)
    # Of a prompt only the last token's scores are drawn from: the others are not even computed.
    last = {"logits_to_keep": 1} if _takes(model, "logits_to_keep") else {}
    done = torch.zeros(len(rows), dtype=torch.bool, device=model.device)
    drawn, cache = [], None
    with torch.inference_mode():
        for step in range(max_tokens):
            where = {"position_ids": positions} if placed else {}
            out = model(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, **where, **last)
            cache = out.past_key_values
            token = _draw(out.logits[:, -1].float(), temperatures, uniforms[:, step], top_p)
            token = token.masked_fill(done, pad)
            drawn.append(token)
            done = done | torch.isin(token, stop)
            if bool(done.all()):
                break
            ids, positions = token[:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, torch.ones_like(ids)], 1)
    columns = torch.stack(drawn, 1).tolist()
    return [_until_stop(tokens, set(stops)) for tokens in columns]


def _until_stop(tokens: list[int], stops: set[int]) -> list[int]:
    for place, token in enumerate(tokens):
        if token in stops:
            return tokens[: place + 1]
    return tokens


def score(model: Any, rows: Sequence[Sequence[int]], *, pad: int) -> Any:
    """Natural-log next-token distributions, (rows, longest, vocabulary) float32, right-padded.

    Right padding is exact for a causal model whatever it does with positions; what stands behind a row's own
    length means nothing.
    """
    import torch

    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), pad, dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.as_tensor(row)
    mask = (torch.arange(longest)[None] < torch.tensor([len(row) for row in rows])[:, None]).long()
    with torch.inference_mode():
        out = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False)
        return torch.log_softmax(out.logits.float(), -1)
