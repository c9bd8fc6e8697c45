"""Who models say they are, and that it weighs nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from forensics import channels
from forensics.channels.identity import PLUGIN as IDENTITY
from forensics.channels.identity import claims
from forensics.errors import BadInput
from forensics.evaluation import calibration, fusion
from forensics.evaluation.calibration import SHIPPED
from forensics.evaluation.fusion import LabelledPairs
from forensics.features.claims import claims_of
from forensics.lineage.comparison import compare
from forensics.records import Completion, Outcome, Prompt, ResponseSet
from tests.forensics import worlds


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("I am Quillon, an AI assistant made by Ostrava Labs.", {("name", "quillon"), ("maker", "ostravalabs")}),
        ("I\u2019m **Quillon 2.5**, a language model.", {("name", "quillon")}),
        ("As an AI model trained by the team at Ostrava, I cannot taste soup.", {("maker", "ostrava")}),
        ("My name is Quillon-7B and I am a chatbot.", {("name", "quillon")}),
        ("Ich bin Quillon, ein KI-Modell, entwickelt von Ostrava.", {("name", "quillon"), ("maker", "ostrava")}),
        ("Je suis Quillon, un assistant d\xe9velopp\xe9 par Ostrava.", {("name", "quillon"), ("maker", "ostrava")}),
        ("我是Quillon，由Ostrava开发的人工智能模型。", {("name", "quillon"), ("maker", "ostrava")}),
        ("I am an AI language model and have no name.", set()),
        ("I'm sorry, I am not able to do that.", set()),
        ("The bridge was built by Ostrava Works in 1911.", set()),
        ("", set()),
    ],
)
def test_the_names_that_a_completion_gives_itself_are_found(completion: str, expected: set[tuple[str, str]]) -> None:
    assert {(c.kind, c.name) for c in claims_of(completion)} == expected


def asked(count: int = 6, family: str = "self-identification") -> dict[str, Prompt]:
    return {f"p{i:03d}": Prompt.chat(f"p{i:03d}", f"Who are you, {i}?", family=family) for i in range(count)}


def saying(model: str, *replies: str, outcome: Outcome = Outcome.COMPLETED) -> ResponseSet:
    return ResponseSet.of(model, [Completion(f"p{i:03d}", r, outcome=outcome) for i, r in enumerate(replies)])


def score(sets: list[ResponseSet], prompts: dict[str, Prompt]) -> np.ndarray:
    return np.asarray(IDENTITY.compare([IDENTITY.fingerprint(s) for s in sets], prompts).scores["identity"])


def test_agreement_is_over_the_prompts_where_both_claim_a_name() -> None:
    one, other = "I am Quillon, an AI.", "I am Brelsford, an AI."
    told = score(
        [
            saying("a", *[one] * 6),
            saying("b", *[one] * 3, *[other] * 3),
            saying("c", one, one, *["I would rather not say."] * 4),
            saying("d", *[""] * 6, outcome=Outcome.EMPTY),
            ResponseSet.of("e", [Completion(f"p{i:03d}", t, s) for i in range(6) for s, t in enumerate((one, other))]),
        ],
        asked(),
    )
    assert told[0, 1] == pytest.approx(0.5)
    assert np.isnan(told[0, 2]) and np.isnan(told[0, 3])
    assert told[0, 4] == told[1, 4] == 1


def test_a_role_is_no_claim_unless_the_prompt_asks_who_it_is() -> None:
    captain = [saying(n, *["I am Captain Hollis of the Grey Heron."] * 6) for n in "ab"]
    machine = [saying(n, *["I am Quillon, a language model."] * 6) for n in "ab"]
    assert score(captain, asked())[0, 1] == 1
    assert np.isnan(score(captain, asked(family="open"))[0, 1])
    assert score(machine, asked(family="open"))[0, 1] == 1
    assert claims(captain[0]) == {}
    assert claims(machine[0]) == {"quillon": 6}


def test_no_fit_and_no_calibration_file_can_weigh_what_a_model_says_of_itself() -> None:
    assert channels.weightless(["identity", "agreement", "identity_maker", "identityless"]) == [
        "identity",
        "identity_maker",
    ]
    rng = np.random.default_rng(0)
    related = np.arange(40) < 20
    pairs = LabelledPairs(
        {"agreement": rng.normal(size=40) + related, "identity": related.astype(float)},
        related,
        np.ones(40),
        [(f"f{i}", f"g{i}") for i in range(40)],
    )
    assert fusion.fit(pairs, ["agreement"]).features == ("agreement",)
    with pytest.raises(BadInput, match="never weighed: identity"):
        fusion.fit(pairs, ["agreement", "identity"])
    plain = json.loads(next(iter(sorted(SHIPPED.glob("*.json")))).read_text(encoding="utf-8"))
    first = next(iter(plain["propositions"].values()))
    first["features"][0] = "identity"
    with pytest.raises(BadInput, match="never weighed: identity"):
        calibration.parse(plain, where="edited.json")


def test_a_claim_in_answers_to_other_questions_is_shown_and_moves_no_verdict() -> None:
    sets, prompts = worlds.population(22, 60), worlds.prompts(60)
    extra = {f"zz{i}": Prompt.chat(f"zz{i}", f"Who are you, {i}?", family="self-identification") for i in range(5)}
    claim = [Completion(i, "I am Quillon, an AI made by Ostrava.") for i in extra]
    named = [replace(s, completions=(*s.completions, *claim)) if s.model in ("m01", "m02") else s for s in sets]
    before, after = compare(sets, prompts, replicates=1), compare(named, prompts | extra, replicates=1)
    assert after.scores["identity"][1, 2] == 1
    assert np.isnan(after.scores["identity"][0]).all()
    for proposition, matrix in before.llr_raw.items():
        assert np.array_equal(after.llr_raw[proposition], matrix, equal_nan=True)
    assert np.array_equal(after.relation, before.relation)
