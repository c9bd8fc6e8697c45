"""The frozen records that every part of the engine passes on."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import ceil
from typing import Any

import rfc8785

from forensics.errors import BadInput


class Outcome(StrEnum):
    """What became of one probe call. Told by status and structure, never by searching the text."""

    COMPLETED = "completed"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    FILTERED = "filtered"
    REFUSED_BY_POLICY = "refused-by-policy"
    MALFORMED = "malformed"
    THROTTLED = "throttled"
    TIMED_OUT = "timed-out"
    FAILED = "failed"

    @property
    def has_text(self) -> bool:
        """Whether a completion with this outcome carries words of the model to compare."""
        return self in (Outcome.COMPLETED, Outcome.TRUNCATED)

    @property
    def is_failure(self) -> bool:
        """Whether the way to the model failed, so that nothing is known of what it would have said."""
        return self in (Outcome.MALFORMED, Outcome.THROTTLED, Outcome.TIMED_OUT, Outcome.FAILED)


class Relation(StrEnum):
    """What a pair is found to be."""

    SAME = "same"
    DERIVED = "derived"
    DISTILLED = "distilled"
    COMMON_SOURCE = "common-source"
    UNRELATED = "unrelated"
    NOT_DETERMINED = "not-determined"


class Mode(StrEnum):
    """How a prompt is put to a model."""

    CHAT = "chat"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat. `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One probe: what is asked. A raw prompt holds one user message whose content is continued as it stands."""

    prompt_id: str
    messages: tuple[Message, ...]
    mode: Mode = Mode.CHAT
    family: str = "open"
    category: str = ""
    answer: str | None = None
    cell: str = ""
    language: str = "en"

    @classmethod
    def chat(cls, prompt_id: str, text: str, **more: Any) -> Prompt:
        """A single-turn chat prompt."""
        return cls(prompt_id, (Message("user", text),), Mode.CHAT, **more)

    @classmethod
    def raw(cls, prompt_id: str, text: str, **more: Any) -> Prompt:
        """A text to be continued without any chat template."""
        return cls(prompt_id, (Message("user", text),), Mode.RAW, **more)

    @property
    def text(self) -> str:
        """The words of the last message."""
        return self.messages[-1].content

    def as_json(self) -> dict[str, Any]:
        """A plain mapping, defaults left out, for suites and hashes."""
        plain: dict[str, Any] = {
            "prompt_id": self.prompt_id,
            "mode": self.mode.value,
            "family": self.family,
            "messages": [{"role": m.role, "content": m.content} for m in self.messages],
        }
        optional = {"category": self.category, "answer": self.answer, "cell": self.cell}
        plain |= {key: value for key, value in optional.items() if value}
        if self.language != "en":
            plain["language"] = self.language
        return plain


