"""Small populations of made-up models with known kinship, for tests of the engine."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from forensics.records import Completion, Prompt, ResponseSet

STEMS = [f"{a}{b}" for a in ("bra", "cel", "dor", "fin", "gul", "hes", "jor", "kam", "lin", "mov") for b in "aeiouy"]
WORDS = [stem + tail for stem in STEMS for tail in ("n", "ster", "l", "dig", "met", "k", "rup", "vo")]


def prompts(count: int) -> dict[str, Prompt]:
    """That many chat prompts."""
    return {f"p{i:03d}": Prompt.chat(f"p{i:03d}", f"Tell me about {WORDS[i]}.") for i in range(count)}


def population(
    models: int = 14, questions: int = 60, *, seed: int = 5, kin: Mapping[int, int] | None = None, words: int = 60
) -> list[ResponseSet]:
    """Response sets m00, m01, ... Each model has its own taste in words; `kin` maps a child to its parent, whose
    replies it keeps but for a fifth of the words."""
    rng = np.random.default_rng(seed)
    relatives = kin or {}
    topics = rng.integers(0, len(WORDS), size=(questions, 30))
    replies: dict[int, list[list[int]]] = {}
    for model in range(models):
        taste = rng.permutation(len(WORDS))[:120]
        replies[model] = [
            [int(topics[q, k % 30]) if rng.random() < 0.5 else int(rng.choice(taste)) for k in range(words)]
            for q in range(questions)
        ]
        if model in relatives:
            parent = replies[relatives[model]]
            replies[model] = [
                [word if rng.random() < 0.8 else int(rng.choice(taste)) for word in reply] for reply in parent
            ]
    return [
        ResponseSet.of(
            f"m{model:02d}",
            [Completion(f"p{q:03d}", " ".join(WORDS[w] for w in reply) + ".") for q, reply in enumerate(told)],
        )
        for model, told in replies.items()
    ]


def rewritten(responses: ResponseSet, change: Callable[[int, str], str], name: str = "") -> ResponseSet:
    """The same response set with each text changed, given its number and itself; under another name where given."""
    told = tuple(replace(c, text=change(k, c.text)) for k, c in enumerate(responses.completions))
    return replace(responses, model=name or responses.model, completions=told)


def swapped(share: float, seed: int, words: int = 120) -> Callable[[int, str], str]:
    """A change that puts words of one taste in the place of a share of the words, on every text anew."""
    rng = np.random.default_rng(seed)
    taste = [WORDS[k] for k in rng.permutation(len(WORDS))[:words]]

    def change(_: int, text: str) -> str:
        kept = rng.random(len(text.split())) >= share
        return " ".join(w if k else str(rng.choice(taste)) for w, k in zip(text.split(), kept, strict=True))

    return change


def write_corpus(folder: Path, sets: list[ResponseSet], asked: Mapping[str, Prompt]) -> Path:
    """A corpus folder in the project's own format."""
    (folder / "responses").mkdir(parents=True)
    with gzip.open(folder / "prompts.jsonl.gz", "wt", encoding="utf-8") as out:
        for prompt in asked.values():
            out.write(json.dumps({"prompt_id": prompt.prompt_id, "prompt": prompt.text}) + "\n")
    for responses in sets:
        with gzip.open(folder / "responses" / f"{responses.model}.jsonl.gz", "wt", encoding="utf-8") as out:
            for completion in responses.completions:
                out.write(json.dumps(completion.as_json()) + "\n")
    return folder


LINEAGE = (
    "model", "developer", "family", "base_model", "parent", "teachers", "release", "relation_notes", "confidence",
    "same_as", "variant",
)  # fmt: skip


def write_labelled(folder: Path, *, models: int = 24, questions: int = 24, of_one_developer: int = 2) -> Path:
    """A labelled recording of families of two, parent and child; so many models in a row have one developer."""
    sets = population(models, questions, kin={i: i - 1 for i in range(1, models, 2)})
    write_corpus(folder, sets, prompts(questions))
    with (folder / "lineage.csv").open("w", encoding="utf-8", newline="") as out:
        told = csv.DictWriter(out, LINEAGE, restval="", lineterminator="\n")
        told.writeheader()
        for i in range(models):
            own = {"family": f"fam{i // 2}", "base_model": f"base{i // 2}", "release": "2024-01"}
            told.writerow({"model": f"m{i:02d}", "developer": f"dev{i // of_one_developer}", **own})
    pairs = (f"{folder.name},m{i:02d},m{i + 1:02d},parent_child,,high\n" for i in range(0, models, 2))
    (folder / "pairs.csv").write_text("corpus,model_a,model_b,relation,detail,confidence\n" + "".join(pairs))
    return folder


def covering() -> dict[str, Any]:
    """A calibration that covers so small a recording: fitted weights for the lead statistic."""
    row = {
        "features": ["agreement"], "intercept": -4.0, "coefficients": [1.0], "ranges": [[-9.0, 9.0]], "missing": [None],
        "bounds": [-1.0, 1.0], "positives": 12, "negatives": 264, "families": 12,
    }  # fmt: skip
    conditions = {"least_prompts": 10, "least_models": 8}
    return {"name": "t", "version": "1", "origin": "o", "conditions": conditions, "propositions": {"weights": row}}
