"""``python manage.py ledger show|sweep|verify``: the state of probe calls and of the stored evidence."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from webapp.custody import queries as custody
from webapp.probing import leases, queries, verifying
from webapp.probing.models import Collection


class Command(BaseCommand):
    help = "Show open collections, give back expired leases, or verify what is stored against its hashes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["show", "sweep", "verify"])
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--head", default="", help="verify: a custody head published earlier")

    def handle(self, *, action: str, **options: Any) -> None:
        """Do what was asked; verify ends with exit code 5 when something does not match."""
        self.as_json = options["json"]
        {"show": self._show, "sweep": self._sweep, "verify": self._verify}[action](options)

    def _say(self, plain: dict[str, Any], lines: list[str]) -> None:
        self.stdout.write(json.dumps(plain) if self.as_json else "\n".join(lines))

    def _show(self, _: dict[str, Any]) -> None:
        found = Collection.objects.filter(recorded=False).select_related("model", "suite")
        rows = [_plain(collection, queries.tally(collection)) for collection in found]
        self._say({"collections": rows}, [_line(row) for row in rows] or ["No collections."])

    def _sweep(self, _: dict[str, Any]) -> None:
        swept = leases.sweep()
        self._say({"swept": swept}, [f"{swept} expired leases were given back."])

    def _verify(self, options: dict[str, Any]) -> None:
        chain = custody.verify(options["head"])
        problems = [*verifying.problems(), *chain.problems]
        lines = [*problems, f"Custody: {chain.entries} entries, head {chain.head or 'none'}."]
        self._say({"problems": problems, "entries": chain.entries, "head": chain.head}, lines)
        if problems:
            raise CommandError(f"{len(problems)} problems: stored evidence does not match its hashes", returncode=5)


def _plain(collection: Collection, tally: queries.Tally) -> dict[str, Any]:
    kinds = dict(queries.attempts(collection).order_by().values_list("kind").annotate(Count("pk")))
    return {
        "collection": str(collection.pk),
        "name": str(collection),
        "state": collection.state,
        "planned": tally.planned,
        "done": tally.done,
        "leased": tally.leased,
        "waiting": tally.waiting,
        "cancelled": tally.cancelled,
        "adds_up": tally.is_whole,
        "outcomes": dict(tally.outcomes),
        "attempts": kinds,
        "sends": collection.spent_calls,
        "held_until": collection.held_until.isoformat() if collection.held_until else None,
        "held_why": collection.held_why,
        "error": collection.error,
    }


def _line(row: dict[str, Any]) -> str:
    told = [f"{row['done']}/{row['planned']} done", f"{row['leased']} leased", f"{row['waiting']} waiting"]
    told += [f"{count} {kind}" for kind, count in sorted(row["attempts"].items()) if kind != "answered"]
    told += [] if row["adds_up"] else ["DOES NOT ADD UP"]
    return f"{row['state']:9} {', '.join(told)}  {row['name']}"