@dataclass(frozen=True, slots=True)
class GenerationConfig:
    """How completions are drawn. `temperature` 0 is greedy; `top_logprobs` 0 asks for no distributions."""

    max_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    samples: int = 1
    seed: int = 0
    top_logprobs: int = 0

    def __post_init__(self) -> None:
        if self.max_tokens < 1 or self.samples < 1 or self.temperature < 0 or not 0 < self.top_p <= 1:
            raise BadInput(f"impossible generation settings: {self}")

    def as_json(self) -> dict[str, Any]:
        """A plain mapping for suites and hashes."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class NextToken:
    """The next-token distribution after the first `chars` characters of a prompt.

    `top` holds (token text, natural-log probability), most probable first, cut at the k that was asked for.
    """

    chars: int
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply to one prompt: `sample` counts repeats from 0. Thinking text is kept apart from `text`."""

    prompt_id: str
    text: str
    sample: int = 0
    outcome: Outcome = Outcome.COMPLETED
    finish_reason: str = ""
    next_tokens: tuple[NextToken, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def as_json(self) -> dict[str, Any]:
        """A plain mapping of what is compared (token counts included), defaults left out."""
        plain: dict[str, Any] = {"prompt_id": self.prompt_id, "sample": self.sample, "response": self.text}
        if self.outcome is not Outcome.COMPLETED:
            plain["outcome"] = self.outcome.value
        if self.finish_reason:
            plain["finish"] = self.finish_reason
        if self.next_tokens:
            plain["next_tokens"] = [{"chars": n.chars, "top": [list(t) for t in n.top]} for n in self.next_tokens]
        for name in ("prompt_tokens", "completion_tokens"):
            if getattr(self, name) is not None:
                plain[name] = getattr(self, name)
        return plain


@dataclass(frozen=True)
class ResponseSet:
    """All completions of one model, in (prompt_id, sample) order. `tokenizer` is a hash of its vocabulary, or ''."""

    model: str
    completions: tuple[Completion, ...]
    tokenizer: str = ""

    @classmethod
    def of(cls, model: str, completions: Iterable[Completion], tokenizer: str = "") -> ResponseSet:
        """A response set in canonical order; raises BadInput on a repeated (prompt_id, sample)."""
        ordered = tuple(sorted(completions, key=lambda c: (c.prompt_id, c.sample)))
        for before, after in itertools.pairwise(ordered):
            if (before.prompt_id, before.sample) == (after.prompt_id, after.sample):
                raise BadInput(f"prompt {after.prompt_id!r} sample {after.sample} appears twice", where=model)
        return cls(model, ordered, tokenizer)

    @cached_property
    def by_prompt(self) -> Mapping[str, tuple[Completion, ...]]:
        """Prompt id to the completions that carry text, in sample order."""
        groups: dict[str, list[Completion]] = {}
        for completion in self.completions:
            if completion.outcome.has_text:
                groups.setdefault(completion.prompt_id, []).append(completion)
        return {prompt_id: tuple(group) for prompt_id, group in groups.items()}

    def on(self, prompt_ids: Collection[str]) -> ResponseSet:
        """The same model's completions of those prompts alone."""
        return ResponseSet(self.model, tuple(c for c in self.completions if c.prompt_id in prompt_ids), self.tokenizer)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over the completions and the tokenizer, without the model's name."""
        return content_hash(self.tokenizer, self.completions)


def content_hash(tokenizer: str, completions: Iterable[Completion]) -> str:
    """SHA-256 over a tokenizer's hash and completions in (prompt_id, sample) order, each read once and let go."""
    digest = hashlib.sha256(tokenizer.encode())
    for completion in completions:
        digest.update(_canonical(completion))
        digest.update(b"\n")
    return digest.hexdigest()


def _canonical(completion: Completion) -> bytes:
    """RFC 8785 bytes. Without fractions plain JSON has the same, at a tenth of the cost."""
    plain = completion.as_json()
    if completion.next_tokens:
        return rfc8785.dumps(plain)
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


SHARED_LOG10_P = -12.0
"""At or below this, weights are said to be shared: among all pairs of a thousand models, one false claim in two million
such comparisons."""
DOUBTFUL_LOG10_P = -3.0


@dataclass(frozen=True, slots=True)
class LayerEvidence:
    """What one layer of two weights files says of a pair.

    statistic: mean signed similarity of matched units in [-1, 1], about 0 where trained apart; None where nothing was
    matched. log10_p: log10 of the exact p-value of signs and order together, at most 0. agreeing of signs: matched
    units with the same sign. in_place of matched: units in the same place; both 0 where the number of units differs.
    cka: mean unbiased CKA of the query and of the key weights, None where not estimable.
    """

    layer: str
    statistic: float | None
    log10_p: float
    signs: int
    agreeing: int
    matched: int
    in_place: int
    cka: float | None


@dataclass(frozen=True, slots=True)
class WeightEvidence:
    """What the weights of two models say, with no direction: a p-value against "made apart", and no likelihood ratio.

    log10_p, statistic, cka: as of a layer, over all; None where not estimable, and `reason` then says why. spectra:
    minus the root mean square difference of log10 singular values of query and key weights. identical: whether the two
    files hold the same numbers, so that nothing had to be tested. tokens: how many the two were read on.
    """

    log10_p: float | None
    statistic: float | None
    cka: float | None
    spectra: float | None
    layers: tuple[LayerEvidence, ...] = ()
    reason: str = ""
    identical: bool = False
    tokens: int = 0

    @property
    def shared(self) -> bool:
        """Whether the weights of the two are said to be shared."""
        return self.identical or (self.log10_p is not None and self.log10_p <= SHARED_LOG10_P)

    @property
    def verdict(self) -> str:
        """What may be said: no more than that weights are shared, never who had them first."""
        if self.shared:
            return "shares weights"
        if self.log10_p is None:
            return "not estimable"
        return "not determined" if self.log10_p <= DOUBTFUL_LOG10_P else "no sign of shared weights"

    @property
    def words(self) -> str:
        """The verdict with its reason, in one sentence."""
        if self.identical:
            return "shares weights: the two files hold the same numbers"
        if self.log10_p is None:
            return f"not estimable: {self.reason}"
        agreeing, signs = sum(one.agreeing for one in self.layers), sum(one.signs for one in self.layers)
        placed, matched = sum(one.in_place for one in self.layers), sum(one.matched for one in self.layers)
        told = f"{agreeing} of {signs} matched units have the same sign, {placed} of {matched} the same place"
        p = f"{10**self.log10_p:.2g}" if self.log10_p > DOUBTFUL_LOG10_P else f"10^{ceil(self.log10_p)} at most"
        return f"{self.verdict}: {told}; of two trained apart so much would agree with probability {p}"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a plug-in says of itself. Forms, pages, reports and docs read this and nothing else.

    weightless: what it finds is shown and weighs nothing: no likelihood ratio can be made of it.
    """

    name: str
    version: str
    title: str
    source: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    limitations: tuple[str, ...] = ()
    weightless: bool = False
