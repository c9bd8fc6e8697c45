"""The suites that ship: composed of the pools, stable by hash, enough for every channel; and suites drawn anew."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from forensics import probes, registry
from forensics.commands.suite_feeds import feeds, open_chat
from forensics.errors import BadInput, SuiteError
from forensics.probes import draw_suite, is_secret, load_suite, parse_suite, pool, suite_names
from forensics.probes._pools import POOLS, SUITES
from forensics.probes.estimate import estimate, text_tokens
from forensics.provenance import sha256_file

HASHES = {
    "core": "937e1472006ad84c71c5e2da464a5de315709ac3280067a8ce8f11a4a4368473",
    "quick": "06b5a2b9cd28546e24520a9ceda03f1ca1068ca4d278c8fe49cbdac697b9c36d",
    "standard": "783509f4621fb459baf07c6c9c71b8e1e23539f6ad8ab1eed7c59cfb0ab7afd3",
    "deep": "d52abdabcb26aa462130322e4a5b8a9c97208bdb951a646472e456e731de8420",
}
"""A suite with another hash is another suite, which no earlier collection or calibration covers: raise its version."""
CALLS = {"core": (375, 375), "quick": (110, 130), "standard": (950, 1050), "deep": (4000, 6000)}


def test_the_suites_that_ship_are_what_they_were() -> None:
    assert {name: load_suite(name).suite_hash for name in suite_names()} == HASHES
    assert sha256_file(SUITES / "core.json") == "7747e82b687589ceea9c8ae6c65ef1a5f3fa25d38501411ae6d3ec894a41f3d7"


@pytest.mark.parametrize("name", suite_names())
def test_a_suite_makes_as_many_calls_as_it_promises(name: str) -> None:
    least, most = CALLS[name]
    assert least <= load_suite(name).calls <= most


@pytest.mark.parametrize("name", ["quick", "standard", "deep"])
def test_a_suite_holds_every_family_and_feeds_every_channel(name: str) -> None:
    suite = load_suite(name)
    assert {p.prompt.family for p in suite.probes} == set(registry.names(probes.PACKAGE))
    assert [row for row in feeds(suite) if not row["enough"]] == []
    turns = [p.prompt.messages for p in suite.probes]
    assert len(set(turns)) == len(turns)


def test_standard_and_deep_hold_what_calibrated_channels_need() -> None:
    for name in ("standard", "deep"):
        suite = load_suite(name)
        plain = [p for p in suite.probes if p.prompt.family == "open-chat" and p.config.samples == 1]
        cells = {p.prompt.cell for p in suite.probes if p.prompt.family == "one-word"}
        assert len(plain) >= 100
        assert open_chat(suite) >= 200
        assert len(cells) >= 40
        assert sum(p.prompt.language == "en" for p in plain) > len(plain) / 2


def test_a_smaller_suite_is_asked_again_in_the_larger() -> None:
    asked = {name: {p.prompt for p in load_suite(name).probes} for name in ("quick", "standard", "deep")}
    shared = len(asked["quick"] & asked["standard"]) / len(asked["quick"])
    assert shared > 0.8
    assert len(asked["standard"] & asked["deep"]) == len(asked["standard"])


def test_tokenizer_probes_never_count_as_open_prompts() -> None:
    counted = next(row["prompts"] for row in feeds(load_suite("standard")) if row["channel"] == "agreement")
    closed = {"raw-text", "one-word", "self-identification", "tokenizer-bands"}
    assert counted == sum(p.prompt.family not in closed for p in load_suite("standard").probes)


def test_what_a_suite_writes_is_read_as_the_same_suite() -> None:
    suite = load_suite("quick")
    again = parse_suite(json.loads(json.dumps(suite.as_json())))
    assert again == suite
    assert again.suite_hash == suite.suite_hash


def test_a_draw_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    one, again, other = (draw_suite("standard", seed) for seed in ("case 1", "case 1", "case 2"))
    assert one == again
    assert one.suite_hash == again.suite_hash
    assert one.name.startswith("standard-drawn-")
    assert len({one.suite_hash, other.suite_hash, load_suite("standard").suite_hash}) == 3
    assert one.name != other.name
    assert "case" not in json.dumps([one.name, one.version])


def test_a_draw_has_the_size_of_its_suite_in_another_order() -> None:
    shipped, drawn = load_suite("standard"), draw_suite("standard", "x")
    sizes = [Counter(p.prompt.family for p in s.probes) for s in (shipped, drawn)]
    assert sizes[0] == sizes[1]
    assert drawn.calls == shipped.calls
    families = [p.prompt.family for p in drawn.probes]
    runs = sum(a != b for a, b in pairwise(families))
    assert runs > 300
    reworded = sum("~" in p.prompt.prompt_id for p in drawn.probes)
    assert 100 < reworded < 500
    assert "count-001" in {p.prompt.prompt_id for p in drawn.probes}, "the reference of token counts"
    assert all(row["enough"] for row in feeds(drawn))


def test_a_draw_keeps_the_shares_of_languages() -> None:
    for seed in map(str, range(5)):
        chat = [p.prompt for p in draw_suite("quick", seed).probes if p.prompt.family == "open-chat"]
        assert sum(p.language == "en" for p in chat) > len(chat) / 2


def test_every_probe_of_a_pool_is_drawn_by_some_seed() -> None:
    wanted = {e.prompt.prompt_id for e in pool("trick-questions")}
    seen: set[str] = set()
    for seed in range(12):
        seen |= {p.prompt.prompt_id.partition("~")[0] for p in draw_suite("standard", str(seed)).probes}
    assert wanted <= seen


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A folder with a secret pool of thirty requests."""
    rows = [
        {"id": f"own-{i}", "text": f"Tell me about hill number {i}.", "also": [f"Hill {i}: what of it?"]}
        for i in range(30)
    ]
    plain = {"family": "decoys", "version": "1", "probes": rows}
    (tmp_path / "decoys.json").write_text(json.dumps(plain), encoding="utf-8")
    return tmp_path


