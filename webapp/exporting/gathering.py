"""Gathers the files of a bundle from the database and from disk."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import forensics
from forensics.evaluation import calibration as calibrations
from forensics.evaluation import experience
from forensics.lineage import storage
from forensics.provenance import sha256_json
from forensics.reports.bundle import ANALYSIS, CALIBRATION, INPUTS, SEALED, SUITE, pages, verify
from forensics.reports.bundle.signing import Signer
from forensics.reports.bundle.stage import Stage
from webapp.custody import chain
from webapp.custody.models import Entry
from webapp.exporting import reports, responses
from webapp.exporting.models import Bundle
from webapp.probing import queries as probing
from webapp.probing.models import Collection, Suite

Show = Callable[[str, float], None]


def gather(bundle: Bundle, folder: Path, out: Path, signer: Signer, show: Show) -> str:
    """Write the bundle to `out`, by way of a folder that is empty, and return its SHA-256."""
    stage, comparison = Stage(folder), bundle.comparison
    for name, content in bundle.record.items():
        stage.add_json(f"case/{name}.json", content)
    for path, file in reports.files(bundle.record["report"]).items():
        stage.add_file(path, file)
    _probes(stage, comparison.suite, sealed=bundle.sealed)
    index = _responses(stage, bundle, show)
    show("the comparison and what it rests on", 0.8)
    stored = _analysis(stage, bundle)
    told = [{name: row[name] for name in ("model", "content_hash", "tokenizer_hash")} for row in index]
    stage.add_json("references/responses.json", told)
    head = _chain(stage, bundle)
    stage.add("environment/lock.txt", _lock().encode())
    about = {
        "case": bundle.case.number, "version": bundle.version, "sealed": bundle.sealed, "custody": head,
        "fingerprint": signer.fingerprint, "head": head["head"], "filiation": forensics.__version__,
        "weights": bool(stored.weights),
    }  # fmt: skip
    stage.add("verify.py", Path(verify.__file__).read_bytes())
    stage.add(pages.RECOMPUTE, pages.recompute_page(about, index).encode())
    stage.add(pages.OPPOSING, pages.opposing_page(about).encode())
    show("sealing", 0.9)
    return stage.seal(out, signer, about)


def _probes(stage: Stage, suite: Suite, *, sealed: bool) -> None:
    """The probes, or the suite's hash and those of its probes."""
    record = probing.suite_record(suite)
    if not sealed:
        stage.add_json(SUITE, record.as_json())
        return
    rows = [
        {"prompt_id": p.prompt.prompt_id, "family": p.prompt.family, "sha256": sha256_json(p.prompt.as_json())}
        for p in record.probes
    ]
    told = {"name": record.name, "version": record.version, "sha256": record.suite_hash, "probes": rows}
    stage.add_json(SEALED, told)


def _responses(stage: Stage, bundle: Bundle, show: Show) -> list[dict[str, Any]]:
    """The lines of every collection of the case and of its comparison, and the index of them."""
    compared = set(bundle.comparison.collections.values_list("pk", flat=True))
    acquired = {row["collection"] for row in bundle.record["excluded"]["collections"]}
    found = Collection.objects.filter(pk__in=compared | acquired).select_related("model", "suite")
    ordered, index = sorted(found, key=lambda run: (run.model.name, str(run.pk))), []
    for done, run in enumerate(ordered):
        show(f"responses of {run.model.name}", 0.8 * done / len(ordered))
        count = stage.add_lines(responses.file_of(run), responses.lines(run, sealed=bundle.sealed))
        index.append(responses.index_row(run, count, compared=run.pk in compared))
    stage.add_json(verify.INDEX, {"collections": index})
    return index


def _analysis(stage: Stage, bundle: Bundle) -> Any:
    """The stored comparison, what it was asked with, the calibration in use and what is known of it."""
    comparison, stored = bundle.comparison, storage.load(bundle.comparison.folder)
    for name in (storage.WORDS, storage.MATRICES):
        stage.add_file(f"{ANALYSIS}/{name}", comparison.folder / name)
    told = {"suite_hash": comparison.suite.suite_hash, "seed": comparison.seed, "comparison": str(comparison.pk)}
    stage.add_json(INPUTS, told)
    wanted = stored.calibration.get("hash")
    for path in sorted(calibrations.SHIPPED.glob("*.json")):
        if calibrations.load(path).hash == wanted:
            stage.add_file(CALIBRATION, path)
    stage.add_json("validation/experience.json", experience.record())
    return stored


def _chain(stage: Stage, bundle: Bundle) -> dict[str, Any]:
    """The chain of custody up to the bundle's head: this case's entries whole, all others as their hashes."""
    subjects = set(bundle.record["subjects"])
    last = {"entries": 0, "head": ""}

    def rows() -> Iterator[dict[str, Any]]:
        for entry in Entry.objects.filter(sequence__lte=bundle.head_sequence).order_by("sequence").iterator():
            last.update(entries=entry.sequence, head=entry.entry_hash)
            ours = entry.subject in subjects or entry.detail.get("case") == bundle.case.number
            yield {
                "sequence": entry.sequence, "previous_hash": entry.previous_hash, "entry_hash": entry.entry_hash,
                "body": chain.body(entry).decode() if ours else None,
            }  # fmt: skip

    stage.add_lines(verify.CHAIN, rows())
    return last


def _lock() -> str:
    """The versions of everything that is installed, as a requirements file, and of Python."""
    found = {f"{d.metadata['Name']}=={d.version}" for d in importlib.metadata.distributions() if d.metadata["Name"]}
    head = [f"# Python {platform.python_version()}", f"# Filiation {forensics.__version__}"]
    return "\n".join([*head, *sorted(found, key=str.lower)]) + "\n"
