"""A case record as chapters: the one order and the one wording that every form of a report shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from forensics.reports import chapters_found as found
from forensics.reports.blocks import Block, Chapter, Facts, Heading, Points, Table, Text, said
from forensics.reports.sections import SECTIONS, templates

Record = Mapping[str, Any]


def chapters(record: Record) -> list[Chapter]:
    """The chapters that the record's template holds, numbered as the standard numbers them."""
    left_out = templates()[record["template"]["key"]].left_out
    return [
        Chapter(key, number, title, tuple(WRITERS[key](record)))
        for number, (key, title) in enumerate(SECTIONS.items(), start=1)
        if key not in left_out
    ]


def _administrative(record: Record) -> Iterator[Block]:
    told, version = record["administrative"], record["version"]
    yield Facts([
        ("Case", f"{told['case']}, {told['title']}"),
        ("Version", f"{version['number'] or 'none yet'} ({version['kind']})"),
        ("Supersedes", f"version {version['supersedes']}" if version["supersedes"] else "no earlier version"),
        ("Date", said(version["made_at"])), ("Commissioned by", said(told["commissioned_by"])),
        ("Analyst", said(told["analyst"])), ("Technical reviewer", said(told["reviewer"])),
        ("Case opened", said(told["opened_at"])),
    ], quoted=True)  # fmt: skip
    if told["versions"]:
        rows = [(str(v["number"]), v["kind"], said(v["made_at"]), said(v["sha256"])) for v in told["versions"]]
        yield Table("Earlier versions", ("No.", "Kind", "Made", "SHA-256 of its record"), rows)


def _expert(record: Record) -> Iterator[Block]:
    told = record["expert"]
    names = {"qualifications": "Qualifications", "publications": "Publications",
             "testimony": "Earlier testimony", "compensation": "Compensation"}  # fmt: skip
    if told["name"]:
        yield Facts([("Expert", told["name"]), *((title, said(told[name])) for name, title in names.items())])
    else:
        yield Text("No expert statement is on record.", "warn")
    yield Heading("Statement of duty")
    yield Text(told["duty"])
    by = f"Signed by {told['name']}, {told['at']}." if told["signed"] else "Not signed."
    yield Text(by, "" if told["signed"] else "warn")


def _instructions(record: Record) -> Iterator[Block]:
    told = record["instructions"]
    yield Heading("The question, as it was asked")
    yield Text(told["question"], quoted=True)
    for row in told["authorisations"]:
        yield Heading(f"Authorisation by {row['granted_by']}")
        yield Facts([
            ("Ground", row["basis"]), ("Facts supplied, and by whom", said(row["facts"])),
            ("Terms of service reviewed", said(row["terms_reviewed"])), ("Recorded", row["recorded_at"]),
            ("Until", row["expires_at"] or "until it is ended"), ("In force", said(row["in_force"])),
        ], quoted=True)  # fmt: skip
    if not told["authorisations"]:
        yield Text("No authorisation is on record.", "warn")
    if told["leave_to_probe"]:
        rows = [(r["model"], r["granted_by"], r["basis"], said(r["terms_reviewed"])) for r in told["leave_to_probe"]]
        columns = ("Model", "Granted by", "Ground", "Terms reviewed")
        yield Table("Leave to probe single targets", columns, rows, quoted=True, wide=frozenset({2}))


def _propositions(record: Record) -> Iterator[Block]:
    told = record["propositions"]
    rows = [
        (f"{r['side']}", r["statement"], said(r["population"]), r["level"],
         f"{said(r['set_at'])}{', after unblinding' if r['after_unblinding'] else ''}", said(r["withdrawn_at"]))
        for r in told["stated"]
    ]  # fmt: skip
    columns = ("Side", "Statement", "Relevant population", "Level", "Set", "Withdrawn")
    yield Table(f"Propositions, by list {told['list_version']}", columns, rows, True, frozenset({1, 2}))
    if told["blinded_at"]:
        yield Text(f"The models stood under codes from {told['blinded_at']} to {said(told['unblinded_at'])}.")


