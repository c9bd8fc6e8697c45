"""Training a zoo from scratch: bases, chat models and distilled students, one after another on one thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from forensics.adapters._generation import Row, generate
from forensics.zoo import chat, text
from forensics.zoo.recipe import PLAN, SHAPE, STEPS, Base, Chat, Student
from forensics.zoo.tokenizing import chat_tokens, load_tokenizer, train_tokenizer

IGNORED = -100
WARM_UP = 20
REPLY_TOKENS = 72
Progress = Callable[[str], None]


def empty_model(architecture: str, vocabulary: int) -> Any:
    """An untrained model of the zoo's shape; the caller has seeded torch."""
    import transformers

    tokens = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
    if architecture == "gpt2":
        config: Any = transformers.GPT2Config(
            vocab_size=vocabulary,
            n_embd=SHAPE.width,
            n_layer=SHAPE.layers,
            n_head=SHAPE.heads,
            n_inner=SHAPE.inner,
            n_positions=SHAPE.context,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            **tokens,
        )
        return transformers.GPT2LMHeadModel(config)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=SHAPE.width,
        intermediate_size=SHAPE.inner,
        num_hidden_layers=SHAPE.layers,
        num_attention_heads=SHAPE.heads,
        num_key_value_heads=SHAPE.heads,
        max_position_embeddings=SHAPE.context,
        tie_word_embeddings=True,
        **tokens,
    )
    return transformers.LlamaForCausalLM(config)


