"""Reads a bundle that verifies: its JSON files, and its collections as response sets made again from the raw bytes."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics import adapters, registry
from forensics.adapters import Call, Kept, Rereads, Target
from forensics.collection import call_of
from forensics.errors import BadInput, IntegrityError
from forensics.probes import Suite, parse_suite
from forensics.records import Completion, Outcome, ResponseSet
from forensics.reports.bundle import SUITE, verify
from forensics.storable import storable
from forensics.transcripts import parse_completion

FEW = 20


@dataclass
class Contents:
    """An open bundle. `doctored` gathers what the raw bytes of a reply do not say, though the bundle does."""

    archive: zipfile.ZipFile
    names: frozenset[str]
    doctored: list[str] = field(default_factory=list)
    reread: int = 0
    recorded: int = 0

    def json(self, path: str) -> Any:
        """A JSON file; raises IntegrityError where there is none."""
        return json.loads(self.bytes(path))

    def bytes(self, path: str) -> bytes:
        """The bytes of a file; raises IntegrityError where there is none."""
        if path not in self.names:
            raise IntegrityError(f"the bundle holds no {path}")
        return self.archive.read(path)

    @property
    def index(self) -> list[dict[str, Any]]:
        """What is said of every collection."""
        found: list[dict[str, Any]] = self.json(verify.INDEX)["collections"]
        return found

    def suite(self, opened: Path | None = None) -> Suite:
        """The probes, or those of a file where they are sealed.

        Raises BadInput where they stay sealed, IntegrityError for a file of other probes.
        """
        if SUITE in self.names:
            return parse_suite(self.json(SUITE), where=SUITE)
        if opened is None:
            raise BadInput("the probes of this bundle are sealed: give their file, as --probes FILE, to recompute")
        suite = parse_suite(json.loads(opened.read_text(encoding="utf-8")), where=opened.name)
        if suite.suite_hash != self.json("probes/sealed.json")["sha256"]:
            raise IntegrityError(f"{opened.name} does not hold the probes that were sealed: their hash is another one")
        return suite

    def response_set(self, told: Mapping[str, Any], suite: Suite) -> ResponseSet:
        """A collection's response set, every completion read again from its raw reply where there is one."""
        probes = {probe.prompt.prompt_id: probe for probe in suite.probes}
        found = [completion for completion in self._completions(told, probes) if completion is not None]
        made = ResponseSet.of(told["model"], found, told["tokenizer_hash"])
        if made.content_hash != told["content_hash"]:
            self._odd(f"{told['file']}: the responses have another content hash than the comparison was made on")
        return made

    def _completions(self, told: Mapping[str, Any], probes: Mapping[str, Any]) -> Iterator[Completion | None]:
        plugin = None if told["recorded"] else registry.load(adapters.PACKAGE, told["adapter"])
        target = Target("", told["remote_name"], preset=told["preset"], stream=told["stream"])
        with self.archive.open(told["file"]) as lines:
            for number, line in enumerate(lines, start=1):
                row, where = json.loads(line), f"{told['file']}, line {number}"
                if row["completion"] is None or not _chosen(row["attempt"], told["identity"]):
                    continue
                stored = parse_completion(row["completion"], where)
                if row["attempt"] is None:
                    self.recorded += 1
                    yield stored
                    continue
                call = call_of(probes[stored.prompt_id], stored.sample)
                yield self._again(stored, row, call, plugin, target, where)

    def _again(
        self, stored: Completion, row: Mapping[str, Any], call: Call, plugin: Any, target: Target, where: str
    ) -> Completion:
        """What the raw bytes say; a failure, of which nothing is read, stays what it is."""
        raw = base64.b64decode(row["raw"] or "")
        if not raw and stored.outcome.is_failure:
            return stored
        if not isinstance(plugin, Rereads):
            raise BadInput("this version's adapter cannot read its replies again", where=where)
        attempt = row["attempt"]
        try:
            said = storable(plugin.reread(call, Kept(raw, attempt["status"], attempt["headers"]), target))
        except (ValueError, KeyError, TypeError, BadInput) as problem:
            said = Completion(call.prompt.prompt_id, "", call.sample, Outcome.MALFORMED)
            self._odd(f"{where}: its raw reply cannot be read: {problem}")
        self.reread += 1
        if stored.outcome.is_failure and not said.outcome.has_text:
            return stored  # cut off on its way: what broke it is told by the attempt, not by its bytes
        if said != stored:
            self._odd(f"{where}: the raw reply to {stored.prompt_id!r} does not say what stands as its completion")
        return said

    def _odd(self, told: str) -> None:
        if len(self.doctored) < FEW:
            self.doctored.append(told)


def _chosen(attempt: Mapping[str, Any] | None, identity: list[str] | None) -> bool:
    """Whether a reply belongs to the identity that is compared, where one was chosen."""
    if identity is None or attempt is None:
        return True
    return [attempt["returned_model"], attempt["system_fingerprint"]] == identity


@contextmanager
def opened(path: Path, *, key: str = "", head: str = "") -> Iterator[Contents]:
    """A bundle that verifies; raises IntegrityError naming the first faults of one that does not."""
    told = verify.verify(str(path), key, head)
    if told["faults"]:
        raise IntegrityError("the bundle does not verify: " + "; ".join(told["faults"][:3]))
    with zipfile.ZipFile(path) as archive:
        yield Contents(archive, frozenset(archive.namelist()))