def _items(record: Record) -> Iterator[Block]:
    rows: list[tuple[str, ...]]
    items = record["items"]
    rows = [(i["label"], i["role"], i["model"], i["adapter"], said(i["weights_sha256"])) for i in items]
    yield Table("Models", ("Code", "Role", "Model", "Reached by", "SHA-256 of weights"), rows, quoted=True)
    for sampling, names in _alike(items):
        yield Heading(f"How replies were drawn from {names}")
        rows = [(str(s["probes"]), said(s["system_prompt"]), said(s["parameters"])) for s in sampling]
        yield Table("Sampling, by probes", ("Probes", "System prompt", "Parameters"), rows, wide=frozenset({2}))
    for item in items:
        yield Heading(f"{item['label']}: {item['model']}")
        yield Facts([
            ("Endpoint or place", said(item["endpoint"])), ("Name at the endpoint", said(item["remote_name"])),
            ("Claimed identity", said(item["claimed_identity"])),
            *([("Withdrawn", item["withdrawn_at"])] if item["withdrawn_at"] else []),
        ], quoted=True)  # fmt: skip
        for run in item["acquisitions"]:
            yield Facts(_acquired(run), quoted=True)


def _alike(items: list[dict[str, Any]]) -> list[tuple[list[dict[str, Any]], str]]:
    """Each way of sampling with the models that were sampled so."""
    groups: dict[str, tuple[list[dict[str, Any]], list[str]]] = {}
    for item in items:
        for run in item["acquisitions"]:
            groups.setdefault(repr(run["sampling"]), (run["sampling"], []))[1].append(item["model"])
    everything = sum(bool(item["acquisitions"]) for item in items)
    return [
        (sampling, "every model" if len(set(names)) == everything else ", ".join(dict.fromkeys(names)))
        for sampling, names in groups.values()
    ]


