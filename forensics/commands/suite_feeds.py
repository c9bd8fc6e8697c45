"""Which channels a suite feeds: how many of its prompts each can use, beside what it needs at least."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forensics import channels, registry
from forensics.features.blocks import open_prompts
from forensics.probes import Probe, Suite
from forensics.records import Mode

Use = Callable[[Probe, frozenset[str]], bool]


def _open(probe: Probe, told: frozenset[str]) -> bool:
    return probe.prompt.prompt_id in told


def _single(probe: Probe, told: frozenset[str]) -> bool:
    return _open(probe, told) and probe.config.samples == 1


def _answered(probe: Probe, told: frozenset[str]) -> bool:
    return _open(probe, told) and probe.prompt.answer is not None


def _repeated(probe: Probe, told: frozenset[str]) -> bool:
    return _open(probe, told) and probe.config.samples > 1


def _one_word(probe: Probe, told: frozenset[str]) -> bool:
    return probe.prompt.family == "one-word" and probe.config.samples > 1


def _identity(probe: Probe, told: frozenset[str]) -> bool:
    return probe.prompt.family == "self-identification"


def _raw(probe: Probe, told: frozenset[str]) -> bool:
    return probe.prompt.mode is Mode.RAW and probe.config.top_logprobs > 0


USED: Mapping[str, Use] = {
    "distribution": _repeated,
    "errors": _answered,
    "identity": _identity,
    "logprobs": _raw,
    "one-word": _one_word,
}
"""What a channel can use; every other channel uses the open prompts that are put once."""


def feeds(suite: Suite) -> list[dict[str, Any]]:
    """One row a channel: the prompts that it can use, the least that it needs, and whether that is enough."""
    told = open_prompts({probe.prompt.prompt_id: probe.prompt for probe in suite.probes})
    return [
        _row(name, sum(USED.get(name, _open)(probe, told) for probe in suite.probes), channel.least_prompts)
        for name, channel in registry.load_all(channels.PACKAGE).items()
    ]


def open_chat(suite: Suite) -> int:
    """How many chat prompts ask, once, for an answer in the model's own words: what calibrations count."""
    told = open_prompts({probe.prompt.prompt_id: probe.prompt for probe in suite.probes})
    return sum(_single(probe, told) for probe in suite.probes)


def _row(name: str, prompts: int, least: int) -> dict[str, Any]:
    return {"channel": name, "prompts": prompts, "least": least, "enough": prompts >= least}
