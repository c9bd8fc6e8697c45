"""``python manage.py collect --model M --suite S``: send a suite to a model through the workers."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from forensics import probes
from forensics.errors import ForensicsError
from webapp.catalogue.models import Model
from webapp.probing import queries, services
from webapp.probing.models import Collection, Suite

POLL_SECONDS = 0.5


class Command(BaseCommand):
    help = "Send a suite to a model through the workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", required=True, help="a model's name")
        parser.add_argument("--suite", required=True, help="a suite's name, or its name and version")
        parser.add_argument("--wait", action="store_true", help="stay until it has ended")
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")

    def handle(self, *, model: str, suite: str, **options: Any) -> None:
        """Start the collection, or join the open one; with --wait end with exit code 1 unless it is done."""
        chosen, what = _model(model), _suite(suite)
        collection = chosen.collections.filter(suite=what, state__in=["running", "paused"]).first()
        try:
            collection = collection or services.start_collection(chosen, what)
        except ForensicsError as problem:
            raise CommandError(str(problem), returncode=problem.exit_code) from problem
        if options["wait"]:
            self._wait(collection, quiet=options["json"])
        self._tell(collection, as_json=options["json"])
        if options["wait"] and collection.state != Collection.State.DONE:
            raise CommandError(f"the collection is {collection.state}: {collection.error or 'see its page'}")

    def _wait(self, collection: Collection, *, quiet: bool) -> None:
        shown = -1
        while collection.state == Collection.State.RUNNING:
            progress = queries.progress(collection)
            if progress.done != shown and not quiet:
                shown = progress.done
                self.stdout.write(f"{collection}: {progress.done} of {progress.planned}")
            time.sleep(POLL_SECONDS)
            collection.refresh_from_db()

    def _tell(self, collection: Collection, *, as_json: bool) -> None:
        progress = queries.progress(collection)
        plain = {
            "collection": str(collection.pk),
            "state": collection.state,
            "planned": progress.planned,
            "done": progress.done,
            "outcomes": dict(progress.outcomes),
            "content_hash": collection.content_hash,
        }
        text = f"{collection}: {collection.state}, {progress.done} of {progress.planned}"
        self.stdout.write(json.dumps(plain) if as_json else text)


def _model(name: str) -> Model:
    model = Model.objects.filter(name=name).first()
    if model is None:
        raise CommandError(f"no model is called {name!r}", returncode=2)
    return model


def _suite(name: str) -> Suite:
    if name in probes.suite_names():
        return services.register_suite(probes.load_suite(name))
    found = [s for s in Suite.objects.order_by("-created_at") if name in (s.name, str(s), str(s.pk), s.suite_hash)]
    if not found:
        raise CommandError(f"no suite is called {name!r}", returncode=2)
    if len(found) > 1:
        raise CommandError(f"several suites are called {name!r}: {', '.join(map(str, found))}", returncode=2)
    return found[0]
