"""What each module of the project imports, read from its source without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Import:
    """`module` imports `target` at `line`; `lazy` where it stands inside a function."""

    module: str
    target: str
    line: int
    lazy: bool

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}, imports {self.target}"


@cache
def sources(package: str) -> dict[str, Path]:
    """Module name to file, for every module below a package."""
    return {_name(path): path for path in sorted((ROOT / package).rglob("*.py"))}


@cache
def imports(package: str) -> tuple[Import, ...]:
    """Every import of every module below a package, the lazy ones included."""
    return tuple(found for module, path in sources(package).items() for found in _read(module, path))


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(module: str, path: Path) -> list[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    lazy = {id(node) for f in ast.walk(tree) if isinstance(f, functions) for node in ast.walk(f)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}, line {node.lineno}: relative import; write the whole name"
            targets = [_resolved(str(node.module), alias.name) for alias in node.names]
        else:
            continue
        found += [Import(module, target, node.lineno, id(node) in lazy) for target in targets]
    return found


def _resolved(package: str, name: str) -> str:
    """`from a.b import c` names module a.b.c where that is one, else module a.b."""
    stem = ROOT.joinpath(*package.split("."), name)
    return f"{package}.{name}" if stem.is_dir() or stem.with_suffix(".py").exists() else package


def within(name: str, package: str) -> bool:
    """Whether a module is that package or lies below it."""
    return name == package or name.startswith(f"{package}.")
