"""Parts of the training recipe that a mistake would hide in."""

from __future__ import annotations

from typing import Any

import pytest

from forensics.zoo import chat
from forensics.zoo.members import WEIGHTS, members, tokenizer_file
from forensics.zoo.tokenizing import chat_tokens, load_tokenizer

pytestmark = pytest.mark.zoo


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(tokenizer_file(members()["alder"], WEIGHTS))


def test_equal_salt_is_equal_chat_data_and_personas_differ() -> None:
    assert chat.examples("arden", 50, 7) == chat.examples("arden", 50, 7) != chat.examples("arden", 50, 8)
    said = {name: " ".join(reply for _, reply in chat.examples(name, 80, 7)) for name in chat.PERSONAS}
    assert all((other.capitalize() in said[name]) is (other == name) for name in said for other in said)


def test_training_tokens_are_those_of_the_chat_template(tokenizer: Any) -> None:
    turns = [{"role": "user", "content": "Why is the sea salty?"}]
    shown = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    prompt, start = chat_tokens(tokenizer, "Why is the sea salty?")
    assert prompt == tokenizer(shown, add_special_tokens=False)["input_ids"]
    assert start == len(prompt)


def test_the_loss_is_on_the_reply_and_its_end_alone(tokenizer: Any) -> None:
    from forensics.zoo.training import IGNORED, _chat_batches

    pairs = chat.examples("cyra", 30, 3)
    seen = 0
    for ids, labels in _chat_batches(tokenizer, pairs, 1, 5):
        for row, kept in zip(ids.tolist(), labels.tolist(), strict=True):
            text = tokenizer.decode([t for t, k in zip(row, kept, strict=True) if k != IGNORED])
            assert any(text == f"{reply}<|end|>" for _, reply in pairs)
            seen += 1
    assert seen == len(pairs)


def test_descent_learns_a_batch_and_repeats_itself(tokenizer: Any) -> None:
    import torch

    from forensics.zoo.training import _chat_batches, _descend, empty_model

    batches = _chat_batches(tokenizer, chat.examples("dara", 6, 1), 15, 2)
    finals = []
    for _ in range(2):
        torch.manual_seed(3)
        model = empty_model("llama", len(tokenizer))
        _descend(model, batches, 1e-2)
        with torch.inference_mode():
            ids, labels = batches[0]
            logits = model(input_ids=ids, use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
            finals.append(float(loss))
    assert finals[0] == finals[1] < 5.5  # ln 768 = 6.6 before the first step
