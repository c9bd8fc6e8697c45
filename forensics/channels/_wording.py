"""What channels share that compare the words of completions."""

from __future__ import annotations

from forensics.channels import Fingerprint
from forensics.features.tokens import FEATURE, token_table
from forensics.records import ResponseSet


class OfTokens:
    """A channel whose fingerprint is the token table: those that build on it share one stored fingerprint."""

    feature = FEATURE

    def fingerprint(self, responses: ResponseSet) -> Fingerprint:
        """The token table of the responses."""
        return token_table(responses)
