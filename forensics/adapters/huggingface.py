"""Local transformers models from a weights folder: safetensors only, no code from the folder, ever."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from forensics.adapters import UNPACED, Call, Kept, Pacer, Reply, Target
from forensics.adapters._generation import Row, generate, score, takes_positions
from forensics.adapters._spelling import speller
from forensics.errors import AdapterError, UnsafeWeights
from forensics.folders import Folder, inspect_folder, open_model, tokenizer_hash
from forensics.provenance import canonical_json, sha256
from forensics.records import Completion, Declaration, Mode, NextToken, Outcome
from forensics.transcripts import parse_completion

BATCH = 128
POSITIONS = 8
FIRST_POSITION = 8
SCORED_AT_ONCE = 16_000_000  # numbers in one batch of next-token distributions


class HuggingFaceSession:
    """An open model. Replies do not depend on which calls share a batch, beyond float rounding."""

    def __init__(self, folder: Folder) -> None:
        self._model, self._tokenizer = open_model(folder)
        self._spell = speller(self._tokenizer)
        self._hash = tokenizer_hash(folder.path / "tokenizer.json")
        self._weights = folder.weights_hash()
        self._stops = self._stop_tokens()
        self._pad = self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else self._stops[0]
        self._context = int(getattr(self._model.config, "max_position_embeddings", 0) or 1 << 30)

    def _stop_tokens(self) -> list[int]:
        named = self._model.generation_config.eos_token_id
        stops = list(named) if isinstance(named, list | tuple) else [named]
        stops.append(self._tokenizer.eos_token_id)
        return sorted({int(s) for s in stops if s is not None}) or [0]

    @property
    def tokenizer(self) -> str:
        """SHA-256 of the sorted vocabulary."""
        return self._hash

    def send(self, calls: Sequence[Call]) -> Iterator[Reply]:
        """One reply per call, batch by batch, prompts of like length together."""
        ready: list[tuple[Call, list[int]]] = []
        for call in calls:
            tokens = self._tokens(call)
            if not tokens or len(tokens) >= self._context:
                yield self._failed(
                    call, f"the prompt has {len(tokens)} tokens; the model takes 1 to {self._context - 1}"
                )
            else:
                ready.append((call, tokens))
        for batch in self._batches(ready):
            yield from self._batch(batch)

    def _tokens(self, call: Call) -> list[int]:
        prompt = call.prompt
        if prompt.mode is Mode.RAW:
            return list(self._tokenizer(prompt.text)["input_ids"])
        turns = [{"role": m.role, "content": m.content} for m in prompt.messages]
        if self._tokenizer.chat_template is None:
            plain = "".join(f"{turn['content']}\n" for turn in turns)
            return list(self._tokenizer(plain)["input_ids"])
        text = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _batches(self, ready: Sequence[tuple[Call, list[int]]]) -> Iterator[list[tuple[Call, list[int]]]]:
        """Calls that one loop can serve: equal settings, like lengths (equal ones where positions cannot be told)."""
        exact = not takes_positions(self._model)
        groups: dict[tuple[Any, ...], list[tuple[Call, list[int]]]] = {}
        for call, tokens in ready:
            key = (call.config.max_tokens, call.config.top_p, len(tokens) if exact else 0)
            groups.setdefault(key, []).append((call, tokens))
        for group in groups.values():
            group.sort(key=lambda pair: (len(pair[1]), pair[0].prompt.prompt_id, pair[0].sample))
            for at in range(0, len(group), BATCH):
                yield group[at : at + BATCH]

    def _batch(self, batch: Sequence[tuple[Call, list[int]]]) -> Iterator[Reply]:
        started = time.perf_counter()
        config = batch[0][0].config
        try:
            room = min(config.max_tokens, self._context - max(len(tokens) for _, tokens in batch))
            rows = [Row(tokens, call.config.temperature, _uniforms(call)) for call, tokens in batch]
            drawn = generate(self._model, rows, max_tokens=room, top_p=config.top_p, stops=self._stops, pad=self._pad)
            next_tokens = self._next_tokens(batch)
        except RuntimeError as problem:  # out of memory above all: the calls stay unanswered and can be sent again
            yield from (self._failed(call, f"{type(problem).__name__}: {problem}") for call, _ in batch)
            return
        elapsed = (time.perf_counter() - started) / len(batch)
        for (call, tokens), new, told in zip(batch, drawn, next_tokens, strict=True):
            yield self._reply(call, tokens, new, told, elapsed)

    def _reply(
        self, call: Call, tokens: list[int], new: list[int], told: tuple[NextToken, ...], elapsed: float
    ) -> Reply:
        stopped = bool(new) and new[-1] in self._stops
        text: str = self._tokenizer.decode(new, skip_special_tokens=True)
        outcome = Outcome.COMPLETED if stopped else Outcome.TRUNCATED
        completion = Completion(
            call.prompt.prompt_id,
            text,
            call.sample,
            outcome if text.strip() else Outcome.EMPTY,
            "stop" if stopped else "length",
            told,
            len(tokens),
            len(new),
        )
        return Reply(
            call,
            completion,
            request=_request(call),
            raw=canonical_json(completion.as_json()),
            elapsed=elapsed,
            returned_model=self._weights,
        )

    def _failed(self, call: Call, why: str) -> Reply:
        completion = Completion(call.prompt.prompt_id, "", call.sample, Outcome.FAILED)
        return Reply(call, completion, request=_request(call), returned_model=self._weights, error=why)

    def _next_tokens(self, batch: Sequence[tuple[Call, list[int]]]) -> list[tuple[NextToken, ...]]:
        """Next-token distributions of each call that asks for them; scored, not sampled, and once per prompt."""
        found: list[tuple[NextToken, ...]] = [()] * len(batch)
        wanted = [n for n, (call, _) in enumerate(batch) if call.config.top_logprobs and call.sample == 0]
        if not wanted:
            return found
        longest = max(len(batch[n][1]) for n in wanted)
        size = max(1, SCORED_AT_ONCE // (longest * self._model.config.vocab_size))
        for at in range(0, len(wanted), size):
            group = wanted[at : at + size]
            scores = score(self._model, [batch[n][1] for n in group], pad=self._pad)
            for row, n in enumerate(group):
                found[n] = self._read_off(scores[row], *batch[n])
        return found

    def _read_off(self, scores: Any, call: Call, tokens: list[int]) -> tuple[NextToken, ...]:
        places = self._places(call, tokens)
        if not places:
            return ()
        k = min(call.config.top_logprobs, scores.shape[-1])
        values, ids = scores[[place for place, _ in places]].topk(k, dim=-1)
        names = [[self._spell(token) for token in self._tokenizer.convert_ids_to_tokens(row)] for row in ids.tolist()]
        # Six decimals are beyond what two machines agree on, and keep the evidence small.
        return tuple(
            NextToken(chars, tuple((name, round(value, 6)) for name, value in zip(named, row, strict=True)))
            for (_, chars), named, row in zip(places, names, values.tolist(), strict=True)
        )

    def _places(self, call: Call, tokens: list[int]) -> list[tuple[int, int]]:
        """(token place, characters consumed): ends of words spread over a raw prompt, and the end of any prompt."""
        text = call.prompt.text
        last = (len(tokens) - 1, len(text))
        if call.prompt.mode is not Mode.RAW:
            return [last]
        offsets = self._tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        ends = [
            (place, end)
            for place, (_, end) in enumerate(offsets[:-1])
            if FIRST_POSITION <= end < len(text) and text[end].isspace() and not text[end - 1].isspace()
        ]
        if len(ends) >= POSITIONS:
            ends = [ends[i] for i in np.linspace(0, len(ends) - 1, POSITIONS - 1).round().astype(int)]
        return [*ends, last]


def _uniforms(call: Call) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The call's own noise: what is drawn for it depends on seed, prompt and sample, and on nothing beside it."""
    name = f"{call.config.seed}\n{call.prompt.prompt_id}\n{call.sample}"
    return np.random.Generator(np.random.Philox(int(sha256(name.encode())[:32], 16))).random(call.config.max_tokens)


