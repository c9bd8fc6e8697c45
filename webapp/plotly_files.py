"""Serves plotly.js from the installed plotly package, so that no copy of it lies in this repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import plotly
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

NAME = "plotly.min.js"
FOLDER = Path(plotly.__file__).parent / "package_data"


class PlotlyFinder(BaseFinder):
    """Finds the one file, the full bundle: the basic one draws a heatmap as a scatter without a word."""

    def find(self, path: str, find_all: bool = False, **_: Any) -> Any:
        """The file's path where it is asked for."""
        found = str(FOLDER / NAME) if path == NAME else None
        return ([found] if found else []) if find_all else (found or [])

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        """The one file with its storage; no pattern that Django ignores fits it."""
        del ignore_patterns
        yield NAME, FileSystemStorage(location=str(FOLDER))
