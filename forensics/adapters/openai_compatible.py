"""Models behind an OpenAI-compatible HTTP API: chat completions, and plain completions for raw text.

What servers do in their own way (names of fields, limits, defaults that narrow the choice of tokens) is a preset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from forensics.adapters import Call, Target
from forensics.adapters._endpoint import AT_ONCE, Endpoint, NotOffered
from forensics.adapters._openai_replies import assembled, completed
from forensics.adapters._presets import PRESETS, Preset, preset_of
from forensics.adapters._replies import Reading
from forensics.records import Declaration, GenerationConfig, Mode


class OpenAICompatible(Endpoint):
    """The plug-in. `Target.location` is the base URL, such as ``https://host/v1``."""

    declaration = Declaration(
        name="openai-compatible",
        version="2",
        title="OpenAI-compatible API",
        source="OpenAI API reference: chat completions, completions, models",
        parameters={"concurrency": AT_ONCE},
        limitations=(
            "the server may apply a system prompt, filters or another model without saying so",
            "next-token distributions are those of the first generated token alone, cut at what the server returns",
        ),
    )
    protocol = "openai"
    offers = frozenset({"temperature", "seed", "n", "logprobs", "raw"})
    presets = PRESETS

    def headers(self, target: Target) -> Mapping[str, str]:
        """JSON both ways, and the secret as a bearer token."""
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        return headers | ({"Authorization": f"Bearer {target.secret}"} if target.secret else {})

    def offered(self, target: Target) -> frozenset[str]:
        """What the preset sends."""
        preset = preset_of(target.preset)
        sent = {"temperature": preset.sampling, "seed": preset.seed, "n": preset.several, "raw": preset.completions}
        sent["logprobs"] = preset.chat_logprobs != 0
        return frozenset(name for name, is_sent in sent.items() if is_sent)

    def request_of(self, call: Call, target: Target) -> tuple[str, dict[str, Any]]:
        """The path below the base URL and the JSON body for one call."""
        preset, raw = preset_of(target.preset), call.prompt.mode is Mode.RAW
        if raw and not preset.completions:
            raise NotOffered(f"{preset.title} continues no raw text")
        body: dict[str, Any] = {"model": target.model}
        if raw:
            body["prompt"] = call.prompt.text
        else:
            body["messages"] = [{"role": m.role, "content": m.content} for m in call.prompt.messages]
        body |= _drawing(call.config, preset, raw=raw) | {"stream": target.stream}
        if target.stream and preset.stream_usage:
            body["stream_options"] = {"include_usage": True}
        return "/completions" if raw else "/chat/completions", body | _logprobs(call, preset, raw=raw) | dict(
            preset.extra
        )

    def completed(self, call: Call, plain: Any) -> Reading:
        """What a reply says."""
        return completed(call, plain)

    def assembled(self, pieces: Iterable[Any]) -> dict[str, Any]:
        """The reply that the pieces of a stream make; raises ValueError where it is cut."""
        return assembled(pieces)


def _drawing(config: GenerationConfig, preset: Preset, *, raw: bool) -> dict[str, Any]:
    drawing: dict[str, Any] = {"max_tokens" if raw else preset.limit_name: config.max_tokens}
    if preset.sampling:
        drawing |= {"temperature": config.temperature, "top_p": config.top_p}
    if preset.seed:
        drawing[preset.seed] = config.seed
    return drawing | ({"n": config.samples} if config.samples > 1 else {})


def _logprobs(call: Call, preset: Preset, *, raw: bool) -> dict[str, Any]:
    most, asked = preset.raw_logprobs if raw else preset.chat_logprobs, call.config.top_logprobs
    number = asked if most is None else min(asked, most)
    if not number:
        return {}
    return {"logprobs": number} if raw else {"logprobs": True, "top_logprobs": number}


PLUGIN = OpenAICompatible()
