"""The dependency rules of docs/architecture.md, read off the imports."""

from __future__ import annotations

import subprocess
import sys
from itertools import chain

import pytest

from tests.architecture.imports import ROOT, Import, imports, sources, within

LAYERS = (
    ("commands",),
    ("reports", "figures", "studies"),
    ("lineage",),
    ("evaluation",),
    ("channels",),
    ("features",),
    ("stats",),
    ("corpora", "zoo"),
    ("collection", "connection"),
    ("adapters", "probes"),
    ("outbound", "folders", "table_files"),
    ("provenance", "recording", "registry", "storable", "tables", "transcripts"),
    ("records",),
    ("errors",),
)
"""Imports point down this list only; two names on one line do not import each other. A `__main__` stands above it.

The analysis column and the acquisition column meet in the records. That no channel reads a corpus is a rule of its own
below.
"""

ANALYSIS = ("lineage", "evaluation", "channels", "features", "stats")
ACQUISITION = ("corpora", "zoo", "collection", "connection", "adapters", "probes", "outbound")
PLUGINS = ("adapters", "probes", "channels", "figures", "corpora")
HEAVY = ("torch", "transformers", "sentence_transformers", "openai", "anthropic")


def layer_of(module: str) -> tuple[int, str] | None:
    """Position in the list, from the top, and the layer's name; None for the package itself and for any __main__."""
    part = module.split(".")[1] if "." in module and not module.endswith(".__main__") else ""
    return next(((i, part) for i, names in enumerate(LAYERS) if part in names), None)


def test_every_part_of_forensics_has_a_layer() -> None:
    parts = {module.split(".")[1] for module in sources("forensics") if "." in module}
    assert parts - set(chain(*LAYERS)) == {"__main__"}


def test_imports_inside_forensics_point_down_only() -> None:
    wrong = []
    for found in imports("forensics"):
        here, there = layer_of(found.module), layer_of(found.target)
        if here and there and here[1] != there[1] and there[0] <= here[0]:
            wrong.append(str(found))
    assert wrong == []


def test_analysis_and_acquisition_meet_only_in_the_records() -> None:
    """Acquisition never asks the engine for anything; the engine knows no adapter, and corpora only where it judges."""
    wrong = [
        str(found)
        for found in imports("forensics")
        if not found.module.endswith(".__main__")
        if (_in(found.module, ACQUISITION) and _in(found.target, ANALYSIS))
        or (_in(found.module, ("lineage", "channels", "features", "stats")) and _in(found.target, ACQUISITION))
    ]
    assert wrong == []


def _in(module: str, parts: tuple[str, ...]) -> bool:
    return any(within(module, f"forensics.{part}") for part in parts)


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("forensics", ("django", "celery", "webapp", "tasks", "redis", "kombu")),
        ("webapp", ("tasks",)),
    ],
)
def test_a_package_imports_none_of(package: str, forbidden: tuple[str, ...]) -> None:
    wrong = [str(f) for f in imports(package) if any(within(f.target, name) for name in forbidden)]
    assert wrong == []


def test_plugins_never_import_a_sibling() -> None:
    wrong = [str(found) for found in imports("forensics") if _is_sibling(found)]
    assert wrong == []


def _is_sibling(found: Import) -> bool:
    """Files that begin with _ are helpers shared by the plug-ins of one package."""
    for package in (f"forensics.{name}" for name in PLUGINS):
        if within(found.target, package) and within(found.module, package) and found.module != package:
            rest = found.target.removeprefix(package).strip(".").split(".")[0]
            return bool(rest) and not rest.startswith("_") and found.target != found.module
    return False


def test_the_rule_on_siblings_sees_a_sibling_and_lets_a_helper_pass() -> None:
    assert _is_sibling(Import("forensics.channels.style", "forensics.channels.agreement", 1, lazy=True))
    assert not _is_sibling(Import("forensics.channels.style", "forensics.channels._grams", 1, lazy=False))
    assert not _is_sibling(Import("forensics.channels.style", "forensics.channels", 1, lazy=False))


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    """The zoo's training is a program of its own; everything else is imported by processes that must stay light."""
    light = [f for package in ("forensics", "webapp", "tasks") for f in imports(package) if not f.lazy]
    wrong = [str(f) for f in light if f.target.split(".")[0] in HEAVY and not within(f.module, "forensics.zoo")]
    private = [w for w in wrong if "._" not in w.split(",")[0]]
    assert private == []


@pytest.mark.parametrize("module", ["webapp.urls", "forensics.__main__"])
def test_no_model_library_is_loaded_by_importing(module: str) -> None:
    code = (
        "import os, sys, importlib\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'webapp.settings')\n"
        "import django; django.setup()\n"
        f"importlib.import_module({module!r})\n"
        "from forensics import registry\n"
        "for kind in ('adapters', 'channels', 'probes', 'corpora', 'figures'):\n"
        "    registry.load_all(f'forensics.{kind}')\n"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


LABEL_FILES = ("lineage.csv", "pairs.csv", "teacher_families.csv", "exclusions.csv")


def test_labels_are_named_only_where_the_engine_is_judged_or_fitted() -> None:
    """The engine is blind: what compares and identifies cannot even name a file of labels."""
    allowed = ("forensics.evaluation", "forensics.commands.validate", "forensics.zoo.record")  # the zoo writes its own
    wrong = [
        f"{module} names {name}"
        for module, path in sources("forensics").items()
        for name in LABEL_FILES
        if f'"{name}"' in path.read_text(encoding="utf-8") and not any(within(module, a) for a in allowed)
    ]
    assert wrong == []
