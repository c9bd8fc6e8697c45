"""Which channels a suite feeds: how many of its prompts each can use, beside what it needs at least."""

from __future__ import annotations

from typing import Any

from forensics import channels, registry
from forensics.features.blocks import open_prompts
from forensics.probes import Probe, Suite
from forensics.records import Mode


def open_probes(suite: Suite) -> list[Probe]:
    """The probes whose replies are compared for their wording, as every channel of wording chooses them."""
    told = open_prompts({probe.prompt.prompt_id: probe.prompt for probe in suite.probes})
    return [probe for probe in suite.probes if probe.prompt.prompt_id in told]


def open_chat(suite: Suite) -> int:
    """How many of these are put once, and ask no question of right or wrong: what the pooled calibration has seen."""
    return sum(probe.config.samples == 1 and probe.prompt.answer is None for probe in open_probes(suite))


def feeds(suite: Suite) -> list[dict[str, Any]]:
    """One row a channel that reads replies: prompts that it can use, what it needs at least, whether that is enough."""
    wording, every = open_probes(suite), suite.probes
    used = {
        "distribution": sum(p.config.samples > 1 for p in wording),
        "errors": sum(p.prompt.answer is not None for p in wording),
        "identity": sum(p.prompt.family == "self-identification" for p in every),
        "logprobs": sum(p.prompt.mode is Mode.RAW and p.config.top_logprobs > 0 for p in every),
        "one-word": sum(p.prompt.family == "one-word" and p.config.samples > 1 for p in every),
        "tokens": sum(p.prompt.family == "tokenizer-bands" for p in every),
    }
    return [
        _row(name, used.get(name, len(wording)), channel.least_prompts)
        for name, channel in registry.load_all(channels.PACKAGE).items()
        if channel.least_prompts
    ]


def _row(name: str, prompts: int, least: int) -> dict[str, Any]:
    return {"channel": name, "prompts": prompts, "least": least, "enough": prompts >= least}
