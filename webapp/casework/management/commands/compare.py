"""``python manage.py compare --suite S --models A B ...``: start a comparison, as the page does."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from forensics.errors import ForensicsError
from webapp.casework import services
from webapp.casework.models import Comparison
from webapp.catalogue.models import Model
from webapp.probing.management.commands.collect import named_suite

POLL_SECONDS = 0.5
OPEN = (Comparison.State.QUEUED, Comparison.State.RUNNING)


class Command(BaseCommand):
    help = "Compare models on a suite that they have answered. With --wait, exit code 1 says that it failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--suite", required=True, help="a suite's name, or its name and version, or its hash")
        parser.add_argument("--models", required=True, nargs="+", metavar="MODEL", help="at least two models' names")
        parser.add_argument("--title", default="", help="default: named by its contents")
        parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
        parser.add_argument("--wait", action="store_true", help="stay until it has ended")
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")

    def handle(self, *, suite: str, models: list[str], **options: Any) -> None:
        """Start it; with --wait stay until it has ended."""
        found = list(Model.objects.filter(name__in=models))
        if unknown := sorted(set(models) - {model.name for model in found}):
            raise CommandError(f"no model is called {', '.join(map(repr, unknown))}; nothing was started", returncode=2)
        try:
            comparison = services.start_comparison(
                suite=named_suite(suite), models=found, title=options["title"], seed=options["seed"]
            )
        except ForensicsError as problem:
            raise CommandError(f"{problem}; nothing was started", returncode=problem.exit_code) from problem
        while options["wait"] and comparison.state in OPEN:
            time.sleep(POLL_SECONDS)
            comparison.refresh_from_db()
        told = {"comparison": str(comparison.pk), "title": comparison.title, "state": comparison.state}
        self.stdout.write(json.dumps(told) if options["json"] else "{comparison} {state}: {title}".format(**told))
        if comparison.state == Comparison.State.FAILED:
            raise CommandError(comparison.error, returncode=1)
