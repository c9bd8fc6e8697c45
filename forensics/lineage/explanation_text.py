"""An explanation as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from forensics.evaluation.verbal import number
from forensics.lineage.explanation import Explanation, Why
from forensics.lineage.removal import Removal
from forensics.tables import printable, text_table

LONGEST = 100


def explanation_text(told: Explanation, top: int) -> str:
    """The whole explanation, `top` rows to each table."""
    head = f"{printable(told.model_a)} and {printable(told.model_b)}: {told.prompts} common prompts"
    parts = [head if told.why else f"{head}. {told.status}"]
    parts += [part for why in told.why for part in _why(why, top)]
    if told.phrases:
        parts.append(
            f"Phrases that add most to the agreement of the two (n-grams that at most a tenth of the models use; "
            f"{len(told.phrases)} shown)"
        )
        rows = [
            [f"{p.overlap / told.overlap:.1%}", f"{p.background} of {p.models}", _few(p.prompt_ids), _short(p.text)]
            for p in told.phrases
        ]
        parts.append(text_table(("part", "other models", "prompts", "phrase"), rows))
    if told.habits:
        parts.append("Habits that both over-use, whatever they are asked; as many of the others over-use them as much")
        habits = [[f"{h.part:+.4f}", f"{h.background} of {h.models}", h.feature, _short(h.text)] for h in told.habits]
        parts.append(text_table(("part", "other models", "score", "habit"), habits))
    return "\n\n".join(parts)


def _why(why: Why, top: int) -> Iterator[str]:
    bound = f", held at the {why.bound} bound" if why.bound else ""
    yield (
        f"LR {why.proposition}: {number(why.llr)} ({why.verbal})\n"
        f"log10 LR {why.llr_raw:.4f} before the bound, {why.llr:.4f} after{bound} "
        f"[{why.bounds[0]:.2f}, {why.bounds[1]:.2f}]"
    )
    rows: list[list[object]] = [["intercept", None, None, f"{why.intercept:+.4f}", ""]]
    rows += [[t.feature, t.score, t.coefficient, f"{t.added:+.4f}", t.note] for t in why.terms]
    yield text_table(("term", "score", "coefficient", "log10 LR", ""), rows)
    if why.held:
        yield f"Held as they are, since they are no means over prompts: {', '.join(why.held)}"
    if why.probes:
        probes = [[f"{p.carried:+.4f}", printable(p.prompt_id), _short(p.prompt)] for p in why.probes[:top]]
        yield "Probes that carry it\n" + text_table(("log10 LR", "probe", "asked"), probes)
    if why.cells:
        cells = [[f"{c.carried:+.4f}", printable(c.prompt_id), c.label, c.feature, c.value] for c in why.cells[:top]]
        yield "Contexts that carry it\n" + text_table(("log10 LR", "probe", "context", "score", "bits"), cells)
    yield fewest_text(why.fewest)


def fewest_text(found: Removal) -> str:
    """How many probes the words rest on, in a sentence."""
    if not found.prompt_ids or found.llr is None:
        return f"Fewest probes without which the words change: none: {found.why}"
    return (
        f"Fewest probes without which the words change: {len(found.prompt_ids)} of {found.of} ({found.share:.1%}), "
        f"to {found.after} (LR {number(found.llr)}): {_few(found.prompt_ids)}"
    )


def _few(names: tuple[str, ...], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(printable, names[:most])) + more


def _short(text: str) -> str:
    plain = printable(text)
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"
