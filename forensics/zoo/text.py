"""Training text: what every Python install carries, read at training time and never stored here."""

from __future__ import annotations

import ast
import re
import sysconfig
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

LIBRARY = Path(sysconfig.get_path("stdlib"))
DOMAINS = ("docs", "tests")
PIECE = 4000
TESTS_READ = 4  # every fourth file: taking the docstrings out is slow


def _trees(folder: Path, *, tests: bool) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(LIBRARY).parts
        if ("test" in inside or "tests" in inside) is not tests or "site-packages" in inside:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield path, ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError):  # deliberately broken files under test/
            continue


def _documented(tree: ast.Module) -> Iterator[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        text = ast.get_docstring(node) if isinstance(node, kinds) else None
        if text and len(text) > 40:
            yield text


def _docs() -> Iterator[str]:
    from pydoc_data.topics import topics  # type: ignore[import-untyped,unused-ignore]

    yield from (topics[name] for name in sorted(topics))
    for _, tree in _trees(LIBRARY, tests=False):
        yield from _documented(tree)


def _without_docstrings(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and len(body) > 1:
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                del body[0]
    return ast.unparse(tree)


def _tests() -> Iterator[str]:
    for number, (_, tree) in enumerate(_trees(LIBRARY / "test", tests=True)):
        if number % TESTS_READ == 0:
            yield _without_docstrings(tree)


@cache
def _pieces(domain: str) -> tuple[str, ...]:
    found = {"docs": _docs, "tests": _tests}[domain]()
    return tuple(text[at : at + PIECE] for text in found for at in range(0, len(text), PIECE))


def documents(domain: str, seed: int, most: int) -> list[str]:
    """Pieces of text of one domain in an order drawn by `seed`, about `most` characters in all.

    "docs" is prose (docstrings and the language reference), "tests" is code without docstrings: they share no text.
    """
    pieces = _pieces(domain)
    order = np.random.default_rng(seed).permutation(len(pieces))
    chosen, used = [], 0
    for place in order:
        chosen.append(pieces[place])
        used += len(pieces[place])
        if used >= most:
            break
    return chosen


def words(seed: int) -> list[str]:
    """Lower-case words of five letters and more out of the documentation, in an order drawn by `seed`."""
    text = " ".join(documents("docs", 0, 1_000_000))
    found = sorted(set(re.findall(r"\b[a-z]{5,12}\b", text)))
    return [found[i] for i in np.random.default_rng(seed).permutation(len(found))]
