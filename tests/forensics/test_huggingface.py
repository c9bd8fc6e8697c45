"""The local adapter on real transformers models of the zoo."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forensics.adapters import Call, Target
from forensics.adapters._spelling import _BYTES, speller
from forensics.adapters.huggingface import PLUGIN
from forensics.errors import AdapterError
from forensics.probes import load_suite
from forensics.records import GenerationConfig, Mode, Outcome, Prompt
from forensics.zoo.build import write_member
from forensics.zoo.members import WEIGHTS, members

pytestmark = pytest.mark.zoo
NAMES = ("alder-chat", "alder-chat-permuted", "alder-chat-rotated", "gorse-dara")
SUITE = load_suite("core")
RAW = next(probe.prompt for probe in SUITE.probes if probe.prompt.mode is Mode.RAW)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zoo")
    for name in NAMES:
        write_member(members()[name], folder / name, WEIGHTS, members())
    return folder


@pytest.fixture(scope="module")
def sessions(zoo: Path) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(PLUGIN.open(Target(str(zoo / name)))) for name in NAMES}


def calls(**settings: Any) -> list[Call]:
    config = GenerationConfig(**{"max_tokens": 12, **settings})
    chosen = [probe.prompt for probe in SUITE.probes][::9]
    return [Call(prompt, sample, config) for prompt in chosen for sample in range(config.samples)]


def texts(session: Any, sent: list[Call]) -> dict[tuple[str, int], str]:
    return {(r.completion.prompt_id, r.completion.sample): r.completion.text for r in session.send(sent)}


def nats(session: Any, prompt: Prompt) -> list[dict[str, float]]:
    (reply,) = session.send([Call(prompt, 0, GenerationConfig(max_tokens=1, top_logprobs=700))])
    return [dict(told.top) for told in reply.completion.next_tokens]


@pytest.mark.parametrize("name", ["alder-chat", "gorse-dara"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_reply_does_not_depend_on_who_shares_its_batch(
    sessions: dict[str, Any], name: str, temperature: float
) -> None:
    sent = calls(temperature=temperature, samples=2, seed=5)
    together = texts(sessions[name], sent)
    alone = {key: text for call in sent[::7] for key, text in texts(sessions[name], [call]).items()}
    assert alone == {key: together[key] for key in alone}
    assert len(together) == len(sent)


def test_seed_and_sample_decide_what_is_drawn(sessions: dict[str, Any]) -> None:
    session = sessions["alder-chat"]
    once, again = (texts(session, calls(temperature=1.0, samples=2, seed=1)) for _ in range(2))
    other = texts(session, calls(temperature=1.0, samples=2, seed=2))
    assert once == again != other
    assert any(once[p, 0] != once[p, 1] for p, _ in once)


def test_next_tokens_end_at_the_words_that_were_consumed(sessions: dict[str, Any]) -> None:
    sent = Call(RAW, 0, GenerationConfig(max_tokens=1, top_logprobs=40))
    (reply,) = sessions["alder-chat"].send([sent])
    told = reply.completion.next_tokens
    assert [one.chars for one in told] == sorted({one.chars for one in told})
    assert told[-1].chars == len(RAW.text)
    assert all(RAW.text[one.chars].isspace() for one in told[:-1])
    assert all(len(one.top) == 40 and one.top == tuple(sorted(one.top, key=lambda t: -t[1])) for one in told)


def test_a_prefix_alone_gives_the_distribution_that_scoring_gave(sessions: dict[str, Any]) -> None:
    for name in ("alder-chat", "gorse-dara"):
        (reply,) = sessions[name].send([Call(RAW, 0, GenerationConfig(max_tokens=1, top_logprobs=700))])
        place = reply.completion.next_tokens[2]
        alone = nats(sessions[name], Prompt.raw("p", RAW.text[: place.chars]))[-1]
        for token, value in place.top:
            assert alone[token] == pytest.approx(value, abs=1e-4)
        assert sum(np.exp(list(alone.values()))) == pytest.approx(1, abs=0.02)


def test_greedy_takes_the_most_probable_token(sessions: dict[str, Any]) -> None:
    (reply,) = sessions["gorse-dara"].send([Call(RAW, 0, GenerationConfig(max_tokens=1, top_logprobs=3))])
    best = reply.completion.next_tokens[-1].top[0][0]
    assert reply.completion.text == best
    assert reply.completion.completion_tokens == 1
    assert reply.completion.outcome in (Outcome.TRUNCATED, Outcome.EMPTY)


@pytest.mark.parametrize("copy", ["alder-chat-permuted", "alder-chat-rotated"])
def test_permuted_and_rotated_copies_have_other_weights_and_the_same_function(
    zoo: Path, sessions: dict[str, Any], copy: str
) -> None:
    assert PLUGIN.check(Target(str(zoo / copy))) != PLUGIN.check(Target(str(zoo / "alder-chat")))
    for one, two in zip(nats(sessions["alder-chat"], RAW), nats(sessions[copy], RAW), strict=True):
        common = one.keys() & two.keys()
        assert max(abs(one[token] - two[token]) for token in common) < 1e-4


def test_check_and_session_agree_on_the_tokenizer(zoo: Path, sessions: dict[str, Any]) -> None:
    told = {name: PLUGIN.check(Target(str(zoo / name))) for name in NAMES}
    assert all(told[name]["tokenizer"] == sessions[name].tokenizer for name in NAMES)
    assert told["gorse-dara"]["tokenizer"] != told["alder-chat"]["tokenizer"]
    assert told["gorse-dara"]["architecture"] == "GPT2LMHeadModel"


def test_a_prompt_that_does_not_fit_is_a_failed_reply_beside_good_ones(sessions: dict[str, Any]) -> None:
    config = GenerationConfig(max_tokens=4)
    long = Call(Prompt.raw("long", "word " * 400), 0, config)
    replies = {r.completion.prompt_id: r for r in sessions["alder-chat"].send([long, Call(RAW, 0, config)])}
    assert replies["long"].completion.outcome is Outcome.FAILED
    assert "tokens" in replies["long"].error
    assert replies[RAW.prompt_id].completion.text


def test_a_folder_that_transformers_cannot_load_says_so(zoo: Path, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(zoo / "alder-chat", broken)
    (broken / "config.json").write_text('{"model_type": "no-such-architecture"}')
    with pytest.raises(AdapterError, match="Nothing was sent"), PLUGIN.open(Target(str(broken))):
        pass


def test_evidence_of_a_reply_is_canonical_and_names_the_weights(zoo: Path, sessions: dict[str, Any]) -> None:
    (reply,) = sessions["alder-chat"].send([Call(RAW, 0, GenerationConfig(max_tokens=2))])
    assert reply.returned_model == PLUGIN.check(Target(str(zoo / "alder-chat")))["weights_sha256"]
    assert reply.raw.startswith(b"{") and RAW.prompt_id.encode() in reply.request
    assert dataclasses.replace(reply.completion).as_json()["response"] == reply.completion.text


def test_tokens_are_spelled_as_the_text_that_they_stand_for(sessions: dict[str, Any]) -> None:
    tokenizer = sessions["alder-chat"]._tokenizer
    spell = speller(tokenizer)
    words = tokenizer.convert_ids_to_tokens(tokenizer("Ein Käse – naïve\nlines")["input_ids"])
    assert b"".join(_as_bytes(spell(word), word) for word in words).decode() == "Ein Käse – naïve\nlines"
    for number in range(len(tokenizer)):
        word, text = tokenizer.convert_ids_to_tokens(number), tokenizer.decode([number])
        assert spell(word) == text or "\ufffd" in text


def _as_bytes(text: str, word: str) -> bytes:
    """A part of a character is spelled as in the vocabulary, where each letter is a byte."""
    if text != word or word.isascii():
        return text.encode()
    return bytes(_BYTES[letter] for letter in word)
