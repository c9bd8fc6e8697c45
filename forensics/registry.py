"""Finds plug-ins: one file in a package is one plug-in, and its name is the file's name with hyphens."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from forensics.errors import BadInput


@cache
def names(package: str) -> tuple[str, ...]:
    """Plug-in names in a package such as ``forensics.channels``, sorted. Files that begin with _ are helpers."""
    found = pkgutil.iter_modules(importlib.import_module(package).__path__)
    return tuple(sorted(m.name.replace("_", "-") for m in found if not m.ispkg and not m.name.startswith("_")))


def load(package: str, name: str) -> Any:
    """The object called PLUGIN in that plug-in's file; raises BadInput with the known names."""
    if name not in names(package):
        raise BadInput(f"no {package.rpartition('.')[2]} plug-in {name!r}; known: {', '.join(names(package))}")
    module = importlib.import_module(f"{package}.{name.replace('-', '_')}")
    plugin = module.PLUGIN
    if plugin.declaration.name != name:
        raise BadInput(f"declares itself as {plugin.declaration.name!r}", where=str(module.__file__))
    return plugin


def load_all(package: str) -> dict[str, Any]:
    """Every plug-in of a package by name, in name order."""
    return {name: load(package, name) for name in names(package)}
