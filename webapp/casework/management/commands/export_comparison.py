"""``python manage.py export_comparison ID FOLDER``: what a comparison read, as a recorded corpus for the engine."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from forensics.recording import write_prompts, write_responses
from webapp.casework.models import Comparison
from webapp.probing import queries


class Command(BaseCommand):
    help = "Write the prompts and response sets of a comparison, for python -m forensics to read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("comparison", help="the id in its page's address")
        parser.add_argument("folder", type=Path, help="a new or empty folder, or one that this command wrote before")

    def handle(self, *, comparison: str, folder: Path, **_options: Any) -> None:
        """Write prompts.jsonl.gz and a file for each model, naming those whose file cannot bear their name."""
        chosen = _comparison(comparison)
        write_prompts(queries.prompts(chosen.suite).values(), folder)
        written = 0
        for collection in chosen.collections.select_related("model", "suite").order_by("model__name"):
            path = write_responses(queries.response_set(collection), folder)
            written += 1
            if (name := path.name.removesuffix(".jsonl.gz")) != collection.model.name:
                self.stdout.write(f"{collection.model.name!r} is written as {name}")
        self.stdout.write(f"{written} models on {chosen.suite} written to {folder}")


def _comparison(pk: str) -> Comparison:
    try:
        return Comparison.objects.select_related("suite").get(pk=pk)
    except (Comparison.DoesNotExist, ValidationError) as problem:
        raise CommandError(f"no comparison has the id {pk!r}; nothing was written", returncode=2) from problem
