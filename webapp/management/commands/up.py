"""`python manage.py up`: everything that Filiation needs on one machine, as one supervised group."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.broker import BrokerError
from webapp.operations.group import GroupError
from webapp.operations.installation import open_group, require_migrated
from webapp.operations.services import Shape, require_free
from webapp.operations.signals import stop_signals


class Command(BaseCommand):
    """Start the broker, the web server, the workers and the scheduler, and keep them running until Ctrl-C."""

    help = "Start the broker, the web server, the workers and the scheduler; Ctrl-C stops them all."

    def add_arguments(self, parser: CommandParser) -> None:
        """The address, and how many processes work for local models."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--gpu-workers", type=int, default=1, help="one per GPU (default: 1)")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run until a signal comes."""
        shape = Shape(options["host"], options["port"], options["gpu_workers"])
        try:
            require_migrated()
            require_free(shape)
            with stop_signals(), open_group(shape, self.say) as group:
                self.say(f"Filiation runs at {shape.url} (Ctrl-C stops it). Logs: {group.home / 'log'}")
                while True:
                    group.tend()
                    time.sleep(0.2)
        except KeyboardInterrupt:
            self.say("Everything has stopped.")
        except (GroupError, BrokerError) as problem:
            raise CommandError(str(problem)) from problem

    def say(self, line: str) -> None:
        """Print one line at once, with the time of day."""
        self.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}")
        self.stdout.flush()
