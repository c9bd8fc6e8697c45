"""A real transformers model, tiny and untrained, in a weights folder."""

from __future__ import annotations

from pathlib import Path


def tiny_model(folder: Path, seed: int = 0) -> Path:
    """The folder, now holding a Llama of about 50,000 random weights, with tokenizer and chat template."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from forensics.zoo.tokenizing import load_tokenizer, train_tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    train_tokenizer(["the quick brown fox jumps over the lazy dog"], 280, folder / "tokenizer.json")
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
