"""``python manage.py export_case NUMBER --out FILE``: a case as an evidence bundle, and as tables."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from forensics.errors import ForensicsError
from webapp.casework.models import Case
from webapp.exporting import making, services, tables
from webapp.exporting.models import Bundle


class Command(BaseCommand):
    help = "Write a case as an evidence bundle, and its responses, scores and findings as tables."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which case, which version, and what is written where."""
        parser.add_argument("number", help="of the case, as in 2026-0001")
        parser.add_argument("--out", type=Path, help="where the bundle goes")
        parser.add_argument("--tables", type=Path, metavar="FOLDER", help="write JSONL, CSV and Parquet there")
        parser.add_argument("--case-version", type=int, metavar="N", help="this one again, not a new one")
        parser.add_argument("--sealed", action="store_true", help="the probes by their hashes alone (a new version)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, number: str, **options: Any) -> None:
        """Write what was asked for; ends with 2 where there is no such case or it cannot be exported yet."""
        case = Case.objects.filter(number=number).first()
        if case is None:
            raise CommandError(f"there is no case {number}", returncode=2)
        if options["out"] is None and options["tables"] is None:
            raise CommandError("say what is wanted: --out FILE, --tables FOLDER, or both", returncode=2)
        try:
            told = {"case": number} | (self._bundle(case, options) if options["out"] else {})
            if options["tables"]:
                told["tables"] = [str(path) for path in tables.write_all(case, options["tables"])]
        except ForensicsError as problem:
            raise CommandError(str(problem), returncode=problem.exit_code) from problem
        self.stdout.write(json.dumps(told) if options["json"] else "\n".join(f"{k}: {v}" for k, v in told.items()))

    def _bundle(self, case: Case, options: dict[str, Any]) -> dict[str, Any]:
        version = options["case_version"]
        known = case.bundles.filter(version=version).first()
        bundle = known if version else services.fix(case, sealed=options["sealed"])
        if bundle is None:
            raise CommandError(f"case {case.number} has no version {version}", returncode=2)
        made = making.make(bundle, lambda _stage, _share: None)
        options["out"].parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made.draft, options["out"])
        making.keep(Bundle.objects.filter(pk=bundle.pk), bundle, made)
        return {"version": bundle.version, "sha256": made.sha256, "key": services.signer().fingerprint}
