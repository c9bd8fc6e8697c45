"""A writer of the ledger in a process of its own: ``python -m tests.faults.writer COLLECTION CALLS`` claims and records
so many calls, a few at a time, and ends with 0 if every one was accepted."""

from __future__ import annotations

import os
import sys
import uuid


def main(pk: str, calls: int, at_once: int = 5) -> int:
    """How many calls were not accepted."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    django.setup()
    from django.utils import timezone

    from forensics.adapters import Reply
    from forensics.records import Completion
    from tasks import ledger
    from webapp.probing.models import Collection

    collection, left, owner = Collection.objects.get(pk=pk), calls, f"writer/{os.getpid()}/{uuid.uuid4().hex[:8]}"
    while left and (claims := ledger.claim(collection, owner, min(at_once, left))):
        said = [Completion(c.call.prompt.prompt_id, f"{c.call.prompt.text} indeed", c.call.sample) for c in claims]
        pairs = zip(claims, said, strict=True)
        answers = [
            ledger.Answered(claim, Reply(claim.call, done, b"{}", done.text.encode()), timezone.now())
            for claim, done in pairs
        ]
        left -= ledger.record(collection, answers)
    return left


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
