"""A case of ten models with ten thousand responses each as a bundle: making it, its memory, and checking it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from benchmarks import ledger_at_scale as scale
from benchmarks._table import lines, timed

TITLE = "A bundle of 100,000 responses (FILIATION_BENCH_CALLS): made in <= 300 s and 500 MB, verified in <= 60 s"


def run() -> list[str]:
    """The table's lines."""
    scale.prepare()
    collections = scale.started()
    for collection in collections:
        scale.answer(collection)
        scale.finish(collection)
    case = _case(collections)
    from webapp.exporting import making, services

    bundle, before = services.fix(case), scale.peak()
    made = timed(lambda: making.make(bundle, lambda _stage, _share: None))
    after = scale.peak()
    script = Path(tempfile.mkdtemp(prefix="filiation-bench-")) / "verify.py"
    script.write_bytes(zipfile.ZipFile(made.result.draft).read("verify.py"))
    command = [sys.executable, "-I", str(script), str(made.result.draft)]
    checked = timed(lambda: subprocess.run(command, capture_output=True, text=True, check=False))
    size = made.result.draft.stat().st_size / 2**20
    return lines(
        ("responses: " + f"{scale.MODELS * scale.CALLS:,}", "measured", "required"),
        [
            ("bundle made", f"{made.seconds:.1f} s", "<= 300 s"),
            ("memory of the process at its highest", f"{after:.0f} MB", "<= 500 MB"),
            ("of that, growth while making it", f"{after - before:.0f} MB", ""),
            ("size of the zip", f"{size:.1f} MB", ""),
            ("verify.py alone", f"{checked.seconds:.1f} s, exit {checked.result.returncode}", "<= 60 s, exit 0"),
        ],
    )


def _case(collections: list[Any]) -> Any:
    """A case of those collections, with a stored comparison of their first answers."""
    from forensics.lineage import storage
    from forensics.lineage.comparison import compare
    from forensics.records import ResponseSet
    from webapp.casework.cases import services as cases
    from webapp.casework.models import Comparison
    from webapp.probing import queries

    case = cases.open_case(title="Large", question="How long does it take?")
    case.collections.add(*collections)
    suite = collections[0].suite
    comparison = Comparison.objects.create(title="Large", suite=suite, case=case, state=Comparison.State.DONE)
    comparison.collections.add(*collections)
    few = [p.prompt_id for p in suite.probes.all()[:20]]
    rows = {c.model.name: c.completions.filter(probe__prompt_id__in=few).select_related("probe") for c in collections}
    sets = [
        ResponseSet.of(name, [queries.reading(row, row.probe.prompt_id) for row in found])
        for name, found in rows.items()
    ]
    prompts = {name: prompt for name, prompt in queries.prompts(suite).items() if name in few}
    storage.save(compare(sets, prompts, replicates=2), comparison.folder)
    return case
