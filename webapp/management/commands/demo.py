"""`python manage.py demo`: small real models, probed by real workers, their lineage named."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from forensics.errors import ForensicsError
from forensics.reports.bundle.signing import stored_key
from forensics.zoo.members import WEIGHTS
from webapp.accounts import services as accounts
from webapp.broker import BrokerError
from webapp.casework.models import Case, Comparison
from webapp.operations import demo_case, findings, zoo_run
from webapp.operations.group import Group, GroupError
from webapp.operations.installation import open_group
from webapp.operations.progress import Progress
from webapp.operations.services import Shape, first_free_port, require_free
from webapp.operations.signals import stop_signals
from webapp.operations.zoo_folders import zoo_folder

PORT = 8000
USER = "demo"
PATIENCE_SECONDS = 300.0


class Command(BaseCommand):
    """Probe the zoo, compare its members, print what was found beside what is known, and stay up."""

    help = "Probe a zoo of small real models through the workers and name their lineage."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether to stay, whether to use what is stored, where to serve."""
        parser.add_argument("--no-serve", action="store_true", help="end after the table; 1 if a clear case is wrong")
        parser.add_argument("--fresh", action="store_true", help="probe again, whatever is stored")
        parser.add_argument("--port", type=int, help=f"default: the first free one from {PORT}")
        parser.add_argument("--weights", type=Path, default=WEIGHTS, help="weights of another zoo (default: shipped)")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the demonstration; Ctrl-C stops everything that it started."""
        self.progress = Progress(self.stdout)
        try:
            with stop_signals():
                self._run(**options)
        except KeyboardInterrupt:
            self.progress.plain("Everything has stopped.")
        except (GroupError, BrokerError, ForensicsError) as problem:
            self.progress.plain()
            raise CommandError(str(problem)) from problem

    def _run(self, *, no_serve: bool, fresh: bool, port: int | None, weights: Path, **_: Any) -> None:
        shape = Shape(port=port or first_free_port("127.0.0.1", PORT), gpu_workers=local_model_workers())
        require_free(shape)
        self.progress.step("preparing the database")
        call_command("migrate", verbosity=0)
        folder, built = zoo_folder(settings.FILIATION_HOME, weights, self.progress.moving)
        self.progress.step(f"the zoo is {'built' if built else 'there from an earlier run'}: {folder}")
        self.progress.step("starting broker, web server, workers and scheduler")
        with open_group(shape, self.progress.step) as group:
            wrong = self._demonstrate(group, folder, shape, fresh=fresh)
            if not no_serve:
                self._stay(group)
        if wrong:
            raise CommandError(f"{wrong} clear cases of the zoo were not found as they are known")

    def _demonstrate(self, group: Group, folder: Path, shape: Shape, *, fresh: bool) -> int:
        """Everything from registering to the table; the number of clear cases found wrong."""
        step, moving, wait = self.progress.step, self.progress.moving, partial(_wait, group)
        models, new = zoo_run.register(folder)
        step(f"{len(models)} models registered" + ("" if new else " in an earlier run"))
        user = self._sign_in()
        suite = zoo_run.stored_suite()
        case = demo_case.prepare(models, suite, user=user)
        probed = zoo_run.collect(list(models.values()), suite, fresh=fresh, wait=wait, moving=moving)
        stored = len(models) - probed
        step(f"suite {suite}: {probed} models probed now, {stored} reused from an earlier run")
        comparison, result, computed = zoo_run.compare(models, suite, wait=wait, moving=moving)
        step("compared" if computed else "the comparison is reused from an earlier run (DEMO=--fresh probes again)")
        demo_case.conclude(case, comparison, user=user)
        reading = findings.Reading(result, {member: model.name for member, model in models.items()})
        wrong = self._tell(reading, list(models))
        self._tell_calibration(dict(result.calibration))
        self._tell_address(shape, case, comparison)
        return wrong

    def _tell(self, reading: findings.Reading, members: list[str]) -> int:
        clear = findings.clear_findings(reading)
        self.progress.plain("\nThe clear cases of the zoo (LLR: log10 likelihood ratio, within its bound)\n")
        for line in findings.table(clear):
            self.progress.plain(line)
        others = list(findings.other_findings(reading, members))
        self.progress.plain(f"\nThe other {len(others)} pairs\n")
        for line in findings.summary(others):
            self.progress.plain(line)
        return sum(bool(row.wrong) for row in clear)

    def _tell_calibration(self, calibration: dict[str, Any]) -> None:
        if reason := calibration.get("no_lr_reason"):
            raise GroupError(f"no calibration covers the zoo, so there is no LR: {reason}")
        name, origin = f"{calibration['name']} {calibration['version']}", calibration["origin"]
        self.progress.plain(f"\nThe LRs come from the calibration {name}: {origin}")

    def _sign_in(self) -> User:
        """Who signs in, with a password made on the first run and kept where only this user can read it."""
        self.password = stored_key(settings.FILIATION_HOME / "demo.password", accounts.new_password)
        return accounts.set_sign_in(USER, self.password)

    def _tell_address(self, shape: Shape, case: Case, comparison: Comparison) -> None:
        pages = {
            "A case of three of them, from the question to the finding": reverse("cases:case", args=[case.pk]),
            "All pairs, heatmap, tree and the completions side by side":
                reverse("casework:comparison", args=[comparison.pk]),
        }  # fmt: skip
        self.progress.plain()
        for what, page in pages.items():
            self.progress.plain(f"{what}: {shape.url}{page.lstrip('/')}")
        self.progress.plain(f"Sign in as {USER} with the password {self.password}\n")

    def _stay(self, group: Group) -> None:
        self.progress.step("serving; Ctrl-C stops everything")
        while True:
            group.tend()
            time.sleep(0.2)


def local_model_workers() -> int:
    """One worker where a GPU does the work; else one for each of up to four cores, since the zoo's models use one."""
    return 1 if Path("/dev/nvidia0").exists() else max(1, min(4, os.cpu_count() or 1))


def _wait(group: Group, done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not done():
        group.tend()
        if time.monotonic() > until:
            raise GroupError(
                f"{what} did not end within {PATIENCE_SECONDS:.0f} s; see the logs in {group.home / 'log'}"
            )
        time.sleep(0.3)
