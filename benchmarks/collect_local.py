"""Replies of a local model through the adapter, beside transformers' own generate in the same batches.

Both get the same prompts, sort them by length, pad each batch alike and decode what they drew, greedily. FILIATION_ZOO
names another folder of weights than a member of the shipped zoo.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._table import lines, timed

TITLE = "Local generation, tokens per second of the adapter beside bare batched generate: >= .95"
MEMBER, PROMPTS, TOKENS, REPEATS = "alder-chat", 256, 64, 5
WORDS = "Write a line about the river and the old mill and the people of the town who walk there in the evening"


def run() -> list[str]:
    """The table's lines."""
    import torch

    from forensics.adapters import Target
    from forensics.adapters.huggingface import BATCH, PLUGIN

    with tempfile.TemporaryDirectory(prefix="filiation-bench-") as made, PLUGIN.open(Target(_folder(made))) as session:
        calls = _calls()
        adapter: Callable[[], int] = partial(_adapter, session, calls)
        bare: Callable[[], int] = partial(_bare, session, calls, BATCH)
        assert adapter() == bare(), "the two did not draw the same tokens"
        # One after the other, so that both meet the same load.
        rates = [[_rate(work) for work in (adapter, bare)] for _ in range(REPEATS)]
    ours, theirs = (statistics.median(column) for column in zip(*rates, strict=True))
    ratio = statistics.median(mine / other for mine, other in rates)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} thread"
    rows = [("adapter", f"{ours:,.0f}", f"{ratio:.3f}"), ("bare generate", f"{theirs:,.0f}", "1")]
    header = (f"{PROMPTS} prompts, batches of {BATCH}, {device}", "tokens/s", f"of bare, median of {REPEATS}")
    return lines(header, rows)


def _folder(made: str) -> str:
    from forensics.zoo.build import write_member
    from forensics.zoo.members import WEIGHTS, members

    if given := os.environ.get("FILIATION_ZOO"):
        return given
    zoo = members()
    write_member(zoo[MEMBER], Path(made), WEIGHTS, zoo)
    return made


def _calls() -> list[Any]:
    from forensics.adapters import Call
    from forensics.records import GenerationConfig, Prompt

    words, config = WORDS.split(), GenerationConfig(max_tokens=TOKENS)
    texts = (" ".join(words[: 2 + number % (len(words) - 2)]) for number in range(PROMPTS))
    return [Call(Prompt.chat(f"p{number:04}", text), 0, config) for number, text in enumerate(texts)]


def _adapter(session: Any, calls: Sequence[Any]) -> int:
    return sum(reply.completion.completion_tokens for reply in session.send(calls))


def _bare(session: Any, calls: Sequence[Any], batch: int) -> int:
    """Tokens drawn, up to the first that ends a reply."""
    import torch

    model, tokenizer, stops = session._model, session._tokenizer, set(session._stops)
    tokenizer.padding_side, drawn = "left", 0
    asked = sorted(
        ([{"role": "user", "content": call.prompt.text}] for call in calls), key=lambda c: len(c[0]["content"])
    )
    texts = [tokenizer.apply_chat_template(one, tokenize=False, add_generation_prompt=True) for one in asked]
    for at in range(0, len(texts), batch):
        padded = tokenizer(texts[at : at + batch], return_tensors="pt", padding=True, add_special_tokens=False)
        padded = {name: padded[name].to(model.device) for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            made = model.generate(
                **padded, max_new_tokens=TOKENS, do_sample=False, eos_token_id=sorted(stops), pad_token_id=session._pad
            )
        new = made[:, padded["input_ids"].shape[1] :]
        tokenizer.batch_decode(new, skip_special_tokens=True)
        drawn += sum(_until_stop(row, stops) for row in new.tolist())
    return drawn


def _until_stop(tokens: Sequence[int], stops: set[int]) -> int:
    return next((place + 1 for place, token in enumerate(tokens) if token in stops), len(tokens))


def _rate(work: Callable[[], int]) -> float:
    done = timed(work)
    return done.result / done.seconds
