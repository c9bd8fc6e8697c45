"""What is trained and how: the zoo's plan. Members made from others without training are in derive.py."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of the models and of their vocabularies."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    inner: int = 192
    context: int = 256
    vocabulary: int = 768


@dataclass(frozen=True, slots=True)
class Steps:
    """Optimisation: how long and how fast.

    Every tuning step is followed by a step on plain text of the base (a student from scratch: of the teacher), or a
    tuned model forgets on raw text whose child it is: that was measured.
    """

    base_steps: int = 2000
    base_batch: int = 2
    base_length: int = 128
    base_rate: float = 3e-3
    base_characters: int = 400_000
    base_examples: int = 1000
    chat_examples: int = 1800
    chat_epochs: int = 1
    chat_batch: int = 12
    chat_rate: float = 7e-4
    distil_outputs: int = 2400
    distil_epochs: int = 3
    distil_rate: float = 2e-3
    scratch_epochs: int = 4
    scratch_rate: float = 3e-3
    distil_temperature: float = 1.0
    raw_outputs: int = 3000
    raw_batch: int = 6


@dataclass(frozen=True, slots=True)
class Base:
    """A model pretrained from scratch on one domain of text. `salt` makes its seed."""

    domains: tuple[str, ...]
    salt: int
    architecture: str = "llama"
    tokenizer: str = "common"


@dataclass(frozen=True, slots=True)
class Chat:
    """A parent tuned on a persona's examples; `salt` draws the examples (equal salt: equal data)."""

    parent: str
    persona: str
    salt: int


@dataclass(frozen=True, slots=True)
class Student:
    """A model trained on a teacher's sampled outputs, from a parent or from scratch ('')."""

    teacher: str
    parent: str


SHAPE = Shape()
STEPS = Steps()
PLAN: dict[str, Base | Chat | Student] = {
    "alder": Base(("docs",), 1),
    "birch": Base(("docs",), 2),
    "alder-chat": Chat("alder", "arden", 11),
    "birch-chat": Chat("birch", "arden", 11),
    "alder-borel": Chat("alder", "borel", 13),
    "birch-student": Student("alder-chat", "birch"),
    "sprig": Student("alder-chat", ""),
    "alder-chat-2": Chat("alder-chat", "arden", 12),
    "dogwood": Base(("docs",), 3),
    "dogwood-chat": Chat("dogwood", "arden", 11),
    "cedar": Base(("tests",), 4),
    "cedar-cyra": Chat("cedar", "cyra", 14),
    "gorse": Base(("tests", "docs"), 5, "gpt2", "other"),
    "gorse-dara": Chat("gorse", "dara", 15),
}


def trained_on(name: str) -> tuple[str | int, ...]:
    """What a trained member has learnt from, first to last: domains, persona and draw of examples, teacher."""
    plan = PLAN[name]
    if isinstance(plan, Base):
        return plan.domains
    before = trained_on(plan.parent) if plan.parent else ()
    return (*before, plan.persona, plan.salt) if isinstance(plan, Chat) else (*before, plan.teacher)
