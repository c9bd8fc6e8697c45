"""What keeping a reply costs: milliseconds a reply of every channel's fingerprint, on one generated corpus."""

from __future__ import annotations

from benchmarks._generated import generate
from benchmarks._table import lines, timed
from forensics import channels, registry
from forensics.channels import Channel, OnRequest

TITLE = "fingerprints: 16 models, 120 prompts, about 110 words a reply"


def run() -> list[str]:
    """The lines of the table. Channels that run on request only are left out; a feature that two share is made once."""
    corpus = generate(families=4, lone=8, prompts=120)
    replies = sum(len(responses.completions) for responses in corpus.sets)
    plugins: dict[str, Channel] = registry.load_all(channels.PACKAGE)
    makers = {plugin.feature: (name, plugin) for name, plugin in plugins.items() if not isinstance(plugin, OnRequest)}
    rows, total = [], 0.0
    for name, plugin in makers.values():
        spent = timed(lambda plugin=plugin: [plugin.fingerprint(responses) for responses in corpus.sets])  # type: ignore[misc]
        total += spent.seconds
        rows.append([name, f"{1000 * spent.seconds / replies:.3f}"])
    return lines(["", "ms a reply"], [*rows, ["all channels", f"{1000 * total / replies:.3f}"]])
