"""Registers every weights folder inside a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forensics.errors import BadInput
from webapp.catalogue import services
from webapp.catalogue.models import Model, Role


def weights_folders(folder: str) -> list[Path]:
    """Sub-folders that hold a config.json, by name; raises BadInput where the folder is none or holds none."""
    root = Path(folder).expanduser()
    try:
        if not root.is_dir():
            raise BadInput("there is no such folder on this server; nothing was registered", where=folder)
        found = sorted(path.parent for path in root.glob("*/config.json"))
    except OSError as problem:
        raise BadInput(f"cannot be read: {problem.strerror}; nothing was registered", where=folder[:200]) from problem
    if not found:
        raise BadInput("no sub-folder holds a config.json; nothing was registered", where=folder)
    return found


def register_folder(*, folder: str, role: str = Role.REFERENCE, user: Any = None) -> list[Model]:
    """The models registered now, those of the same name left alone; raises BadInput when none is new.

    A folder that is refused raises, naming it; the models registered before it stay.
    """
    folders = weights_folders(folder)
    known = set(Model.objects.filter(name__in=[path.name for path in folders]).values_list("name", flat=True))
    new = [path for path in folders if path.name not in known]
    if not new:
        raise BadInput(f"all {len(folders)} models in it are already registered; nothing was changed", where=folder)
    return [services.register_weights(name=path.name, folder=str(path), role=role, user=user) for path in new]
