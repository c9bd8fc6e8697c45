"""One-word answers: how often each of two models gives which word."""

from __future__ import annotations

from typing import Any

from forensics.figures import _style as style
from forensics.lineage.observed import Asked, OneWords
from forensics.records import Declaration

FIRST = 5
"""Words of a question that are drawn; the table holds all."""
PENS = ((style.FOR, ""), (style.AGAINST, "/"), (style.RUBRIC, "x"), (style.INK, "."))


class OneWordAnswers:
    """Bars by question and word, a colour and a hatching for each model."""

    declaration = Declaration(
        name="one-words",
        version="1",
        title="One-word answers",
        source="forensics.lineage.observed; questions of the family one-word",
        parameters={"most": 8},
        limitations=("Shown beside likelihood ratios and never part of one.",),
    )

    def data(self, result: OneWords, *, most: int = 8) -> dict[str, Any]:
        """Questions on which the models have most in common first; `empty` where they answered none in common."""
        asked = [
            {"prompt_id": a.prompt_id, "text": a.text, "n": list(a.n), "overlap": _share(result.overlap[a.prompt_id]),
             "words": [[word, *map(_share, shares)] for word, shares in a.shares.items()]}
            for a in result.asked
        ]  # fmt: skip
        rows = [
            [a.prompt_id, word, *map(_share, shares), *a.n] for a in result.asked for word, shares in a.shares.items()
        ]
        names = [*result.models, *(f"replies of {model}" for model in result.models)]
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "models": list(result.models),
            "asked": asked[:most],
            "left_out": max(0, len(asked) - most),
            "empty": not asked,
            "reading": _reading(result),
            "table": style.table("Shares of replies by word", ("probe", "word", *names), rows),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """Grouped horizontal bars; the commonest words of each question from the top down."""
        lines = [(a, word) for a in data["asked"] for word in a["words"][:FIRST]]
        places = list(range(len(lines)))
        bars = [
            {
                "type": "bar", "orientation": "h", "name": style.label(style.short(model)), "y": places,
                "x": [100 * word[1 + k] for _, word in lines], "hoverinfo": "none",
                "marker": {"color": PENS[k % len(PENS)][0], "pattern": {"shape": PENS[k % len(PENS)][1]}},
            }
            for k, model in enumerate(data["models"])
        ]  # fmt: skip
        starts = [k for k in places if k == 0 or lines[k][0] is not lines[k - 1][0]]
        ticks = [_tick(word[0], asked["prompt_id"] if k in starts else "") for k, (asked, word) in enumerate(lines)]
        return {
            "data": bars,
            "layout": style.layout(
                height=120 + 34 * max(1, len(lines)),
                barmode="group",
                bargap=0.35,
                showlegend=True,
                legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
                margin={"l": 10, "r": 10, "t": 10, "b": 10},
                xaxis=style.bare_axis(
                    title={"text": "% of replies"}, range=[0, 102], showgrid=True, gridcolor=style.RULE, automargin=True
                ),
                yaxis=style.bare_axis(
                    tickmode="array", tickvals=places, ticktext=ticks, range=[len(lines) - 0.5, -0.5], automargin=True
                ),
                shapes=[style.horizontal(k - 0.5) for k in starts[1:]],
            ),
        }


def _tick(word: str, prompt_id: str) -> str:
    """The word, after its question where that begins."""
    shown = style.label(style.short(word or "(no word)", 24))
    return f"{style.label(style.short(prompt_id, 16))}: {shown}" if prompt_id else shown


def _share(value: float) -> float:
    return round(style.finite([value], "the one-word answers")[0], 4)


def _reading(told: OneWords) -> str:
    if not told.asked:
        return f"{' and '.join(told.models) or 'These models'} answered no one-word question in common."
    first: Asked = told.asked[0]
    mean = sum(told.overlap.values()) / len(told.overlap)
    return (
        f"On {len(told.asked)} one-word questions {' and '.join(told.models)} give the same word in {mean:.0%} of "
        f"replies on average, most alike on {first.prompt_id} ({told.overlap[first.prompt_id]:.0%})."
    )


PLUGIN = OneWordAnswers()
