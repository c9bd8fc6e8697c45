"""One kind of fingerprint of a whole population, which remembers what is asked of it again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from numpy.typing import NDArray

Asked = ParamSpec("Asked")
Result = TypeVar("Result", bound=NDArray[Any])


class Population(tuple[Mapping[str, NDArray[Any]], ...]):
    """The fingerprints of m models. It may be read as any sequence of them; `found` holds what `once` remembers."""

    found: dict[tuple[Any, ...], NDArray[Any]]

    def __init__(self, _prints: object = ()) -> None:
        self.found = {}


def once(
    compute: Callable[Concatenate[Any, Asked], Result],
) -> Callable[Concatenate[Any, Asked], Result]:
    """The function, computed once for each `Population` and all other arguments; anew for any other sequence.

    Several channels ask the same of the same tables. What is remembered is shared, and so cannot be written to.
    """

    @wraps(compute)
    def remembered(population: Any, /, *args: Asked.args, **more: Asked.kwargs) -> Result:
        if not isinstance(population, Population):
            return compute(population, *args, **more)
        key = (compute, args, tuple(sorted(more.items())))
        if key not in population.found:
            population.found[key] = compute(population, *args, **more)
            population.found[key].flags.writeable = False
        return cast("Result", population.found[key])

    return remembered
