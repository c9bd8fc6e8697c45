"""A blind trial: codes stand for names, decoys are planted by rule, and what the engine said is held to the truth.

The order is what makes it blind: `planted` fixes codes, decoys and `truth`; the truth is sealed; the engine compares
`Blind`, which knows codes alone; then the truth is opened and `tallies` holds the calls to it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from forensics.corpora import ResponseSource
from forensics.errors import BadInput
from forensics.evaluation.labels import RECIPE, UNRELATED, Labels
from forensics.evaluation.resampling import exact
from forensics.lineage.links import LINEAGE
from forensics.lineage.records import PROPOSITIONS, Comparison
from forensics.records import Completion, Prompt, Relation, ResponseSet

TRUTH, RECORD = "filiation-proficiency-truth/1", "filiation-proficiency/1"
RELABELLED, CONSTANT, REWRITTEN, SAME_DATA = "relabelled", "constant", "rewritten", "same-data"
PLANTED = (RELABELLED, CONSTANT, REWRITTEN)
DECOYS = {
    RELABELLED: "every reply of a member under another code",
    CONSTANT: "a member's first reply, whatever is asked",
    REWRITTEN: "every reply of a member through a rewriter: no Markdown, no line breaks, contractions written out, "
    "every tenth word left out; no log-probabilities",
    SAME_DATA: "two members of one developer's recipe on different bases: nothing planted, no lineage, much in common",
}
HIT, MISS, INCONCLUSIVE, OTHER, FALSE = "hits", "misses", "inconclusive", "other_relation", "false_claims"
OUTCOMES = {
    HIT: "the right word",
    MISS: "kin called unrelated",
    INCONCLUSIVE: "not determined",
    OTHER: "kin, but called another kind of kin",
    FALSE: "a kinship claimed of models that have none",
}
ORIGINAL = "its original"
RIGHT: Mapping[str, frozenset[str]] = {
    ORIGINAL: frozenset({Relation.SAME, Relation.DERIVED}),
    "same_weights": frozenset({Relation.SAME, Relation.DERIVED}),  # single replies cannot tell a copy from a light tune
    "parent_child": frozenset({Relation.DERIVED}),
    "shared_parent": frozenset({Relation.DERIVED, Relation.COMMON_SOURCE}),
    "component": frozenset({Relation.DERIVED}),
    "teacher_student": frozenset({Relation.DISTILLED}),
    "closed_family_version": frozenset({Relation.SAME, Relation.DERIVED, Relation.COMMON_SOURCE}),
    "shared_base": frozenset({Relation.COMMON_SOURCE}),
    RECIPE: frozenset({Relation.UNRELATED}),
    UNRELATED: frozenset({Relation.UNRELATED}),
}
"""What the engine may say of a documented relation, or of a decoy and the member it is made of, to be right."""
SILENT = frozenset({Relation.UNRELATED, Relation.NOT_DETERMINED})
"""What it may say of a constant model, of whose making its replies tell nothing."""
CONTRACTIONS = {"n't": " not", "'re": " are", "'ve": " have", "'ll": " will", "'m": " am"}
MARKDOWN = re.compile(r"^\s*(?:#+|[-*+]|\d+\.)\s+|[*_`]+", re.MULTILINE)
LEFT_OUT = 10


@dataclass(frozen=True, slots=True)
class Unit:
    """Who stands behind a code: a member, or a decoy made of one. decoy: '' for the member itself."""

    code: str
    member: str
    decoy: str = ""


@dataclass(frozen=True)
class Blind:
    """A recording as the engine sees it in a trial: a `ResponseSource` whose models are codes, decoys among them."""

    source: ResponseSource
    units: Mapping[str, Unit]

    @property
    def path(self) -> Path:
        """Where the recording was read from."""
        return self.source.path

    @property
    def prompts(self) -> Mapping[str, Prompt]:
        """Prompt id to prompt."""
        return self.source.prompts

    @property
    def models(self) -> tuple[str, ...]:
        """The codes in order."""
        return tuple(sorted(self.units))

    def responses(self, model: str) -> ResponseSet:
        """What stands behind a code replied."""
        unit = self.units[model]
        return replace(disguised(self.source.responses(unit.member), unit.decoy), model=model)


def planted(source: ResponseSource, labels: Labels, *, seed: int, decoys: int = 2, sample: int | None = None) -> Blind:
    """The recording under codes, with `decoys` of each planted kind, each made of another member.

    sample: how many members take part, drawn by the seed; all that lineage.csv knows by default. Fewer decoys are
    planted where members are too few. Raises BadInput for fewer than three members.
    """
    rng = np.random.default_rng(seed)
    known = [model for model in source.models if model in labels.lineage]
    if len(known) < len(PLANTED):
        raise BadInput(f"{len(known)} labelled models; a trial needs at least {len(PLANTED)}", where=source.path.name)
    chosen = [known[i] for i in sorted(rng.permutation(len(known))[: max(len(PLANTED), sample or len(known))])]
    each = min(decoys, len(chosen) // len(PLANTED))
    made_of = [chosen[i] for i in rng.permutation(len(chosen))[: each * len(PLANTED)]]
    kinds = [kind for kind in PLANTED for _ in range(each)]
    members = [(model, "") for model in chosen] + list(zip(made_of, kinds, strict=True))
    codes = (f"model-{number:06x}" for number in rng.choice(16**6, size=len(members), replace=False))
    return Blind(source, {code: Unit(code, *member) for code, member in zip(codes, members, strict=True)})


def disguised(responses: ResponseSet, decoy: str) -> ResponseSet:
    """What a decoy made of a model replies; the model's own replies where there is no decoy, or a relabelled one."""
    if decoy not in (CONSTANT, REWRITTEN):
        return responses
    first = next((c.text for c in responses.completions if c.outcome.has_text), "")
    told = (_said(c, first if decoy == CONSTANT else rewritten(c.text)) for c in responses.completions)
    return ResponseSet(responses.model, tuple(told), responses.tokenizer)


