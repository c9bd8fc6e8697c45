"""A rehearsed model: blank, repeating, failing and slow, as the script says."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from forensics import registry
from forensics.adapters import PACKAGE, Call, Reply, Target
from forensics.errors import BadInput
from forensics.records import GenerationConfig, Outcome, Prompt

ADAPTER: Any = registry.load(PACKAGE, "scripted")


def replies(folder: Path, script: dict[str, Any], *prompts: str) -> list[Reply]:
    """What the script says to these prompts, one after the other."""
    (folder / "script.json").write_text(json.dumps(script), encoding="utf-8")
    calls = [Call(Prompt.chat(p, f"Question {p}?"), 0, GenerationConfig(seed=3)) for p in prompts]
    with ADAPTER.open(Target(str(folder / "script.json"))) as session:
        return list(session.send(calls))


def test_a_script_is_blank_repeats_fails_and_recovers(tmp_path: Path) -> None:
    failing = {"outcome": "failed", "status": 500, "error": "broken"}
    throttled = {"outcome": "throttled", "status": 429, "retry_after": 2}
    script = {"default": "{prompt} {seed}", "replies": {"blank": " ", "bad": [failing, throttled, {"text": "Well."}]}}
    said = replies(tmp_path, script, "a", "blank", "bad", "bad", "bad", "bad")
    assert [reply.completion.outcome for reply in said] == [
        Outcome.COMPLETED,
        Outcome.EMPTY,
        Outcome.FAILED,
        Outcome.THROTTLED,
        Outcome.COMPLETED,
        Outcome.COMPLETED,
    ]
    assert said[0].completion.text == "Question a? 3"
    assert (said[2].status, said[2].error, said[3].retry_after) == (500, "broken", 2)


def test_a_step_can_be_slow_where_the_script_is_not(tmp_path: Path) -> None:
    began = time.monotonic()
    replies(tmp_path, {"replies": {"slow": [{"text": "At last.", "delay": 0.3}]}}, "a", "b", "slow")
    assert 0.3 <= time.monotonic() - began < 2


def test_what_is_no_script_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1]", encoding="utf-8")
    for name in ("x.json", "absent.json"):
        with pytest.raises(BadInput, match=name):
            ADAPTER.check(Target(str(tmp_path / name)))
