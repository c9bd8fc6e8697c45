"""python -m benchmarks [NAME ...]: run every benchmark, or those named, and print its table."""

from __future__ import annotations

import importlib
import os
import pkgutil
import platform
import sys

import benchmarks


def names() -> list[str]:
    """Every benchmark: a file of this package that does not begin with _."""
    return sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))


def main(chosen: list[str]) -> int:
    """The exit code."""
    if unknown := sorted(set(chosen) - set(names())):
        sys.stderr.write(f"no benchmark {', '.join(unknown)}; known: {', '.join(names())}\n")
        return 2
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name in chosen or names():
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n{module.TITLE}\n")
        print("\n".join(module.run()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
