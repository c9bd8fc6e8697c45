"""A member of the zoo as one GGUF file, so that a real llama.cpp can serve the very weights that transformers loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from forensics.zoo.members import WEIGHTS, members, tokenizer_file
from forensics.zoo.recipe import SHAPE
from forensics.zoo.tokenizing import END, PAD, SPECIALS, TEMPLATE

EPSILON, ROPE_BASE = 1e-6, 10_000.0
"""What transformers' LlamaConfig takes where the zoo says nothing."""


def write_gguf(member: str, path: Path) -> Path:
    """The file, written from a trained Llama of the zoo: float32 tensors, tokenizer and chat template."""
    writer = gguf.GGUFWriter(path, "llama")
    _shape(writer, member)
    _vocabulary(writer, member)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, SHAPE.layers)
    for name, tensor in load_file(WEIGHTS / f"{member}.safetensors").items():
        placed = _rotated(tensor) if name.endswith(("q_proj.weight", "k_proj.weight")) else tensor
        writer.add_tensor(names.get_name(name, (".weight",)), placed.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shape(writer: gguf.GGUFWriter, member: str) -> None:
    writer.add_name(member)
    writer.add_context_length(SHAPE.context)
    writer.add_embedding_length(SHAPE.width)
    writer.add_block_count(SHAPE.layers)
    writer.add_feed_forward_length(SHAPE.inner)
    writer.add_head_count(SHAPE.heads)
    writer.add_head_count_kv(SHAPE.heads)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_rope_dimension_count(SHAPE.width // SHAPE.heads)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _rotated(tensor: NDArray[Any]) -> NDArray[Any]:
    """Rows of each head in llama.cpp's order: it turns neighbours, transformers turns the two halves."""
    heads = tensor.reshape(SHAPE.heads, 2, tensor.shape[0] // SHAPE.heads // 2, *tensor.shape[1:])
    return heads.swapaxes(1, 2).reshape(tensor.shape)


def _vocabulary(writer: gguf.GGUFWriter, member: str) -> None:
    told = json.loads(tokenizer_file(members()[member], WEIGHTS).read_text(encoding="utf-8"))
    ids: dict[str, int] = told["model"]["vocab"]
    kinds = gguf.TokenType
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    ordered = sorted(ids, key=lambda token: ids[token])
    writer.add_token_list(ordered)
    writer.add_token_types([kinds.CONTROL if token in SPECIALS else kinds.NORMAL for token in ordered])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in told["model"]["merges"]])
    writer.add_bos_token_id(ids[END])
    writer.add_eos_token_id(ids[END])
    writer.add_pad_token_id(ids[PAD])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