def test_secret_probes_take_their_share_and_are_told_apart(secrets: Path) -> None:
    drawn = draw_suite("standard", "x", secret=secrets, share=0.5)
    decoys = [p.prompt for p in drawn.probes if p.prompt.family == "decoys"]
    hidden = [p for p in decoys if is_secret(p)]
    assert (len(hidden), len(decoys)) == (25, 50)
    assert all(p.prompt_id.startswith("own-") for p in hidden)
    assert not any(is_secret(p.prompt) for p in drawn.probes if p.prompt.family != "decoys")
    assert not any(is_secret(p.prompt) for p in load_suite("standard").probes)


def test_a_secret_pool_that_is_too_small_is_filled_up_from_the_public_one(secrets: Path) -> None:
    drawn = draw_suite("standard", "x", secret=secrets, share=1.0)
    decoys = [p.prompt for p in drawn.probes if p.prompt.family == "decoys"]
    assert (sum(map(is_secret, decoys)), len(decoys)) == (30, 50)


def test_secret_texts_never_displace_the_reference_of_token_counts(tmp_path: Path) -> None:
    rows = [{"id": f"own-{i}", "text": f"hill {i}"} for i in range(60)]
    plain = {"family": "tokenizer-bands", "version": "1", "probes": rows}
    (tmp_path / "tokenizer-bands.json").write_text(json.dumps(plain), encoding="utf-8")
    asked = [p.prompt for p in draw_suite("standard", "x", secret=tmp_path, share=1.0).probes]
    counted = [p for p in asked if p.family == "tokenizer-bands"]
    assert (sum(map(is_secret, counted)), len(counted)) == (47, 48)
    assert "count-001" in {p.prompt_id for p in counted}


def test_a_secret_pool_may_not_reuse_public_ids_or_another_familys_name(secrets: Path) -> None:
    plain = json.loads((secrets / "decoys.json").read_text(encoding="utf-8"))
    plain["probes"][0]["id"] = "plain-001"
    (secrets / "decoys.json").write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(SuiteError, match="plain-001"):
        draw_suite("quick", "x", secret=secrets)
    (secrets / "decoys.json").rename(secrets / "open-chat.json")
    with pytest.raises(SuiteError, match=r"must be called decoys\.json"):
        draw_suite("quick", "x", secret=secrets)


def test_a_family_can_be_left_out_of_a_draw_and_a_fixed_list_cannot_be_drawn() -> None:
    drawn = draw_suite("standard", "x", without=["raw-text"])
    assert {p.prompt.mode.value for p in drawn.probes} == {"chat"}
    with pytest.raises(SuiteError, match="no family palmistry"):
        draw_suite("quick", "x", without=["palmistry"])
    with pytest.raises(SuiteError, match="fixed list"):
        draw_suite("core", "x")
    with pytest.raises(SuiteError, match="between 0 and 1"):
        draw_suite("quick", "x", share=1.5)


def test_an_estimate_counts_every_sample_and_prices_a_million_tokens() -> None:
    suite = load_suite("quick")
    found = estimate(suite, price_in=2.0, price_out=8.0, calls_per_second=0.5)
    assert found.calls == suite.calls
    assert found.tokens_out == sum(p.config.max_tokens * p.config.samples for p in suite.probes)
    assert found.cost == pytest.approx((2 * found.tokens_in + 8 * found.tokens_out) / 1e6)
    assert found.seconds == pytest.approx(suite.calls * 2)
    plain = estimate(suite, price_in=2.0)
    assert (plain.cost, plain.seconds) == (None, None)


@pytest.mark.parametrize("wrong", [{"price_in": -1.0}, {"price_out": float("nan")}, {"calls_per_second": 0.0}])
def test_an_estimate_refuses_impossible_prices_and_rates(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        estimate(load_suite("quick"), **wrong)


def test_a_text_is_never_estimated_at_fewer_tokens_than_words_or_ideographs() -> None:
    for prompt in (p.prompt for p in load_suite("deep").probes):
        words = prompt.text.split()
        assert text_tokens(prompt.text) >= len(words)
    assert text_tokens("石榴树") >= 3
    assert text_tokens("🦉") >= 3


def test_every_pool_file_belongs_to_a_family() -> None:
    assert {path.stem for path in POOLS.glob("*.json")} == set(registry.names(probes.PACKAGE))


def test_the_document_counts_what_the_suites_hold() -> None:
    document = (Path(__file__).parents[2] / "docs" / "suites.md").read_text(encoding="utf-8")
    names = ("quick", "standard", "deep")
    held = {name: Counter(p.prompt.family for p in load_suite(name).probes) for name in names}
    calls: dict[str, Counter[str]] = {name: Counter() for name in names}
    for name in names:
        for probe in load_suite(name).probes:
            calls[name][probe.prompt.family] += probe.config.samples
    for family in registry.names(probes.PACKAGE):
        cells = [f"{held[n][family]} / {calls[n][family]}" for n in names]
        assert f"| *{family}* | {' | '.join(cells)} |" in document
    totals = " | ".join(f"{len(load_suite(n).probes):,} / {load_suite(n).calls:,}" for n in names)
    assert f"| all | {totals} |" in document
