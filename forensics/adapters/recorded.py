"""Transcripts recorded elsewhere: a file of rows {prompt_id, sample, response, ...} answers in the model's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from forensics.adapters import UNPACED, Call, Pacer, Reply, Target
from forensics.errors import BadInput
from forensics.provenance import canonical_json, sha256_file
from forensics.records import Completion, Declaration, Outcome, ResponseSet
from forensics.transcripts import SUFFIXES, read_responses


class RecordedSession:
    """An open transcript file."""

    def __init__(self, responses: ResponseSet) -> None:
        self._kept = {(c.prompt_id, c.sample): c for c in responses.completions}
        self.tokenizer = responses.tokenizer

    def send(self, calls: Sequence[Call]) -> Iterator[Reply]:
        """The recorded reply to each call; one that was never recorded has failed."""
        for call in calls:
            kept = self._kept.get((call.prompt.prompt_id, call.sample))
            if kept is None:
                missing = Completion(call.prompt.prompt_id, "", call.sample, Outcome.FAILED)
                # Gone, in HTTP's words: asking again would not help, and the other prompts may well be there.
                yield Reply(call, missing, error="this prompt and sample were not recorded", status=410)
            else:
                yield Reply(call, kept, raw=canonical_json(kept.as_json()))


class Recorded:
    """The plug-in. `Target.location` is a .jsonl or .jsonl.gz file."""

    queue = "cpu"
    declaration = Declaration(
        name="recorded",
        version="1",
        title="Recorded transcripts",
        source="This project: docs/terminology.md, the corpus format",
        limitations=(
            "how the completions were drawn is known only from whoever recorded them",
            "the text was not received by this software: its raw bytes were never seen",
        ),
    )

    def check(self, target: Target) -> Mapping[str, str]:
        """Number of completions, prompts and the file's SHA-256; raises CorpusError naming file and row."""
        responses = _read(target)
        return {
            "kind": "transcripts",
            "completions": str(len(responses.completions)),
            "prompts": str(len({c.prompt_id for c in responses.completions})),
            "sha256": sha256_file(Path(target.location)),
            "tokenizer": responses.tokenizer,
        }

    @contextmanager
    def open(self, target: Target, _pacer: Pacer = UNPACED) -> Iterator[RecordedSession]:
        """The whole file, read and checked."""
        yield RecordedSession(_read(target))


def _read(target: Target) -> ResponseSet:
    path = Path(target.location)
    if not path.is_file():
        raise BadInput("is not a file of transcripts", where=target.location)
    if not path.name.endswith(SUFFIXES):
        raise BadInput(
            "is not .jsonl or .jsonl.gz; python manage.py import_corpus reads other formats", where=path.name
        )
    return read_responses(path, known=None, model=target.model)


PLUGIN = Recorded()
