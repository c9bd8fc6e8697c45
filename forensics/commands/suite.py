"""`suite`: the probe suites that ship, what they cost, whether a file is one, and suites drawn anew for a case."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forensics import probes, registry
from forensics.commands.suite_feeds import feeds, open_chat
from forensics.errors import SuiteError
from forensics.features.answers import canonical, final_answer
from forensics.probes import Probe, Suite, draw_suite, is_secret, load_suite, parse_suite, read_json, suite_names
from forensics.probes.estimate import RULE, Estimate, estimate
from forensics.records import Mode
from forensics.tables import printable, text_table

DESCRIPTION = """\
list                  the suites that ship
show NAME|FILE        families, calls, which channels are fed, and with --estimate what it costs
check FILE            everything that is wrong with a suite or a pool of your own, probe by probe
draw NAME --seed TEXT probes, wordings and order chosen by a seed, from the public pools and a folder of secret ones
"""


def add_parser(commands: Any, _common: argparse.ArgumentParser) -> None:
    """Add the command with its four actions to the parser's commands; it compares nothing."""
    one = commands.add_parser(
        "suite",
        help="list, show, check and draw probe suites",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("action", choices=tuple(ACTIONS), help="what to do")
    one.add_argument("suite", nargs="?", metavar="NAME|FILE", help="a suite that ships, or a JSON file")
    one.add_argument("--json", action="store_true", help="print JSON")
    one.add_argument("--estimate", action="store_true", help="show: calls, tokens, cost and time, at most")
    one.add_argument("--price-in", type=float, metavar="X", help="price of a million tokens sent")
    one.add_argument("--price-out", type=float, metavar="X", help="price of a million tokens received")
    one.add_argument("--rate", type=float, metavar="X", help="calls a second")
    one.add_argument("--seed", metavar="TEXT", help="draw: any text; keep it with the case")
    one.add_argument("--pool", type=Path, metavar="DIR", help="draw: secret pools (default: FILIATION_HOME/pools)")
    one.add_argument("--share", type=float, default=0.5, help="draw: part that is taken of secret pools (default 0.5)")
    one.add_argument("--without", action="append", default=[], metavar="FAMILY", help="draw: leave a family out")
    one.add_argument("--out", type=Path, metavar="FILE", help="draw: where the suite goes")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Do what the action says."""
    if args.action != "list" and not args.suite:
        raise SuiteError(f"suite {args.action} needs a name or a file; known: {', '.join(suite_names())}")
    ACTIONS[args.action](args)


def _list(args: argparse.Namespace) -> None:
    rows = [_head(load_suite(name)) for name in suite_names()]
    if args.json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = [
        [r["name"], r["version"], r["probes"], r["calls"], r["open_chat"], r["hash"][:12], r["title"]] for r in rows
    ]
    print(text_table(("suite", "version", "probes", "calls", "open chat", "hash", "title"), table))


def _head(suite: Suite) -> dict[str, Any]:
    return {
        "name": suite.name,
        "version": suite.version,
        "title": suite.title,
        "probes": len(suite.probes),
        "calls": suite.calls,
        "open_chat": open_chat(suite),
        "hash": suite.suite_hash,
    }


def opened(name: str) -> Suite:
    """A suite that ships, or the one in a file."""
    if name in suite_names():
        return load_suite(name)
    if not Path(name).is_file():
        raise SuiteError(f"no suite and no file {name!r}; known suites: {', '.join(suite_names())}")
    return parse_suite(read_json(Path(name)), where=Path(name).name)


def _show(args: argparse.Namespace) -> None:
    suite = opened(args.suite)
    told = _head(suite) | {"families": _families(suite), "channels": feeds(suite)}
    if args.estimate:
        found = estimate(suite, price_in=args.price_in, price_out=args.price_out, calls_per_second=args.rate)
        told["estimate"] = asdict(found) | {"rule": RULE}
    if args.json:
        print(json.dumps(told, ensure_ascii=False))
        return
    print(f"{printable(suite.name)} {printable(suite.version)}: {printable(suite.title)}\nhash {suite.suite_hash}\n")
    print(
        text_table(("family", "probes", "calls", "languages", "secret"), [list(r.values()) for r in told["families"]])
    )
    rows = [[r["channel"], r["prompts"], r["least"], "yes" if r["enough"] else "no"] for r in told["channels"]]
    print("\n" + text_table(("channel", "prompts", "needs", "enough"), rows))
    print(f"\nOpen chat, put once: {told['open_chat']} prompts.")
    if args.estimate:
        print(_estimate_text(found))


def _families(suite: Suite) -> list[dict[str, Any]]:
    """Family, probes, calls, languages and secret probes, in the order of the suite."""
    groups: dict[str, list[Probe]] = {}
    for probe in suite.probes:
        groups.setdefault(probe.prompt.family, []).append(probe)
    return [
        {
            "family": family,
            "probes": len(held),
            "calls": sum(p.config.samples for p in held),
            "languages": len({p.prompt.language for p in held}),
            "secret": sum(is_secret(p.prompt) for p in held),
        }
        for family, held in groups.items()
    ]


def _estimate_text(found: Estimate) -> str:
    parts = [f"at most {found.tokens_in:,} tokens sent and {found.tokens_out:,} received"]
    if found.cost is not None:
        parts.append(f"costing at most {found.cost:,.2f} at these prices")
    if found.seconds is not None:
        parts.append(f"taking about {found.seconds / 60:,.0f} minutes at this rate")
    return f"{found.calls:,} calls, {', '.join(parts)}.\n{RULE}"


def _check(args: argparse.Namespace) -> None:
    path = Path(args.suite)
    plain = read_json(path)
    wrong = list(_pool_faults(plain, path.name) if _is_pool(plain) else suite_faults(plain, path.name))
    if args.json:
        print(json.dumps({"file": str(path), "kind": "pool" if _is_pool(plain) else "suite", "wrong": wrong}))
    elif not wrong:
        told = "a pool" if _is_pool(plain) else f"a suite of {parse_suite(plain).calls} calls"
        print(f"{path.name}: {told}, nothing wrong")
    if wrong:
        raise SuiteError(
            f"{len(wrong)} fault{'s' * (len(wrong) > 1)}:\n" + "\n".join(printable(line) for line in wrong)
        )


def _is_pool(plain: Any) -> bool:
    return isinstance(plain, Mapping) and "family" in plain


def _pool_faults(plain: Any, where: str) -> Iterator[str]:
    try:
        entries = probes.parse_pool(plain, where=where)
    except SuiteError as problem:
        yield str(problem)
        return
    if plain["family"] not in registry.names(probes.PACKAGE):
        yield f"{where}: no probe family {plain['family']!r}; known: {', '.join(registry.names(probes.PACKAGE))}"
        return
    config = registry.load(probes.PACKAGE, plain["family"]).config
    for entry in entries:
        for prompt in entry.wordings:
            yield from (f"{where} ({prompt.prompt_id}): {fault}" for fault in probe_faults(Probe(prompt, config)))


def suite_faults(plain: Any, where: str) -> Iterator[str]:
    """Everything that is wrong with a suite in plain JSON, each fault naming its probe."""
    broken = [str(problem) for problem in probes.suite_problems(plain, where=where)]
    yield from broken
    if not broken:
        for probe in parse_suite(plain, where=where).probes:
            yield from (f"{where} ({probe.prompt.prompt_id}): {fault}" for fault in probe_faults(probe))


def probe_faults(probe: Probe) -> Iterator[str]:
    """What keeps a probe that can be read from being of use to the channels."""
    prompt, known = probe.prompt, registry.names(probes.PACKAGE)
    if prompt.family not in known:
        yield f"no probe family {prompt.family!r}; known: {', '.join(known)}"
    if (prompt.mode is Mode.RAW) != (prompt.family == "raw-text"):
        yield f"a prompt of family {prompt.family!r} cannot be put in {prompt.mode.value} mode"
    if prompt.family == "one-word" and not prompt.cell:
        yield "a one-word probe names its cell, as in colour/en"
    if prompt.answer is not None and not _readable(prompt.answer):
        yield f"the answer {prompt.answer!r} cannot be found again in a reply; give a number, a letter, yes or no"


def _readable(answer: str) -> bool:
    """Whether the channel `errors` finds the answer in a reply that ends as such replies do."""
    return bool(canonical(answer)) and final_answer(f"So it is.\nThe answer is {answer}.") == canonical(answer)


def _draw(args: argparse.Namespace) -> None:
    if not args.seed or not args.out:
        raise SuiteError("suite draw needs --seed TEXT and --out FILE")
    suite = draw_suite(args.suite, args.seed, secret=_secret_folder(args.pool), share=args.share, without=args.without)
    part = args.out.with_name(args.out.name + ".part")
    # Its words are secret until the case is closed: for nobody but whoever drew them.
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        json.dump(suite.as_json(), handle, ensure_ascii=False, indent=1)
    part.replace(args.out)
    secret = sum(is_secret(probe.prompt) for probe in suite.probes)
    told = _head(suite) | {"secret": secret, "out": str(args.out)}
    words = f"{suite.name}: {suite.calls} calls, {secret} of {len(suite.probes)} probes secret, written to {args.out}"
    print(json.dumps(told, ensure_ascii=False) if args.json else f"{words}\nhash {suite.suite_hash}")


def _secret_folder(asked: Path | None) -> Path | None:
    """The folder that was named, which must be there, or FILIATION_HOME/pools where it is."""
    if asked is not None and not asked.is_dir():
        raise SuiteError("is no folder; make it, and put <family>.json pools into it", where=str(asked))
    home = os.environ.get("FILIATION_HOME", "")
    usual = Path(home) / "pools" if home else None
    return asked or (usual if usual and usual.is_dir() else None)


ACTIONS = {"list": _list, "show": _show, "check": _check, "draw": _draw}
