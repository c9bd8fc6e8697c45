"""What servers of the OpenAI protocol do in their own way. One entry each; an adapter, a form and a page read it.

Written from what is publicly documented as of 2026; of these servers our tests met only llama.cpp's, so that a test of
the connection decides what holds of a given one. Where a server's defaults would narrow the choice of tokens, the
neutral values are sent, so that temperature and top_p alone decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forensics.errors import BadInput

GENERIC = "generic"


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of server. `seed` '' means that none is sent.

    chat_logprobs, raw_logprobs: the most that may be asked for (None: as many as asked, 0: none are offered).
    completions: whether /completions continues a text as it stands. sampling: whether temperature and top_p are taken.
    extra: sent with every request. notes: what an analyst has to know.
    """

    name: str
    title: str
    limit_name: str = "max_tokens"
    seed: str = "seed"
    chat_logprobs: int | None = 20
    raw_logprobs: int | None = None
    completions: bool = True
    sampling: bool = True
    several: bool = True
    stream_usage: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


_ALL = (
    Preset(GENERIC, "Any other server", chat_logprobs=None),
    Preset(
        "openai",
        "OpenAI",
        limit_name="max_completion_tokens",
        raw_logprobs=5,
        notes=("plain completions exist for few models", "the seed is best effort"),
    ),
    Preset(
        "openai-reasoning",
        "OpenAI, models that reason",
        limit_name="max_completion_tokens",
        seed="",
        chat_logprobs=0,
        raw_logprobs=0,
        completions=False,
        sampling=False,
        several=False,
        notes=("temperature, top_p and log-probabilities are turned away by these models",),
    ),
    Preset(
        "vllm",
        "vLLM",
        raw_logprobs=20,
        extra={"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0},
        notes=("without these the model's own generation_config.json decides", "log-probabilities: --max-logprobs"),
    ),
    Preset(
        "llamacpp",
        "llama.cpp server",
        extra={"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0, "cache_prompt": False},
        notes=("a prompt taken from the cache is computed in other batches, which can change a reply",),
    ),
    Preset(
        "ollama",
        "Ollama",
        completions=False,
        several=False,
        notes=(
            "/v1/completions puts the text through the chat template, so no raw text can be continued",
            "top_k and min_p come from the model's own file and cannot be set here",
        ),
    ),
    Preset(
        "openrouter",
        "OpenRouter",
        extra={"provider": {"allow_fallbacks": False}, "usage": {"include": True}},
        several=False,
        notes=(
            "several hosts serve one model, each with rounding and limits of its own: each reply's provider is kept",
            "parameters that the host does not know are dropped without a word",
        ),
    ),
    Preset(
        "deepseek",
        "DeepSeek",
        seed="",
        completions=False,
        several=False,
        notes=("models that reason ignore temperature and top_p, and turn log-probabilities away",),
    ),
    Preset(
        "mistral",
        "Mistral",
        seed="random_seed",
        chat_logprobs=0,
        completions=False,
        stream_usage=False,
        extra={"safe_prompt": False},
        notes=("unknown fields are turned away", "log-probabilities are not offered"),
    ),
    Preset(
        "xai",
        "xAI",
        limit_name="max_completion_tokens",
        chat_logprobs=8,
        completions=False,
        notes=("the limit counts reasoning as well", "the seed is best effort"),
    ),
    Preset(
        "gemini",
        "Gemini, OpenAI-compatible",
        seed="",
        chat_logprobs=0,
        completions=False,
        notes=("a seed is turned away as an unknown field: the gemini adapter can send one",),
    ),
)
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}


def preset_of(name: str) -> Preset:
    """The preset of that name; raises BadInput with the known ones."""
    if name not in PRESETS:
        raise BadInput(f"no preset {name!r}; known: {', '.join(PRESETS)}")
    return PRESETS[name]
