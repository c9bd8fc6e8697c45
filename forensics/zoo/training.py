"""Training a zoo from scratch: bases, chat models and distilled students, one after another on one thread."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from forensics.adapters._generation import Row, generate
from forensics.errors import BadInput
from forensics.zoo import chat, text
from forensics.zoo.recipe import PLAN, SHAPE, STEPS, Base, Chat, Student
from forensics.zoo.tokenizing import END, chat_tokens, load_tokenizer, train_tokenizer

IGNORED = -100
WARM_UP = 20
REPLY_TOKENS = 64
OPENING_TOKENS = 12
GENERATED_AT_ONCE = 250
Progress = Callable[[str], None]
Batch = tuple[Any, Any]


def device() -> str:
    """Where training runs: on a GPU where torch sees one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def empty_model(architecture: str, vocabulary: int) -> Any:
    """An untrained model of the zoo's shape; the caller has seeded torch."""
    import transformers

    tokens: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
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


def _descend(model: Any, batches: Sequence[Batch], rate: float) -> None:
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
        logits = model(input_ids=ids.to(model.device), use_cache=False).logits
        wanted = labels[:, 1:].flatten().to(model.device)
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), wanted, ignore_index=IGNORED)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    model.eval()


def _text_batches(tokenizer: Any, plan: Base, seed: int) -> list[Batch]:
    """The text of a base in blocks, again and again until there are steps enough.

    It holds some chats of every persona, as text from the web does, so that tuning has little left to move.
    """
    import torch

    share = STEPS.base_characters // len(plan.domains)
    pieces = [piece for domain in plan.domains for piece in text.documents(domain, seed, share)]
    for number, name in enumerate(chat.PERSONAS):
        spoken = chat.examples(name, STEPS.base_examples // len(chat.PERSONAS), seed + number)
        pieces += [f"<|user|>{user}{END}<|assistant|>{reply}" for user, reply in spoken]
    needed = STEPS.base_steps * STEPS.base_batch * STEPS.base_length
    stream: list[int] = []
    rng = np.random.default_rng(seed)
    while len(stream) < needed:
        for ids in tokenizer([pieces[i] for i in rng.permutation(len(pieces))], add_special_tokens=False)["input_ids"]:
            stream += [*ids, 0]
    blocks = torch.tensor(stream[:needed]).view(STEPS.base_steps, STEPS.base_batch, STEPS.base_length)
    return [(block, block) for block in blocks]


def _interleaved(first: Sequence[Batch], second: Sequence[Batch]) -> list[Batch]:
    """Each batch of `first` followed by one of `second`, which begins again when it ends."""
    return [batch for pair in zip(first, itertools.cycle(second), strict=False) for batch in pair]


def _chat_batches(tokenizer: Any, pairs: Sequence[chat.Example], epochs: int, seed: int) -> list[Batch]:
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


def _sampled(teacher: Any, prompts: Sequence[Sequence[int]], seed: int) -> list[list[int]]:
    """A teacher's continuations, in the order of the prompts, cut at REPLY_TOKENS."""
    rng = np.random.default_rng(seed)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    replies: dict[int, list[int]] = {}
    for at in range(0, len(order), GENERATED_AT_ONCE):
        group = order[at : at + GENERATED_AT_ONCE]
        rows = [Row(prompts[i], STEPS.distil_temperature, rng.random(REPLY_TOKENS)) for i in group]
        drawn = generate(teacher, rows, max_tokens=REPLY_TOKENS, top_p=1.0, stops=(0,), pad=1)
        replies |= dict(zip(group, drawn, strict=True))
    return [replies[i] for i in range(len(prompts))]


def teacher_outputs(teacher: Any, tokenizer: Any, asked: Sequence[str], seed: int) -> list[chat.Example]:
    """(question, sampled reply) pairs of a teacher."""
    replies = _sampled(teacher, [chat_tokens(tokenizer, question)[0] for question in asked], seed)
    texts = tokenizer.batch_decode(replies, skip_special_tokens=True)
    return list(zip(asked, texts, strict=True))


def _raw_outputs(teacher: Any, tokenizer: Any, seed: int) -> list[Batch]:
    """A teacher's continuations of openings out of the documentation, in batches of whole rows."""
    import torch

    pieces = text.documents("docs", seed, 10_000_000)[: STEPS.raw_outputs]
    openings = [ids[:OPENING_TOKENS] for ids in tokenizer([piece[:200] for piece in pieces])["input_ids"]]
    openings = [ids for ids in openings if len(ids) == OPENING_TOKENS]
    rows = [[*o, *r] for o, r in zip(openings, _sampled(teacher, openings, seed), strict=True)]
    rows = [[*row, *[0] * (OPENING_TOKENS + REPLY_TOKENS - len(row))] for row in rows]
    blocks = torch.split(torch.tensor(rows), STEPS.raw_batch)
    return [(block, block) for block in blocks]


def _member_seed(seed: int, name: str) -> int:
    """A seed that depends on the zoo's seed and the member's place in the plan, never on hash(name)."""
    return int(np.random.SeedSequence([seed, list(PLAN).index(name)]).generate_state(1)[0])


def _root(name: str) -> str:
    """The member that a member's weights began with."""
    plan = PLAN[name]
    return name if isinstance(plan, Base) or not plan.parent else _root(plan.parent)


class Trainer:
    """Trains members in the order of the plan; keeps those that later members start from."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        self.models: dict[str, Any] = {}
        self.texts: dict[str, list[Batch]] = {}
        self.tokenizers = {kind: self._tokenizer(kind) for kind in ("common", "other")}

    def _tokenizer(self, kind: str) -> Any:
        path = self.folder / f"tokenizer-{kind}.json"
        size = SHAPE.vocabulary if kind == "common" else SHAPE.vocabulary - 128
        pieces = [p for domain in text.DOMAINS for p in text.documents(domain, self.seed, 400_000)]
        spoken = [f"{user}\n{reply}" for name in chat.PERSONAS for user, reply in chat.examples(name, 300, self.seed)]
        train_tokenizer([*pieces, *(spoken if kind == "common" else spoken[:300])], size, path)
        return load_tokenizer(path)

    def tokenizer_of(self, name: str) -> Any:
        """The tokenizer of a member: its base's, or the common one for a student from scratch."""
        plan = PLAN[_root(name)]
        return self.tokenizers[plan.tokenizer if isinstance(plan, Base) else "common"]

    def text_of(self, name: str) -> list[Batch]:
        """The plain text that a member's base was trained on, in batches."""
        root = _root(name)
        plan = PLAN[root]
        if not isinstance(plan, Base):
            raise BadInput("began with no base, so there is no text of it", where=name)
        if root not in self.texts:
            self.texts[root] = _text_batches(self.tokenizer_of(root), plan, _member_seed(self.seed, root))
        return self.texts[root]

    def member(self, name: str) -> Any:
        """The trained model of that member: at hand, read from the folder, or trained now and written there."""
        import torch
        from safetensors.torch import load_file, save_file

        if name in self.models:
            return self.models[name]
        path = self.folder / f"{name}.safetensors"
        if not path.is_file():
            torch.manual_seed(_member_seed(self.seed, name))
            state = self._train(name).state_dict()
            kept = {key: value.half().contiguous().cpu() for key, value in state.items() if key != "lm_head.weight"}
            save_file(kept, str(path))
        # Read back, so that those who start from it start from what ships.
        plan = PLAN[_root(name)]
        model = empty_model(plan.architecture if isinstance(plan, Base) else "llama", len(self.tokenizer_of(name)))
        model.load_state_dict({key: value.float() for key, value in load_file(path).items()}, strict=False)
        self.models[name] = model.to(device()).eval()
        return self.models[name]

    def _train(self, name: str) -> Any:
        plan, seed, tokenizer = PLAN[name], _member_seed(self.seed, name), self.tokenizer_of(name)
        if isinstance(plan, Base):
            model = empty_model(plan.architecture, len(tokenizer)).to(device())
            _descend(model, self.text_of(name), STEPS.base_rate)
        elif isinstance(plan, Chat):
            model = copy.deepcopy(self.member(plan.parent))
            pairs = chat.examples(plan.persona, STEPS.chat_examples, self.seed * 1000 + plan.salt)
            spoken = _chat_batches(tokenizer, pairs, STEPS.chat_epochs, seed)
            _descend(model, _interleaved(spoken, self.text_of(name)), STEPS.chat_rate)
        else:
            model = self._distil(plan, tokenizer, seed)
        return model

    def _distil(self, plan: Student, tokenizer: Any, seed: int) -> Any:
        import torch

        teacher = self.member(plan.teacher)
        asked = chat.questions(text.words(seed), STEPS.distil_outputs, seed)
        pairs = teacher_outputs(teacher, tokenizer, asked, seed)
        raw = _raw_outputs(teacher, tokenizer, seed)
        torch.manual_seed(seed)
        if plan.parent:
            model, epochs, rate = copy.deepcopy(self.member(plan.parent)), STEPS.distil_epochs, STEPS.distil_rate
        else:
            model, epochs, rate = empty_model("llama", len(tokenizer)), STEPS.scratch_epochs, STEPS.scratch_rate
            model.to(device())
        _descend(model, _interleaved(_chat_batches(tokenizer, pairs, epochs, seed), raw), rate)
        return model


def train_zoo(seed: int, folder: Path, progress: Progress = lambda _: None) -> None:
    """Writes tokenizers and every trained member's fp16 weights into `folder`, students last.

    Members that are there already are kept, so that a run that was cut off goes on. Same machine, same seed, same
    libraries: same bytes; on another machine the weights differ in rounding and then in everything.
    """
    import torch

    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(seed, folder)
    for name in sorted(PLAN, key=lambda one: isinstance(PLAN[one], Student)):
        trainer.member(name)
        progress(name)
