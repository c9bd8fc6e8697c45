"""``python manage.py test_connection MODEL``: what a few small calls find out about an endpoint."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from forensics.connection import FAILED
from forensics.errors import ForensicsError
from webapp.catalogue import queries, services
from webapp.catalogue.models import Model


class Command(BaseCommand):
    help = "Test an endpoint: name, key, model and latency apart, and which sampling parameters it obeys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", help="a model's name")
        parser.add_argument("--dry-run", action="store_true", help="say how many calls it would send, and send none")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, model: str, dry_run: bool, **options: Any) -> None:
        """Test and show; ends with exit code 3 where something failed."""
        chosen = Model.objects.filter(name=model).first()
        if chosen is None:
            raise CommandError(f"no model is called {model!r}", returncode=2)
        calls = queries.connection_calls(chosen)
        if not options["json"]:
            self.stdout.write(f"{chosen}: {calls} small calls" + (" would be sent." if dry_run else " ..."))
        if dry_run:
            return
        try:
            report = services.test_connection(chosen)
        except ForensicsError as problem:
            raise CommandError(str(problem), returncode=problem.exit_code) from problem
        lines = [f"{found.state:8} {found.name}: {found.told}" for found in report.findings]
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else "\n".join(lines))
        if any(found.state == FAILED for found in report.findings):
            raise CommandError("the connection does not work", returncode=3)
