"""``python manage.py custody verify|head``: whether the chain of custody holds, and the head to publish."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from forensics.errors import IntegrityError
from webapp.custody import queries


class Command(BaseCommand):
    help = "Recompute every link of the custody log, or print its head, which belongs outside this server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, and a head that was published earlier."""
        parser.add_argument("action", choices=["verify", "head"])
        parser.add_argument("--head", default="", help="verify: a head published earlier; shows whether the end is cut")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, action: str, **options: Any) -> None:
        """Do what was asked. verify ends with 0, or with 5 where the chain does not hold, and names every fault."""
        self.as_json = options["json"]
        if action == "head":
            newest = queries.head()
            sequence, head = (newest.sequence, newest.entry_hash) if newest else (0, "")
            self._say({"entries": sequence, "head": head}, [f"{sequence} {head}" if head else "No entry yet."])
        else:
            self._verify(options["head"].strip().lower())

    def _verify(self, published: str) -> None:
        found = queries.verify(published)
        faults = [{"fault": p.fault.value, "sequence": p.sequence, "told": p.told} for p in found.faults]
        plain = {"intact": found.intact, "entries": found.entries, "head": found.head, "problems": faults}
        lines = [f"{p.fault}: {p.told}" for p in found.faults]
        lines.append(f"{found.entries} entries, head {found.head or 'none'}.")
        if not published:
            lines.append("Whether the end was cut is not shown without --head, a head published earlier.")
        self._say(plain, lines)
        if not found.intact:
            told = f"{len(faults)} faults: the chain does not hold. Keep this database as it is, and compare a backup"
            raise CommandError(told, returncode=IntegrityError.exit_code)

    def _say(self, plain: dict[str, Any], lines: list[str]) -> None:
        self.stdout.write(json.dumps(plain) if self.as_json else "\n".join(lines))
