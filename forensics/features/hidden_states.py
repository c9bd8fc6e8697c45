"""What a model makes of fixed texts inside: its hidden states, kept as how alike the texts are in each layer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.errors import BadInput
from forensics.folders import Folder, open_model

FILE = Path(__file__).with_name("hidden_data") / "texts.json"
FEATURE = "hidden-states@1"
GROUPS = ("ordinary", "boundary")


@cache
def texts() -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    """The fixed texts in order, and which of them lie at the boundary of what chat models answer."""
    plain = json.loads(FILE.read_text(encoding="utf-8"))
    asked = tuple(text for group in GROUPS for text in plain[group])
    return asked, np.array([group == GROUPS[1] for group in GROUPS for _ in plain[group]])


def hidden_states(folder: Folder) -> Mapping[str, NDArray[Any]]:
    """why (1,) ''; gram (layers, n, n) float32: products of the mean hidden states of n texts, embeddings first, the
    last behind the last norm, scaled to a largest entry of 1. Raises BadInput where transformers cannot load
    the folder."""
    try:
        model, tokenizer = open_model(folder)
    except (ValueError, OSError, RuntimeError, KeyError, ImportError) as problem:
        raise BadInput(f"transformers cannot load this folder ({problem})", where=str(folder.path)) from problem
    told = np.stack([_states(model, tokenizer, text) for text in texts()[0]], axis=1)
    gram = told @ told.transpose(0, 2, 1)
    largest = np.maximum(np.abs(gram).max(axis=(1, 2), keepdims=True), 1e-30)
    return {"why": np.array([""], dtype=np.str_), "gram": (gram / largest).astype(np.float32)}


def _states(model: Any, tokenizer: Any, text: str) -> NDArray[np.float64]:
    """(layers, width) means over a text's tokens."""
    import torch

    ids = tokenizer(text, return_tensors="pt")["input_ids"].to(model.device)
    with torch.no_grad():
        layers = model(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states
    return np.stack([layer[0].double().mean(dim=0).cpu().numpy() for layer in layers])
