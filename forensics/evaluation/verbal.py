"""Words for likelihood ratios: a versioned scale of the ENFSI kind."""

from __future__ import annotations

VERSION = "1"
BANDS = (
    (0.30103, "no support for one over the other"),
    (1.0, "weak support"),
    (2.0, "moderate support"),
    (3.0, "moderately strong support"),
    (4.0, "strong support"),
    (5.0, "very strong support"),
    (float("inf"), "extremely strong support"),
)
NO_LR = "No LR reported"
SUPPORTED = {
    "weights": "shared weights",
    "base": "a common base",
    "distilled": "distillation",
    "lineage": "lineage",
}


def verbal(llr10: float | None, proposition: str = "lineage") -> str:
    """The verbal term of a bounded log10 LR for one proposition; "No LR reported" for None.

    Give it the bounded value: the words then never exceed the bound's band. Bands: LR below 2 supports neither,
    then 2-10, 10-100, 100-1,000, 1,000-10,000, 10,000-100,000 and above (after ENFSI 2015, table 3).
    """
    if llr10 is None:
        return NO_LR
    term = next(term for limit, term in BANDS if abs(llr10) < limit)
    if term == BANDS[0][1]:
        return term
    return f"{term} for {SUPPORTED[proposition] if llr10 > 0 else 'no relation'}"


def number(llr10: float) -> str:
    """The LR itself in at most two significant digits, such as 150, 43, 1.6 or 0.05."""
    return _two_digits(10.0**llr10) if abs(llr10) < 4 else f"10^{llr10:.0f}"


def _two_digits(ratio: float) -> str:
    """Two significant digits, written out: 150 and never 1.5e+02."""
    return f"{float(f'{ratio:.2g}'):g}"


def sentence(llr10: float | None, hp: str, hd: str, *, why: str = "") -> str:
    """The sentence that a report says of a bounded log10 LR."""
    if llr10 is None:
        return f"{NO_LR}: {why or 'not estimable'}."
    times, first, second = (10.0**llr10, hp, hd) if llr10 >= 0 else (10.0**-llr10, hd, hp)
    return (
        f"The findings are about {_two_digits(times)} times more probable if {first} than if {second}. "
        "This is not the probability that either is true."
    )
