"""``python manage.py collect --model M --suite S``: send a suite to a model through the workers.

Exit codes: 0 every planned call has an answer of the model (or the collection was started, without --wait); 1 it could
not be started; 2 an argument is wrong; 4 incomplete: calls are unsent, or ended as malformed, throttled, timed out or
failed.
"""

from __future__ import annotations

import dataclasses
import json
import time
from argparse import ArgumentParser
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from forensics import probes
from forensics.errors import ForensicsError
from webapp.catalogue.models import Model
from webapp.probing import endpoints, live, queries, services
from webapp.probing.estimating import estimate_for
from webapp.probing.models import Collection, Suite
from webapp.probing.services import Plan

POLL_SECONDS = 0.5
INCOMPLETE = 4
LIMITS = ("budget_calls", "budget_tokens", "budget_money", "price_in", "price_out")


class Command(BaseCommand):
    help = "Send a suite to a model through the workers. With --wait, exit code 4 says that it is incomplete."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", required=True, help="a model's name")
        parser.add_argument("--suite", required=True, help="a suite's name, or its name and version, or a JSON file")
        parser.add_argument("--wait", action="store_true", help="stay until it has ended")
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
        parser.add_argument(
            "--dry-run", action="store_true", help="estimate calls, tokens, cost and time; send nothing"
        )
        parser.add_argument("--seed", type=int, help="of the order of calls (default: drawn, and kept)")
        parser.add_argument("--budget-calls", type=int, help="the most sends")
        parser.add_argument("--budget-tokens", type=int, help="the most tokens, of prompts and replies together")
        parser.add_argument("--budget-money", type=Decimal, help="the most money, in the currency of the prices")
        parser.add_argument("--price-in", type=Decimal, default=Decimal(0), help="of a million tokens of prompts")
        parser.add_argument("--price-out", type=Decimal, default=Decimal(0), help="of a million tokens of replies")
        parser.add_argument("--concurrency", type=int, help="calls at once to the model's endpoint, kept from now on")
        parser.add_argument("--rate", type=int, help="calls a minute to the model's endpoint, kept from now on")

    def handle(self, *, model: str, suite: str, **options: Any) -> None:
        """Estimate, or start the collection, or join the open one; with --wait stay until it has ended."""
        chosen, what, plan = _model(model), named_suite(suite), _plan(options)
        if (options["concurrency"] or options["rate"]) and endpoints.is_paced(chosen):
            endpoints.set_pace(chosen, concurrency=options["concurrency"], per_minute=options["rate"])
        if options["dry_run"]:
            self._estimate(chosen, what, plan, as_json=options["json"])
            return
        collection = self._open(chosen, what, plan, options["seed"])
        if options["wait"]:
            self._wait(collection, quiet=options["json"])
        tally = self._tell(collection, as_json=options["json"], table=options["wait"])
        if options["wait"] and not tally.is_complete:
            raise CommandError(
                f"incomplete: {tally.unsent} unsent and {tally.failures} failed of {tally.planned}; "
                f"the collection is {collection.state}. {collection.error or 'What came back is kept.'}",
                returncode=INCOMPLETE,
            )

    def _open(self, model: Model, suite: Suite, plan: Plan, seed: int | None) -> Collection:
        """The open collection, resumed under a new budget where one is given, or a new one."""
        left = model.collections.filter(suite=suite, state__in=["running", "paused"]).first()
        if left is not None:
            if left.state == Collection.State.PAUSED and plan != services.NO_LIMITS:
                services.resume(left, plan=plan)
            left.refresh_from_db()
            return left
        try:
            return services.start_collection(model, suite, plan=plan, seed=seed)
        except ForensicsError as problem:
            raise CommandError(str(problem), returncode=problem.exit_code) from problem

    def _estimate(self, model: Model, suite: Suite, plan: Plan, *, as_json: bool) -> None:
        found = estimate_for(model, suite, plan)
        text = (
            f"{suite} on {model}: {found.calls:,} calls, about {found.tokens_in + found.tokens_out:,} tokens "
            f"(at most {found.most_in + found.most_out:,}), cost about {found.cost:,.4f} "
            f"(at most {found.most_cost:,.4f}), about {found.seconds:,.0f} s. Nothing was sent."
        )
        self.stdout.write(json.dumps(dataclasses.asdict(found)) if as_json else text)

    def _wait(self, collection: Collection, *, quiet: bool) -> None:
        shown: tuple[Any, ...] = ()
        while collection.state == Collection.State.RUNNING:
            row = live.row(collection)
            now = (row["done"], row["held"].partition(" for ")[0])
            if now != shown and not quiet:
                shown = now
                line = f"{collection}: {row['done']} of {row['planned']}, {row['rate']}, {row['left']} left"
                self.stdout.write(f"{line}. {row['held']}".strip())
            time.sleep(POLL_SECONDS)
            collection.refresh_from_db()

    def _tell(self, collection: Collection, *, as_json: bool, table: bool) -> queries.Tally:
        tally = queries.tally(collection)
        if as_json:
            self.stdout.write(json.dumps(_plain(collection, tally)))
        else:
            self.stdout.write(f"{collection}: {collection.state}, {tally.done} of {tally.planned}")
            if table:
                self.stdout.write("\n".join(_table(tally)))
        return tally


def _plain(collection: Collection, tally: queries.Tally) -> dict[str, Any]:
    return {
        "collection": str(collection.pk),
        "state": collection.state,
        "planned": tally.planned,
        "done": tally.done,
        "unsent": tally.unsent,
        "complete": tally.is_complete,
        "outcomes": dict(tally.outcomes),
        "used": {"calls": collection.spent_calls, "tokens": collection.spent_in + collection.spent_out},
        "seed": collection.seed,
        "identities": collection.identities,
        "error": collection.error,
        "content_hash": collection.content_hash,
        "evidence_hash": collection.evidence_hash,
    }


def _table(tally: queries.Tally) -> list[str]:
    rows = [*tally.outcomes.items(), ("unsent", tally.unsent), ("planned", tally.planned)]
    return [f"  {name:18} {count:>9,}" for name, count in rows]


def _plan(options: dict[str, Any]) -> Plan:
    plan = Plan(**{name: options[name] for name in LIMITS})
    if plan.budget_money is not None and not (plan.price_in or plan.price_out):
        raise CommandError("a budget of money needs --price-in or --price-out", returncode=2)
    return plan


def _model(name: str) -> Model:
    model = Model.objects.filter(name=name).first()
    if model is None:
        raise CommandError(f"no model is called {name!r}", returncode=2)
    return model


def _own_suite(file: Path) -> Suite:
    try:
        return services.register_own_suite(file.read_bytes(), where=file.name)
    except OSError as problem:
        raise CommandError(f"{file} cannot be read: {problem.strerror}", returncode=2) from problem
    except ForensicsError as problem:
        raise CommandError(str(problem), returncode=2) from problem


def named_suite(name: str) -> Suite:
    """The one stored suite of that name, with its version, id or hash, or from a file; raises CommandError."""
    if name.endswith(".json"):
        return _own_suite(Path(name))
    if name in probes.suite_names():
        return services.register_suite(probes.load_suite(name))
    found = [s for s in Suite.objects.order_by("-created_at") if name in (s.name, str(s), str(s.pk), s.suite_hash)]
    if not found:
        raise CommandError(f"no suite is called {name!r}", returncode=2)
    if len(found) > 1:
        raise CommandError(f"several suites are called {name!r}: {', '.join(map(str, found))}", returncode=2)
    return found[0]
