"""Tokenizers of the zoo: byte-level BPE with a chat template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

SPECIALS = ("<|end|>", "<|pad|>", "<|system|>", "<|user|>", "<|assistant|>")
END, PAD = SPECIALS[:2]
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def train_tokenizer(text: Iterable[str], vocabulary: int, path: Path) -> None:
    """Writes a tokenizer.json with exactly `vocabulary` entries, specials first."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(text, trainer)
    made.save(str(path))


def load_tokenizer(path: Path) -> Any:
    """The transformers tokenizer of a tokenizer.json, with the zoo's chat template."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(path), eos_token=END, bos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def chat_tokens(tokenizer: Any, user: str, reply: str | None = None) -> tuple[list[int], int]:
    """Ids of a one-turn chat and where the reply begins; without a reply, the prompt up to where it would begin."""
    head: Sequence[int] = tokenizer(f"<|user|>{user}{END}<|assistant|>", add_special_tokens=False)["input_ids"]
    tail = [] if reply is None else tokenizer(reply + END, add_special_tokens=False)["input_ids"]
    return [*head, *tail], len(head)
