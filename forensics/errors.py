"""Everything that this package raises on purpose.

    ForensicsError
    +-- BadInput               a file, row or argument is unusable; names it
    |   +-- CorpusError        a recorded corpus cannot be read
    |   +-- SuiteError         a probe suite cannot be read
    |   +-- UnsafeWeights      a weights folder is refused (pickled, remote code, no tokenizer)
    +-- AdapterError           a model could not be reached or answered outside its protocol
    |   +-- OutboundRefused    the guarded client will not send to this address
    +-- IntegrityError         stored evidence does not match its hash
    +-- MisleadingEvidence     reported likelihood ratios mislead more often than Turing's rule allows

Every message says what happened, what is safe, and what to do.
"""

from __future__ import annotations


class ForensicsError(Exception):
    """Root of the tree. `exit_code` is what a command ends with."""

    exit_code = 1


class BadInput(ForensicsError):
    """An input is unusable. `where` names the file and row, as in ``responses/a.jsonl.gz, line 7``."""

    exit_code = 2

    def __init__(self, message: str, *, where: str = "") -> None:
        self.where = where
        super().__init__(f"{where}: {message}" if where else message)


class CorpusError(BadInput):
    """A recorded corpus cannot be read."""


class SuiteError(BadInput):
    """A probe suite cannot be read."""


class UnsafeWeights(BadInput):
    """A weights folder is refused before anything in it is executed."""


class AdapterError(ForensicsError):
    """A model could not be reached, or answered outside its protocol."""

    exit_code = 3


class OutboundRefused(AdapterError):
    """The guarded client will not send to this address."""


class IntegrityError(ForensicsError):
    """Stored evidence does not match its hash."""

    exit_code = 5


class MisleadingEvidence(ForensicsError):
    """Validation has found that reported likelihood ratios mislead more often than Turing's rule allows."""

    exit_code = 6