def _acquired(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    returned = run["returned"]
    return [
        ("Collection", f"{run['collection']}, {run['suite']}, {run['state']}{', recorded' if run['recorded'] else ''}"),
        ("First and last reply (UTC)", f"{said(run['first_at'])} to {said(run['last_at'])}"),
        ("Returned model", said(returned["returned_model"])), ("Returned provider", said(returned["provider"])),
        ("Returned fingerprint", said(returned["system_fingerprint"])),
    ]  # fmt: skip


def _custody(record: Record) -> Iterator[Block]:
    rows: list[tuple[str, ...]]
    told = record["custody"]
    chain = told["chain"]
    state = "verifies" if not chain["problems"] else f"does not verify: {'; '.join(chain['problems'])}"
    yield Text(
        f"The chain of custody {state}. {chain['checked']} of {chain['entries']} entries were recomputed.",
        "warn" if chain["problems"] else "",
    )
    yield Facts([("Head of the chain", said(chain["head"])), ("Time", told["timestamp"])])
    runs = [(item["model"], run) for item in record["items"] for run in item["acquisitions"]]
    rows = [
        (model, run["who"], said(run["started_at"]), said(run["content_sha256"]), said(run["evidence_sha256"]))
        for model, run in runs
    ]
    columns = ("Model", "Who", "When", "SHA-256 of the replies", "SHA-256 of the evidence")
    yield Table("Acquisitions", columns, rows, quoted=True)
    rows = [(str(e["sequence"]), e["at"], e["actor"], e["act"], said(e["told"])[:160], e["sha256"][:16])
            for e in told["entries"]]  # fmt: skip
    titles = ("No.", "When", "Who", "What", "About", "SHA-256, first 16")
    yield Table("Entries on this case", titles, rows, quoted=True, wide=frozenset({4}))


def _method(record: Record) -> Iterator[Block]:
    told = record["method"]
    suite, plan = told["suite"], told["plan"]
    yield Facts([
        ("Probe suite", f"{suite['name']} {suite['version']}, SHA-256 {suite['sha256']}" if suite else "none chosen"),
        ("Plan", f"SHA-256 {plan['sha256']}, frozen {plan['frozen_at']} by {plan['frozen_by']}"
                 if plan else "not frozen"),
        ("Collections begun before the plan was frozen", f"{told['before_the_plan']} of {told['collections']}"),
        ("Software", f"Filiation {told['engine']}"), ("Seed of the comparison", str(told["seed"])),
        ("Environment", said({k: v for k, v in told["environment"].items() if k in ("python", "packages")})),
    ])  # fmt: skip
    rows = [(c["name"], c["version"], c["title"], c["source"], "shown" if c["shown_only"] else "may be weighed")
            for c in told["channels"]]  # fmt: skip
    columns = ("Channel", "Version", "What it looks at", "Source", "Use")
    yield Table("Channels, as they declare themselves", columns, rows, quoted=True, wide=frozenset({2, 3}))


def _other(record: Record) -> Iterator[Block]:
    yield Text(
        "Account, network and billing logs, and whatever else lies beside the replies, are separate exhibits. "
        "None of them enters a likelihood ratio."
    )
    if rows := [(e["name"], str(e["size"]), e["sha256"], e["by"], e["at"]) for e in record["other"]["exhibits"]]:
        columns = ("File", "Bytes", "SHA-256", "By", "When")
        yield Table("Exhibits", columns, rows, quoted=True, wide=frozenset({0}))
    else:
        yield Text("No exhibit is on record.")


def _review(record: Record) -> Iterator[Block]:
    told = record["review"]
    yield Facts([("Reviewers", said(told["reviewers"]))], quoted=True)
    if signed := told["signoff"]:
        yield Text(f"{signed['by']} signed off version {signed['version']} on {signed['at']}.")
        yield Facts([("SHA-256 of what was signed", signed["content_sha256"])])
        yield Points(signed["checklist"])
    else:
        yield Text("No technical reviewer has signed off.", "warn")
    if rows := [(r["section"], r["by"], r["text"], said(r["answer"])) for r in told["remarks"]]:
        columns = ("Section", "Reviewer", "Comment", "Answer")
        yield Table("Comments of the review", columns, rows, wide=frozenset({2, 3}))


def _limits(record: Record) -> Iterator[Block]:
    yield Points(record["limits"]["fixed"])
    rows = [(row["channel"], "yes" if row["weighed"] else "no", text)
            for row in record["limits"]["channels"] for text in row["limitations"]]  # fmt: skip
    columns = ("Channel", "Weighed in an LR", "Limit")
    yield Table("What each channel declares of its own limits", columns, rows, True, frozenset({2}))


def _appendices(record: Record) -> Iterator[Block]:
    rows: list[tuple[str, ...]]
    told = record["appendices"]
    yield Facts([("SHA-256 of the probe suite", said(told["suite_sha256"]))])
    rows = [(p["id"], p["family"], " / ".join(f"{m['role']}: {m['content']}" for m in p["messages"]))
            for p in told["probes"]]  # fmt: skip
    yield Table("Probes", ("Id", "Family", "What is asked"), rows, True, frozenset({2}))
    rows = [(g["term"], g["means"]) for g in told["glossary"]]
    yield Table("Glossary", ("Term", "Means"), rows, True, frozenset({1}))


WRITERS: dict[str, Callable[[Record], Iterator[Block]]] = {
    "administrative": _administrative,
    "expert": _expert,
    "instructions": _instructions,
    "summary": found.summary,
    "propositions": _propositions,
    "items": _items,
    "custody": _custody,
    "method": _method,
    "validation": found.validation,
    "controls": found.controls,
    "quality": found.quality,
    "findings": found.findings,
    "interpretation": found.interpretation,
    "alternatives": found.alternatives,
    "contrary": found.contrary,
    "limits": _limits,
    "other": _other,
    "review": _review,
    "reproduction": found.reproduction,
    "appendices": _appendices,
}
