"""Channels that are shown beside the likelihood ratios, judged on recorded zoos, whose suites ask for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from forensics.corpora import ResponseSource
from forensics.evaluation.findings import Row, figures_of
from forensics.evaluation.judging import Judge
from forensics.evaluation.labels import Labels
from forensics.evaluation.pairs import PairTable, pair_table
from forensics.evaluation.validation import relation_rows
from forensics.lineage.comparison import channel_scores

STUDY = "channels beside"
CHANNELS = ("one-word",)
"""The others are judged on every labelled recording with all columns of a comparison."""


def rows(zoos: Mapping[str, tuple[ResponseSource, Labels]], *, seed: int = 0) -> Iterator[Row]:
    """AUC and EER of the channels' scores per documented relation, all zoos together: a pair is of one zoo, families of
    one name in two zoos are different ones."""
    tables = []
    for name, (source, labels) in zoos.items():
        sets = (source.responses(model) for model in source.models)
        models, scores = channel_scores(sets, source.prompts, CHANNELS)
        own = {f"score_{k}": v for k, v in scores.items() if k.startswith(tuple(c.replace("-", "_") for c in CHANNELS))}
        tables.append(pair_table(name, models, own, labels).independent())
    if tables:
        told = {"corpus": "zoos", "relations": relation_rows(Judge(_together(tables), seed=seed))}
        for row in figures_of(told | {"contrast": None, "propositions": ()}):
            yield row | {"study": STUDY}


def _together(tables: Sequence[PairTable]) -> PairTable:
    return PairTable(
        "zoos",
        np.concatenate([table.relation for table in tables]),
        tuple(group for table in tables for group in table.groups),
        {name: np.concatenate([table.columns[name] for table in tables]) for name in tables[0].columns},
    )