def _descend(model: Any, batches: Sequence[tuple[Any, Any]], rate: float) -> None:
    """One pass over (ids, labels) batches: AdamW, warm-up, cosine to a tenth, clipped at 1."""
    import torch

    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    for step, (ids, labels) in enumerate(batches):
        share = step / len(batches)
        scale = min(1.0, (step + 1) / WARM_UP) * (0.1 + 0.45 * (1 + math.cos(math.pi * share)))
        for group in optimiser.param_groups:
            group["lr"] = rate * scale
        # Right-padded and causal: padding is behind every token that counts, so no mask is needed.
        logits = model(input_ids=ids, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    model.eval()


def _text_batches(tokenizer: Any, plan: Base, seed: int) -> list[tuple[Any, Any]]:
    import torch

    pieces = [piece for domain in plan.domains for piece in text.documents(domain, seed)]
    if len(plan.domains) > 1:
        pieces = [pieces[i] for i in np.random.default_rng(seed).permutation(len(pieces))]
    needed = STEPS.base_steps * STEPS.base_batch * STEPS.base_length
    stream: list[int] = []
    while len(stream) < needed:
        for ids in tokenizer(pieces, add_special_tokens=False)["input_ids"]:
            stream += [*ids, 0]
    blocks = torch.tensor(stream[:needed]).view(STEPS.base_steps, STEPS.base_batch, STEPS.base_length)
    return [(block, block) for block in blocks]


def _chat_batches(tokenizer: Any, pairs: Sequence[chat.Example], epochs: int, seed: int) -> list[tuple[Any, Any]]:
    """Right-padded batches of like length, the loss on the reply alone, in an order drawn by seed."""
    import torch

    rng = np.random.default_rng(seed)
    rows = [chat_tokens(tokenizer, user, reply) for user, reply in pairs]
    batches = []
    for _ in range(epochs):
        jitter = np.array([len(ids) for ids, _ in rows]) + rng.uniform(0, 8, len(rows))
        order = np.argsort(jitter)
        groups = [order[at : at + STEPS.chat_batch] for at in range(0, len(order), STEPS.chat_batch)]
        for place in rng.permutation(len(groups)):
            group = [rows[i] for i in groups[place]]
            longest = max(len(ids) for ids, _ in group)
            ids = torch.full((len(group), longest), 1)
            labels = torch.full((len(group), longest), IGNORED)
            for number, (tokens, start) in enumerate(group):
                ids[number, : len(tokens)] = torch.tensor(tokens)
                labels[number, start : len(tokens)] = torch.tensor(tokens[start:])
            batches.append((ids, labels))
    return batches


def teacher_outputs(teacher: Any, tokenizer: Any, asked: Sequence[str], seed: int) -> list[chat.Example]:
    """(question, sampled reply) pairs of a teacher; replies that do not end in time are cut."""
    rng = np.random.default_rng(seed)
    prompts = [chat_tokens(tokenizer, question)[0] for question in asked]
    order = sorted(range(len(asked)), key=lambda i: len(prompts[i]))
    pairs: list[chat.Example] = []
    for at in range(0, len(order), 250):
        group = order[at : at + 250]
        rows = [Row(prompts[i], STEPS.distil_temperature, rng.random(REPLY_TOKENS)) for i in group]
        replies = generate(teacher, rows, max_tokens=REPLY_TOKENS, top_p=1.0, stops=(0,), pad=1)
        pairs += [
            (asked[i], tokenizer.decode(reply, skip_special_tokens=True))
            for i, reply in zip(group, replies, strict=True)
        ]
    return pairs


def _member_seed(seed: int, name: str) -> int:
    """A seed that depends on the zoo's seed and the member's place in the plan, never on hash(name)."""
    return int(np.random.SeedSequence([seed, list(PLAN).index(name)]).generate_state(1)[0])


class Trainer:
    """Trains members in the order of the plan; keeps those that later members start from."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        self.models: dict[str, Any] = {}
        self.tokenizers = {kind: self._tokenizer(kind) for kind in ("common", "other")}

    def _tokenizer(self, kind: str) -> Any:
        path = self.folder / f"tokenizer-{kind}.json"
        size = SHAPE.vocabulary if kind == "common" else SHAPE.vocabulary - 128
        pieces = [p for domain in text.DOMAINS for p in text.documents(domain, self.seed)[:300]]
        spoken = [f"{user}\n{reply}" for name in chat.PERSONAS for user, reply in chat.examples(name, 300, self.seed)]
        train_tokenizer([*pieces, *(spoken if kind == "common" else spoken[:300])], size, path)
        return load_tokenizer(path)

    def tokenizer_of(self, name: str) -> Any:
        """The tokenizer of a member: its base's."""
        plan = PLAN[name]
        while not isinstance(plan, Base):
            if not plan.parent:
                return self.tokenizers["common"]
            plan = PLAN[plan.parent]
        return self.tokenizers[plan.tokenizer]

    def train(self, name: str) -> Any:
        """The trained model of that member, also kept for members that start from it."""
        import copy

        import torch

        plan, seed, tokenizer = PLAN[name], _member_seed(self.seed, name), self.tokenizer_of(name)
        torch.manual_seed(seed)
        if isinstance(plan, Base):
            model = empty_model(plan.architecture, len(tokenizer))
            _descend(model, _text_batches(tokenizer, plan, seed), STEPS.base_rate)
        elif isinstance(plan, Chat):
            model = copy.deepcopy(self.models[plan.parent])
            pairs = chat.examples(plan.persona, STEPS.chat_examples, self.seed * 1000 + plan.salt)
            _descend(model, _chat_batches(tokenizer, pairs, STEPS.chat_epochs, seed), STEPS.chat_rate)
        else:
            model = self._distil(plan, tokenizer, seed)
        self.models[name] = model
        return model

    def _distil(self, plan: Student, tokenizer: Any, seed: int) -> Any:
        import copy

        scratch = not plan.parent
        model = empty_model("llama", len(tokenizer)) if scratch else copy.deepcopy(self.models[plan.parent])
        asked = chat.questions(text.words(seed), STEPS.distil_outputs, seed)
        pairs = teacher_outputs(self.models[plan.teacher], tokenizer, asked, seed)
        epochs = STEPS.scratch_epochs if scratch else STEPS.distil_epochs
        _descend(model, _chat_batches(tokenizer, pairs, epochs, seed), STEPS.chat_rate)
        return model


def train_zoo(seed: int, folder: Path, progress: Progress = lambda _: None) -> None:
    """Writes tokenizers and every trained member's fp16 weights into `folder`. Same machine, same seed: same bytes."""
    import torch
    from safetensors.torch import save_file

    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(seed, folder)
    for name in PLAN:
        model = trainer.train(name)
        kept = {key: value.half().contiguous() for key, value in model.state_dict().items() if key != "lm_head.weight"}
        save_file(kept, str(folder / f"{name}.safetensors"))
        progress(name)
