"""Takes a secret out of what a server sends back: a server that echoes the key must not put it among the evidence."""

from __future__ import annotations

import dataclasses
import json
from urllib.parse import quote

from forensics.outbound import Answer

SHORTEST = 8
"""Nothing shorter is a secret: local servers ask for words such as "none", which stand in replies for other reasons."""
MARK = b"[secret]"


class Scrubber:
    """Knows the forms that one secret takes in a reply."""

    def __init__(self, secret: str) -> None:
        spelled = [json.dumps(secret, ensure_ascii=escaped)[1:-1] for escaped in (True, False)]
        spelled += [form.replace("/", "\\/") for form in spelled]  # as some writers of JSON do
        forms = {secret, *spelled, quote(secret, safe="")} if len(secret) >= SHORTEST else set()
        self._forms = sorted((form.encode() for form in forms), key=len, reverse=True)

    def scrubbed(self, raw: bytes) -> bytes:
        """The bytes with a mark in the secret's place."""
        for form in self._forms:
            raw = raw.replace(form, MARK)
        return raw

    def text(self, text: str) -> str:
        """The text with a mark in the secret's place."""
        return self.scrubbed(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")

    def answer(self, answer: Answer) -> Answer:
        """The answer without the secret; what was packed around it is kept unpacked."""
        if not self._forms:
            return answer
        body = self.scrubbed(answer.body)
        raw = body if body != answer.body else self.scrubbed(answer.raw)
        headers = {name: self.text(value) for name, value in answer.headers.items()}
        return dataclasses.replace(answer, raw=raw, body=body, headers=headers)
