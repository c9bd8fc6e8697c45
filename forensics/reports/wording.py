"""The wording lint: sentences that no report may say, why, and what to say instead.

A likelihood ratio speaks of findings given propositions. What speaks of a proposition given findings, or of a finding
as if it settled the matter, is refused, in what the software writes and in what people write.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
NEGATED = r"\b(?:not|no|never|nor|cannot|can't|neither|nothing|without|none|isn't|doesn't|don't|rather than)\b"
NEAR = re.compile(rf"{NEGATED}(?:\W+\w+){{0,4}}\W*\Z", re.IGNORECASE)
CONDITIONAL = re.compile(
    r"\b(?:if|whether|unless|hp|hd|proposition|alleg\w*|claim\w*|asks?|asked|question)\b", re.IGNORECASE
)
OF_BYTES = re.compile(r"\b(?:hash\w*|sha-?\d+|checksums?|digests?|signatures?|bytes?|files?|regex|pattern)\b", re.I)
INSTEAD_LR = "The findings are about X times more probable if Hp than if Hd."


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence that is refused: the words at fault, why, and what to say instead."""

    sentence: str
    words: str
    why: str
    instead: str

    def __str__(self) -> str:
        return f"“{self.words}” in “{self.sentence[:160]}”: {self.why} Say instead: {self.instead}"


@dataclass(frozen=True, slots=True)
class Rule:
    """conditional: allowed where the sentence only supposes it. bytes_too: allowed where it is said of hashes."""

    pattern: re.Pattern[str]
    why: str
    instead: str
    conditional: bool = False
    bytes_too: bool = False


def _rule(pattern: str, why: str, instead: str, *, conditional: bool = False, bytes_too: bool = False) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), why, instead, conditional, bytes_too)


SUPPORT = "The findings support Hp over Hd, with the verbal term and the likelihood ratio."
RULES = (
    _rule(
        r"\b(?:prov(?:e|es|ed|en|ing)\b|proof\s+(?:that|of)\b)",
        "no finding proves a proposition; it is more or less probable under one.", SUPPORT,
    ),
    _rule(
        r"\bconfirm(?:s|ed|ing|ation|atory)?\b",
        "a likelihood ratio compares two propositions and settles neither.", SUPPORT, bytes_too=True,
    ),
    _rule(
        r"\b(?:match(?:es|ed)?\b|matching\s+(?:model|source|fingerprint)s?\b)",
        "two models are more or less alike; a match sounds like an identity and hides how rare the likeness is.",
        "The two score 1.23 on this channel, as 4 of 304 unrelated pairs do.", bytes_too=True,
    ),
    _rule(
        r"\b(?:was|were|is|are|been|being)\s+(?:\w+ly\s+)?(?:distilled|copied|cloned|stolen|plagiari[sz]ed|ripped"
        r"|pirated)\s+(?:from|off|by)\b",
        "it states the proposition as a fact.", INSTEAD_LR, conditional=True,
    ),
    _rule(
        r"\b(?:stole|steals|plagiari[sz]ed|copied|cloned)\s+(?:\w+\s+){0,2}(?:model|weights|outputs?|it|them)\b",
        "it states the proposition as a fact.", INSTEAD_LR, conditional=True,
    ),
    _rule(
        r"\d\s*(?:%|per\s?cent|percent)\s+(?:likely|probab\w*|certain\w*|sure|chance|confiden\w*+(?!\s+(?:interval|limit"
        r"|level|band)))",
        "that is the probability of a proposition, which the findings alone cannot give.", INSTEAD_LR,
    ),
    _rule(
        r"\b(?:likely|probable|certain|likelihood|chances?)\s+(?:that|is\s+that)\b(?!\s+the\s+(?:findings|evidence))",
        "that is the probability of a proposition, which the findings alone cannot give.", INSTEAD_LR,
    ),
    _rule(
        r"\b(?:almost\s+|nearly\s+|most\s+|very\s+|highly\s+|overwhelmingly\s+|virtually\s+)(?:certain(?:ly)?|likely"
        r"|probabl[ey]|sure(?:ly)?)\b|\bprobably\b|\bmore\s+likely\s+than\s+not\b|\blikely\s+(?:to\s+(?:be|have)|a\s+copy"
        r"|derived|distilled|descends|the\s+source)\b",
        "that is the probability of a proposition, which the findings alone cannot give.", INSTEAD_LR,
    ),
    _rule(
        r"\bprobability\s+(?:that|of)\s+(?!(?:the|these|such|this|its|observing|obtaining)\s+"
        r"(?:findings?|evidence|scores?|replies|responses|results?|data)\b)",
        "that is the probability of a proposition or of a match, which no report states.", INSTEAD_LR,
    ),
    _rule(
        r"\b(?:probability|chance|likelihood|odds)\s+(?:that|of)\s+(?:the\s+|this\s+|a\s+)?(?:model|questioned|reference"
        r"|match|copy|copying|lineage|guilt|hp|hd|proposition|coincidence|accused|defendant)\b",
        "that is the probability of a proposition or of a match, which no report states.", INSTEAD_LR,
    ),
    _rule(
        r"\b(?:posterior|odds\s+(?:that|of|are\s+\d+)|chances?\s+(?:that|are|of))\b",
        "a posterior needs prior odds, which are for the court and not for the report.", INSTEAD_LR,
    ),
    _rule(
        r"\b(?:with\s+(?:\w+\s+)?certainty|conclusive(?:ly)?|undoubtedly|undeniabl[ey]|beyond\s+(?:any\s+|all\s+|a\s+)?"
        r"(?:reasonable\s+)?doubt|without\s+(?:any\s+|a\s+)?doubt|no\s+doubt|irrefutabl[ey]|unequivocal(?:ly)?"
        r"|indisputabl[ey]|must\s+have\s+been)\b",
        "every finding is uncertain, and the report says by how much.", SUPPORT,
    ),
    _rule(
        r"\b(?:establish(?:es|ed)?|demonstrat(?:es|ed)|show(?:s|ed|n)?|mean(?:s|t)?)\s+that\s+(?:the\s+)?(?:\S+\s+){0,4}"
        r"(?:descends|is\s+a\s+copy|was\s+(?:made|trained|derived|distilled|copied)|is\s+(?:derived|the\s+source))\b",
        "it states the proposition as a fact.", INSTEAD_LR,
    ),
)  # fmt: skip


def problems(text: str) -> list[Problem]:
    """Every sentence of a text that is refused, once each, in order."""
    return [found for sentence in sentences(text) if (found := _first(sentence)) is not None]


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, in the form in which they are read: no invisible characters, one kind of each letter."""
    plain = unicodedata.normalize("NFKC", text)
    visible = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    yield from (part.strip() for part in SENTENCE.split(visible) if part and part.strip())


def _first(sentence: str) -> Problem | None:
    for rule in RULES:
        for hit in rule.pattern.finditer(sentence):
            before = sentence[: hit.start()]
            excused = (
                NEAR.search(before)
                or (rule.conditional and CONDITIONAL.search(before))
                or (rule.bytes_too and OF_BYTES.search(sentence))
            )
            if not excused:
                return Problem(sentence, hit.group(), rule.why, rule.instead)
    return None
