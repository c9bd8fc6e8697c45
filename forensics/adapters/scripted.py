"""A rehearsed model: replies are read from a script file. For tests, rehearsals and fault drills.

The script is JSON: {"default": TEXT, "delay": SECONDS, "journal": FILE, "replies": {PROMPT_ID: TEXT or [STEP, ...]}}.
A step is {"text", "outcome", "status", "error", "retry_after", "delay"}; the last one repeats, and blank text is empty.
``{prompt}`` and ``{seed}`` in a text are filled in. Every send adds a line "prompt_id sample" to the journal, so that
sends can be counted, and a script goes on with its next step in another session.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forensics.adapters import UNPACED, Call, Kept, Pacer, Reply, Target
from forensics.errors import BadInput
from forensics.provenance import canonical_json
from forensics.records import Completion, Declaration, Outcome


class ScriptedSession:
    """An open script."""

    tokenizer = ""

    def __init__(self, script: Mapping[str, Any]) -> None:
        self._script = script
        journal = Path(script.get("journal", ""))
        self._asked = Counter(journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else ())

    def send(self, calls: Sequence[Call]) -> Iterator[Reply]:
        """One reply per call, in order."""
        for call in calls:
            self._journal(call)
            yield self._reply(call)

    def _journal(self, call: Call) -> None:
        if path := self._script.get("journal"):
            with Path(path).open("a", encoding="utf-8") as journal:
                journal.write(f"{call.prompt.prompt_id} {call.sample}\n")

    def _reply(self, call: Call) -> Reply:
        step = self._next_step(call)
        time.sleep(step.get("delay", self._script.get("delay", 0.0)))
        request = canonical_json({"prompt": call.prompt.as_json(), "config": call.config.as_json()})
        return Reply(
            call,
            _said(call, step),
            request,
            canonical_json(step),
            status=step.get("status"),
            error=step.get("error", ""),
            retry_after=step.get("retry_after"),
        )

    def _next_step(self, call: Call) -> Mapping[str, Any]:
        line = f"{call.prompt.prompt_id} {call.sample}"
        steps = self._script.get("replies", {}).get(call.prompt.prompt_id, self._script.get("default", "{prompt}"))
        steps = [{"text": steps}] if isinstance(steps, str) else steps
        step: Mapping[str, Any] = steps[min(self._asked[line], len(steps) - 1)]
        self._asked[line] += 1
        return step


def _said(call: Call, step: Mapping[str, Any]) -> Completion:
    """What a step of the script says to a call."""
    text = step.get("text", "").replace("{prompt}", call.prompt.text).replace("{seed}", str(call.config.seed))
    told = step.get("outcome") or (Outcome.COMPLETED if text.strip() else Outcome.EMPTY)
    return Completion(call.prompt.prompt_id, text, call.sample, Outcome(told), "stop")


class Scripted:
    """The plug-in. `Target.location` is the script file."""

    queue = "cpu"
    declaration = Declaration(
        name="scripted",
        version="1",
        title="Rehearsed replies from a script file",
        source="This project",
        limitations=("not a language model: for tests and rehearsals alone",),
    )

    def check(self, target: Target) -> Mapping[str, str]:
        """Kind of target; raises BadInput naming the file."""
        _read(target)
        return {"kind": "script"}

    def reread(self, call: Call, kept: Kept, _target: Target) -> Completion:
        """What the kept step says."""
        return _said(call, json.loads(kept.raw))

    @contextmanager
    def open(self, target: Target, _pacer: Pacer = UNPACED) -> Iterator[ScriptedSession]:
        """The script, read anew."""
        yield ScriptedSession(_read(target))


def _read(target: Target) -> Mapping[str, Any]:
    try:
        script = json.loads(Path(target.location).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BadInput(f"not a script: {problem}", where=target.location) from problem
    if not isinstance(script, dict):
        raise BadInput("a script is a JSON object", where=target.location)
    return script


PLUGIN = Scripted()
