"""``python manage.py import_corpus DIR``: a recorded corpus as recorded models and a suite."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from forensics.corpora import open_corpus
from forensics.errors import ForensicsError
from webapp.probing.importing import Imported, Report, import_source


class Command(BaseCommand):
    help = "Import a recorded corpus: its models as recorded models, its prompts as a probe suite."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")

    def handle(self, *, folder: Path, **options: Any) -> None:
        """Import, showing one line per model; ends with exit code 2 when a model failed."""
        self.quiet = options["json"]
        try:
            report = import_source(open_corpus(folder), progress=self._line)
        except ForensicsError as problem:
            raise CommandError(f"{problem}. Nothing was stored.", returncode=problem.exit_code) from problem
        self._tell(report)
        if report.count("failed"):
            raise CommandError(
                f"{report.count('failed')} of {len(report.models)} models could not be imported; "
                "mend those files and run this again: what is stored already is left as it is",
                returncode=2,
            )

    def _line(self, model: Imported) -> None:
        if not self.quiet:
            self.stdout.write(f"{model.status:9} {model.name}  {model.error or f'{model.completions} completions'}")

    def _tell(self, report: Report) -> None:
        suite = report.suite
        if self.quiet:
            plain = {
                "suite": str(suite) if suite else None,
                "suite_id": str(suite.pk) if suite else None,
                "suite_hash": suite.suite_hash if suite else None,
                "models": [dataclasses.asdict(model) for model in report.models],
            }
            self.stdout.write(json.dumps(plain, allow_nan=False))
        elif report.count("unchanged") == len(report.models):
            self.stdout.write(f"All {len(report.models)} models are stored already, with the same content.")
        else:
            done = ", ".join(f"{report.count(s)} {s}" for s in ("imported", "unchanged", "failed"))
            self.stdout.write(f"Suite {suite}: {done}.")