def _said(completion: Completion, text: str) -> Completion:
    """The completion with other words; what is known of the old ones' tokens goes. A failure stays one."""
    if not completion.outcome.has_text:
        return completion
    return replace(completion, text=text, next_tokens=(), prompt_tokens=None, completion_tokens=None)


def rewritten(text: str) -> str:
    """The text as a mechanical filter in front of a model would give it: see `DECOYS`."""
    plain = MARKDOWN.sub("", text.replace("’", "'"))
    for short, long in CONTRACTIONS.items():
        plain = plain.replace(short, long)
    return " ".join(word for k, word in enumerate(plain.split(), 1) if k % LEFT_OUT)


def truth(blind: Blind, labels: Labels) -> dict[str, Any]:
    """What is sealed: who stands behind each code, and every pair [code, code, documented relation, decoy].

    A decoy bears its member's relations, that member is `ORIGINAL` to it, and a constant one is unrelated to everybody.
    Pairs of two decoys, and those whose relation is not documented, are not judged.
    """
    units = [blind.units[code] for code in blind.models]
    pairs = [[a.code, b.code, *told] for a, b in combinations(units, 2) if (told := _documented(a, b, labels))]
    known = sum(1 for a, b in combinations(units, 2) if not (a.decoy and b.decoy))
    return {
        "format": TRUTH,
        "models": [{"code": u.code, "member": u.member, "decoy": u.decoy} for u in units],
        "pairs": pairs,
        "undocumented": known - len(pairs),
    }


def _documented(a: Unit, b: Unit, labels: Labels) -> tuple[str, str] | None:
    """(relation, decoy) of a pair, or None where it is not judged."""
    if a.decoy and b.decoy:
        return None
    decoy = a.decoy or b.decoy
    if decoy == CONSTANT:
        return UNRELATED, CONSTANT
    relation = ORIGINAL if a.member == b.member else labels.relation(a.member, b.member)
    if relation == RECIPE and not decoy:
        decoy = SAME_DATA
    return (relation, decoy) if relation in RIGHT else None


def calls(result: Comparison) -> list[list[Any]]:
    """What the engine said: [code, code, relation, status, {proposition: log10 LR}] of every pair, LRs where it gave
    one."""
    return [
        [a, b, str(result.relation[i, j]), str(result.status[i, j]), _ratios(result, i, j)]
        for (i, a), (j, b) in combinations(enumerate(result.models), 2)
    ]


def _ratios(result: Comparison, i: int, j: int) -> dict[str, float]:
    found = {name: float(result.llr[name][i, j]) for name in PROPOSITIONS}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def outcome(relation: str, decoy: str, word: str) -> str:
    """What became of a pair, one of `OUTCOMES`: from its relation, the decoy in it, and the engine's word."""
    if word in (SILENT if decoy == CONSTANT else RIGHT[relation]):
        return HIT
    if word == Relation.NOT_DETERMINED:
        return INCONCLUSIVE
    if relation in (UNRELATED, RECIPE):
        return FALSE
    return OTHER if word in LINEAGE else MISS


def tallies(opened: Mapping[str, Any], said: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """A row for every documented relation among members, and for every decoy and relation: n, how many had no LR, and
    how many came to each outcome with the share's exact 95 % interval, which takes pairs for independent.

    Raises BadInput for a pair of the truth of which nothing was said.
    """
    told = {(call[0], call[1]): (str(call[2]), str(call[3])) for call in said}
    found: dict[tuple[str, str], Counter[str | bool]] = {}
    for a, b, relation, decoy in opened["pairs"]:
        if (a, b) not in told:
            raise BadInput(f"nothing was said of {a} and {b}")
        word, status = told[a, b]
        found.setdefault((decoy, relation), Counter()).update([outcome(relation, decoy, word), status != "ok"])
    return list(_rows(found))


def _rows(found: Mapping[tuple[str, str], Counter[str | bool]]) -> Iterator[dict[str, Any]]:
    places = {name: k for k, name in enumerate(("", *DECOYS))}
    for decoy, relation in sorted(found, key=lambda row: (places[row[0]], list(RIGHT).index(row[1]))):
        counted = found[decoy, relation]
        n = counted[True] + counted[False]
        told = {name: {"n": counted[name], "interval": list(exact(counted[name], n))} for name in OUTCOMES}
        yield {"decoy": decoy, "relation": relation, "n": n, "without_lr": counted[True], **told}
