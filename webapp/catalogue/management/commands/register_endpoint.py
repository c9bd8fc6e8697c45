"""``python manage.py register_endpoint --name N --url U --model M``: a model behind an HTTP API."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from forensics.errors import ForensicsError
from webapp.catalogue import services
from webapp.catalogue.forms import api_adapters
from webapp.catalogue.models import Access, Role, preset_choices


class Command(BaseCommand):
    help = "Register a model behind an HTTP API, and record who allowed probing it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="the model's name here")
        parser.add_argument("--url", required=True, dest="base_url", help="such as https://api.example.org/v1")
        parser.add_argument("--model", required=True, dest="remote_name", help="the model's name there")
        parser.add_argument("--adapter", default="openai-compatible", choices=[name for name, _ in api_adapters()])
        parser.add_argument("--preset", default="generic", choices=[name for name, _ in preset_choices()])
        parser.add_argument("--stream", action="store_true", help="ask for replies piece by piece")
        parser.add_argument("--role", default=Role.QUESTIONED, choices=Role.values)
        parser.add_argument("--access", default=Access.TEXT, choices=[Access.TEXT.value, Access.LOGPROBS.value])
        parser.add_argument("--secret-file", help="a file that holds the secret, - for standard input")
        parser.add_argument("--granted-by", default="", help="who allowed probing it")
        parser.add_argument("--basis", default="", help="on what ground")
        parser.add_argument("--terms-reviewed", action="store_true")

    def handle(self, **options: Any) -> None:
        """Register, and record the authorisation where one is given."""
        grant = {name: options[name] for name in ("granted_by", "basis", "terms_reviewed")}
        if bool(grant["granted_by"]) != bool(grant["basis"]):
            raise CommandError("an authorisation names both --granted-by and --basis; nothing was stored", returncode=2)
        names = ("name", "base_url", "remote_name", "adapter", "preset", "stream", "role", "access")
        try:
            model = services.register_endpoint(
                secret=_secret(options["secret_file"]), **{name: options[name] for name in names}
            )
            if grant["granted_by"]:
                services.authorise(model, **grant)
        except ForensicsError as problem:
            raise CommandError(str(problem), returncode=problem.exit_code) from problem
        may = "may be probed" if grant["granted_by"] else "may not be probed before an authorisation is recorded"
        self.stdout.write(f"{model} is registered and {may}.")


def _secret(source: str | None) -> str:
    """Never an argument: those are seen by everybody on the machine."""
    if not source:
        return ""
    try:
        return (sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")).strip()
    except (OSError, ValueError) as problem:
        raise CommandError(f"the secret cannot be read from {source}: {type(problem).__name__}", returncode=2) from None
