"""The passages that two models share word for word, listed with how many others say them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

from forensics.features.blocks import open_prompts
from forensics.features.text import visible_text
from forensics.features.tokens import MAX_CHARACTERS, TOKEN
from forensics.records import Prompt, ResponseSet

Spelled = list[tuple[str, int, int]]
Gram = tuple[str, ...]
LEAST_TOKENS = 8
CONSIDERED = 5
MOST_PROMPTS = 2


@dataclass(frozen=True)
class Passage:
    """A passage of `tokens` tokens that both models say on a prompt, as the first one spells it.

    models: how many of the `among` models that answered the prompt say it, the two included. weight: tokens times
    ln((among + 1) / models), which is what the list is ordered by.
    """

    prompt_id: str
    text: str
    tokens: int
    models: int
    among: int

    @property
    def weight(self) -> float:
        """Larger for longer and for rarer passages."""
        return self.tokens * log((self.among + 1) / self.models)


@dataclass(frozen=True)
class _Found:
    prompt_id: str
    text: str
    key: Gram


def shared_passages(
    pair: tuple[ResponseSet, ResponseSet],
    others: Iterable[ResponseSet],
    prompts: Mapping[str, Prompt],
    *,
    top: int = 20,
    least_tokens: int = LEAST_TOKENS,
) -> list[Passage]:
    """The `top` shared passages of a pair, heaviest first; ties by length and text.

    Left out: what stands in the prompt, and runs of `least_tokens` that the two share on three prompts or more. The
    longest 5 x `top` are considered. `others` may be a generator; one set is held at a time.
    """
    asked = [prompts[i] for i in sorted(open_prompts(prompts))]
    shared = {p.prompt_id: _shared_grams(pair, p, least_tokens) for p in asked}
    times = Counter(gram for grams in shared.values() for gram in grams)
    found = [
        passage
        for p in asked
        for passage in _on_prompt(pair[0], p.prompt_id, {g for g in shared[p.prompt_id] if times[g] <= MOST_PROMPTS})
    ]
    rare = sorted(found, key=lambda p: (-len(p.key), p.key, p.prompt_id))
    chosen = rare[: CONSIDERED * top]
    models, among = [2] * len(chosen), [2] * len(chosen)
    for other in others:
        for place, one in enumerate(chosen):
            said = _said(other, one.prompt_id)
            among[place] += bool(said)
            models[place] += any(_joined(one.key) in _joined(tuple(t for t, _, _ in told)) for told, _ in said)
    told = [Passage(p.prompt_id, p.text, len(p.key), n, k) for p, n, k in zip(chosen, models, among, strict=True)]
    return sorted(told, key=lambda p: (-p.weight, -p.tokens, p.text, p.prompt_id))[:top]


def _tokens(text: str) -> Spelled:
    """Lower-cased tokens with where they stand, of what `tokenise` would read."""
    return [(m[0].lower(), m.start(), m.end()) for m in TOKEN.finditer(text[:MAX_CHARACTERS])]


def _said(responses: ResponseSet, prompt_id: str) -> list[tuple[Spelled, str]]:
    texts = [visible_text(c.text) for c in responses.by_prompt.get(prompt_id, ())]
    return [(_tokens(text), text) for text in texts]


def _joined(tokens: Sequence[str]) -> str:
    return "\0" + "\0".join(tokens) + "\0"


def _grams(tokens: Spelled, length: int) -> list[Gram]:
    words = [token for token, _, _ in tokens]
    return [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]


def _shared_grams(pair: tuple[ResponseSet, ResponseSet], prompt: Prompt, length: int) -> set[Gram]:
    """The runs of `length` tokens that samples of both models hold and the prompt does not."""
    ours, theirs = ({g for told, _ in _said(s, prompt.prompt_id) for g in _grams(told, length)} for s in pair)
    return ours & theirs - set(_grams(_tokens(prompt.text), length))


def _on_prompt(responses: ResponseSet, prompt_id: str, shared: set[Gram]) -> list[_Found]:
    """The longest runs of a model's samples in which every gram is shared."""
    found: dict[Gram, _Found] = {}
    for told, text in _said(responses, prompt_id) if shared else ():
        length = len(next(iter(shared)))
        start = None
        for place, gram in enumerate([*_grams(told, length), ()]):
            if gram in shared:
                start = place if start is None else start
            elif start is not None:
                run = told[start : place + length - 1]
                key = tuple(token for token, _, _ in run)
                found.setdefault(key, _Found(prompt_id, text[run[0][1] : run[-1][2]], key))
                start = None
    return list(found.values())