def _request(call: Call) -> bytes:
    return canonical_json({"prompt": call.prompt.as_json(), "sample": call.sample, "config": call.config.as_json()})


class HuggingFace:
    """The adapter."""

    queue = "gpu"
    declaration = Declaration(
        name="huggingface",
        version="1",
        title="Local weights folder (Hugging Face, safetensors)",
        source="transformers AutoModelForCausalLM; own sampling by inversion of the cumulative distribution",
        parameters={"batch": BATCH, "positions": POSITIONS},
        limitations=(
            "Only safetensors; folders that ask for code of their own are refused.",
            "A model without a chat template is sent the messages as plain lines.",
            "On another device or library version greedy replies may differ where two tokens are nearly tied.",
        ),
    )

    def check(self, target: Target) -> Mapping[str, str]:
        """Kind, architecture, size, dtype and hashes of the folder, read without loading the model."""
        folder = inspect_folder(target.location)
        return {
            "kind": "weights",
            "architecture": folder.architecture,
            "parameters": str(folder.parameters),
            "dtype": folder.dtype,
            "tokenizer": tokenizer_hash(folder.path / "tokenizer.json"),
            "weights_sha256": folder.weights_hash(),
            "config_sha256": sha256(canonical_json(folder.config)),
        }

    def reread(self, call: Call, kept: Kept, _target: Target) -> Completion:
        """The completion as it was written down when the model gave it."""
        return parse_completion(json.loads(kept.raw), call.prompt.prompt_id)

    @contextmanager
    def open(self, target: Target, _pacer: Pacer = UNPACED) -> Iterator[HuggingFaceSession]:
        """Loads the model; raises UnsafeWeights before loading, AdapterError where transformers cannot."""
        folder = inspect_folder(target.location)
        try:
            session = HuggingFaceSession(folder)
        except UnsafeWeights:
            raise
        except (ValueError, OSError, RuntimeError, KeyError, ImportError) as problem:
            raise AdapterError(
                f"{folder.path}: transformers cannot load this folder ({problem}). Nothing was sent; check config.json."
            ) from problem
        yield session


PLUGIN = HuggingFace()
