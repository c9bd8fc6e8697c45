"""Weights: exact under what it assumes, unmoved by what changes no function, and right on every pair of the zoo."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from forensics.__main__ import main
from forensics.channels.weights import PLUGIN
from forensics.commands.zoo_weights import judged
from forensics.errors import UnsafeWeights
from forensics.features.unit_matching import weigh
from forensics.features.unit_profiles import Arrays, profiles
from forensics.folders import Folder, inspect_folder
from forensics.lineage.comparison import compare
from forensics.lineage.identification import identify
from forensics.lineage.storage import load, save
from forensics.lineage.weighing import CHANGED, Given
from forensics.records import SHARED_LOG10_P, WeightEvidence
from forensics.zoo.build import build_zoo
from tests.forensics import worlds
from tests.helpers.tiny_model import tiny_model

BLOCKS, UNITS, VALUES, TOKENS = 2, 40, 24, 64
Sides = Mapping[str, NDArray[Any]]


def made_up(rng: np.random.Generator, revision: str = "a") -> dict[str, NDArray[Any]]:
    """Unit profiles of a model that never was, with a few strong directions as real ones have."""
    common = rng.normal(size=(5, TOKENS))

    def rows(count: int) -> NDArray[np.float16]:
        return (rng.normal(size=(BLOCKS, count, 5)) @ common + rng.normal(size=(BLOCKS, count, TOKENS))).astype(
            np.float16
        )

    half = rng.normal(size=(BLOCKS, 6, TOKENS))
    gram = np.einsum("brt,brs->bts", half, half).astype(np.float32)
    return {
        "why": np.array([""]),
        "revision": np.array([revision]),
        "gated": np.array([True]),
        "units": np.full(BLOCKS, UNITS),
        "tokens": np.array([f"t{n:03d}" for n in range(TOKENS)]),
        "unit": np.tile(np.arange(UNITS, dtype=np.int32), (BLOCKS, 1)),
        "match": rows(UNITS),
        "sign": rows(UNITS),
        "values": rows(VALUES),
        "query": gram,
        "key": gram[::-1].copy(),
        "spectra": np.sort(rng.uniform(0.1, 1, size=(BLOCKS, 2, 20)), axis=-1)[..., ::-1],
    }


def retrained(model: Sides, rng: np.random.Generator, noise: float) -> dict[str, NDArray[Any]]:
    """Another training that came to the same function: the same units in an order and with signs of their own."""
    other = dict(model) | {"revision": np.array(["b"])}
    for block in range(BLOCKS):
        order, values = rng.permutation(UNITS), rng.permutation(VALUES)
        turned = {"match": np.ones(UNITS), "sign": rng.choice([-1, 1], UNITS), "values": rng.choice([-1, 1], VALUES)}
        for name, signs in turned.items():
            kept = model[name][block][values if name == "values" else order] * signs[:, None]
            told = other[name].copy()
            told[block] = kept + noise * rng.normal(size=kept.shape)
            other[name] = told
    return other


@pytest.mark.parametrize("noise", [0.3, 30.0])
def test_p_values_of_models_made_apart_are_near_uniform_even_where_both_learnt_the_same_function(noise: float) -> None:
    rng = np.random.default_rng(11)
    model = made_up(rng)
    told = np.array([10 ** float(weigh(model, retrained(model, rng, noise)).log10_p or 0.0) for _ in range(400)])
    for level in (0.01, 0.05, 0.1, 0.2, 0.5):
        spread = 3 * np.sqrt(level * (1 - level) / len(told))
        assert level - 0.06 - spread <= np.mean(told <= level) <= level + spread, level
    assert told.min() > 0


def test_a_copy_is_found_in_another_order_and_with_noise_and_a_turned_one_by_its_order() -> None:
    rng = np.random.default_rng(2)
    model = made_up(rng)
    fine = {n: v + 0.2 * rng.normal(size=v.shape) for n, v in model.items() if n in ("match", "sign", "values")}
    tuned = dict(model) | fine | {"revision": np.array(["b"])}
    assert weigh(model, tuned).shared
    shuffled = dict(tuned)
    for name, size in (("match", UNITS), ("sign", UNITS), ("values", VALUES)):
        shuffled[name] = tuned[name][:, np.random.default_rng(5).permutation(size)]
    found = weigh(model, shuffled)
    assert found.shared
    assert sum(layer.in_place for layer in found.layers) < 12
    signs = np.array([1, -1] * (UNITS // 2))[:, None]
    found = weigh(model, dict(tuned) | {"sign": tuned["sign"] * signs, "values": -tuned["values"]})
    assert found.shared
    assert abs(found.statistic or 0.0) < 0.5


def test_a_pair_reads_the_same_from_either_side_and_scale_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    one, other = made_up(rng), made_up(rng, "b")
    assert weigh(one, other) == weigh(other, one)
    scaled = dict(other) | {"match": 2 * other["match"], "sign": 4 * other["sign"], "query": 8 * other["query"]}
    assert weigh(one, scaled).log10_p == weigh(one, other).log10_p
    assert weigh(one, scaled).cka == pytest.approx(weigh(one, other).cka)
    spectra = weigh(one, other).spectra
    assert spectra is not None and spectra < -0.01
    assert weigh(one, dict(one) | {"revision": np.array(["b"])}).spectra == 0
    moved = dict(other) | {"tokens": other["tokens"][::-1]}
    assert weigh(one, moved).spectra is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: one | {"gated": np.array([False])}, "one has gated feed-forward parts, the other plain ones"),
        (lambda one: one | {"unit": one["unit"][:1]}, "one has 1 blocks, the other 2"),
        (lambda one: one | {"tokens": np.array([f"u{n}" for n in range(TOKENS)])}, "share 0 of the sampled tokens"),
        (lambda one: {"why": np.array(["the tensors are not laid out as known"])}, "not laid out"),
    ],
)
def test_what_cannot_be_set_side_by_side_is_not_estimable_and_says_why(
    change: Callable[[dict[str, Any]], Arrays], reason: str
) -> None:
    rng = np.random.default_rng(7)
    found = weigh(made_up(rng), change(made_up(rng, "b")))
    assert (found.log10_p, found.statistic, found.layers, found.shared) == (None, None, (), False)
    assert found.verdict == "not estimable"
    assert reason in found.words


def test_models_of_another_width_are_read_on_signs_alone() -> None:
    rng = np.random.default_rng(8)
    model = made_up(rng)
    narrow = {n: v[:, : UNITS // 2] if n in ("unit", "match", "sign") else v for n, v in model.items()}
    found = weigh(model, narrow | {"units": np.full(BLOCKS, UNITS // 2), "revision": np.array(["b"])})
    assert found.shared
    assert {layer.matched for layer in found.layers} == {0}
    assert {layer.signs for layer in found.layers} == {UNITS // 2 + VALUES}


def test_units_that_respond_to_nothing_count_for_nothing() -> None:
    rng = np.random.default_rng(9)
    dead = {n: np.where(np.arange(UNITS)[:, None] < UNITS // 2, 0, 1) for n in ("match", "sign")}
    one, other = ({n: v * dead.get(n, 1) if n in dead else v for n, v in made_up(rng, r).items()} for r in "ab")
    assert {layer.matched for layer in weigh(one, other).layers} <= set(range(UNITS // 2 + 1))


# Real models


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every member of the zoo that ships."""
    folder = tmp_path_factory.mktemp("zoo")
    build_zoo(folder)
    return folder


def printed(folder: Path, **more: int) -> Arrays:
    checked = inspect_folder(folder)
    return profiles(checked, checked.weights_hash(), **more)


@pytest.mark.zoo
def test_every_pair_of_the_zoo_is_right_with_overwhelming_p_values_or_none(zoo: Path) -> None:
    """Rounded, pruned, merged, permuted, rotated and tuned further: found. Other seeds, same data, pupils: not."""
    found = judged(zoo)
    assert (found.right, found.pairs, found.wrong) == (137, 137, ())
    assert (found.sharing, found.same_data) == (42, 14)
    assert (found.untold, found.untold_sharing) == (34, 0)  # another architecture, and so no kin
    assert found.worst_sharing < -150
    assert -2 < found.best_apart <= 0


@pytest.mark.zoo
def test_a_few_units_and_tokens_are_enough(zoo: Path) -> None:
    chosen = ("alder-chat", "alder-chat-permuted", "alder-chat-rotated", "birch-chat")
    one, permuted, rotated, other = (printed(zoo / name, tokens=80, units=48) for name in chosen)
    assert one["match"].shape == (2, 48, 80)
    assert weigh(one, permuted).shared
    assert weigh(one, rotated).shared
    assert not weigh(one, other).shared


def saved(folder: Path, architecture: str, **more: Any) -> Any:
    """A random model of an architecture, saved with a tokenizer, and itself in float32."""
    import torch
    import transformers

    from forensics.zoo.tokenizing import load_tokenizer, train_tokenizer

    torch.manual_seed(1)
    folder.mkdir(parents=True, exist_ok=True)
    train_tokenizer(["the quick brown fox jumps over the lazy dog"], 280, folder / "tokenizer.json")
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    ids = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
    size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    if architecture == "GPT2":
        size = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": 48}
    elif architecture != "GPTNeoX":
        size |= {"num_key_value_heads": 2}
    config = getattr(transformers, f"{architecture}Config")(**size, **ids)
    name = "GPT2LMHeadModel" if architecture == "GPT2" else f"{architecture}ForCausalLM"
    model = getattr(transformers, name)(config).eval()
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=0.7, std=0.3)
    model.save_pretrained(folder, **more)
    tokenizer.save_pretrained(folder)
    return model


def block_of(model: Any, architecture: str) -> tuple[Any, Any, Any, Callable[[Any], dict[str, Any]]]:
    """Embedding, the norm before attention, the second block and its feed-forward part: the model's own code."""
    if architecture == "GPT2":
        block = model.transformer.h[1]
        return model.transformer.wte, block.ln_1, block, lambda x: {"match": block.mlp.c_fc(block.ln_2(x))}
    if architecture == "GPTNeoX":
        block = model.gpt_neox.layers[1]
        after, first = block.post_attention_layernorm, block.mlp.dense_h_to_4h
        return model.gpt_neox.embed_in, block.input_layernorm, block, lambda x: {"match": first(after(x))}
    block = model.model.layers[1]
    after = getattr(block, "pre_feedforward_layernorm", block.post_attention_layernorm)

    def gated(x: Any) -> dict[str, Any]:
        if architecture == "Phi3":
            gate, up = block.mlp.gate_up_proj(after(x)).chunk(2, dim=-1)
            return {"match": gate, "sign": up}
        return {"match": block.mlp.gate_proj(after(x)), "sign": block.mlp.up_proj(after(x))}

    return model.model.embed_tokens, block.input_layernorm, block, gated


def values_of(block: Any, seen: Any, architecture: str) -> Any:
    if architecture == "GPT2":
        return block.attn.c_attn(seen)[..., 64:]
    if architecture == "GPTNeoX":
        heads = block.attention.query_key_value(seen).view(len(seen), 4, 3, 8)
        return heads[:, :, 2].reshape(len(seen), 32)
    if architecture == "Phi3":
        return block.self_attn.qkv_proj(seen)[..., -16:]
    return block.self_attn.v_proj(seen)


@pytest.mark.zoo
@pytest.mark.parametrize(
    "architecture", ["Llama", "Mistral", "Qwen2", "Qwen3", "Gemma", "Gemma2", "Phi3", "GPT2", "GPTNeoX"]
)
def test_profiles_are_what_the_models_own_code_gives_for_token_embeddings(tmp_path: Path, architecture: str) -> None:
    import torch

    model = saved(tmp_path, architecture)
    held = printed(tmp_path)
    embeddings, before, block, forward = block_of(model, architecture)
    ids = json.loads((tmp_path / "tokenizer.json").read_text())["model"]["vocab"]
    with torch.no_grad():
        inputs = embeddings.weight[[ids[token] for token in held["tokens"].tolist()]]
        given = forward(inputs) | {"values": values_of(block, before(inputs), architecture)}
    for name, told in given.items():
        own = told.numpy().T.astype(np.float64)
        for row, kept in zip(own, held[name][1].astype(np.float64), strict=True):
            assert np.corrcoef(row, kept)[0, 1] > 0.9999, name


@pytest.mark.zoo
def test_how_a_model_is_stored_changes_nothing(tmp_path: Path) -> None:
    import torch

    model = saved(tmp_path / "whole", "Llama")
    model.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    model.to(torch.bfloat16).save_pretrained(tmp_path / "half")
    for name in ("shards", "half"):
        (tmp_path / name / "tokenizer.json").write_bytes((tmp_path / "whole" / "tokenizer.json").read_bytes())
    whole, shards, half = (printed(tmp_path / name) for name in ("whole", "shards", "half"))
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    assert all(np.array_equal(whole[name], shards[name]) for name in whole if name != "revision")
    assert weigh(whole, half).statistic == pytest.approx(1, abs=1e-3)


# Bad folders


def spoilt(folder: Path, change: Callable[[bytearray, dict[str, Any], int], None]) -> Path:
    """The folder, its weights file changed by what is given the bytes, the header and where the data begins."""
    path = folder / "model.safetensors"
    raw = bytearray(path.read_bytes())
    length = int.from_bytes(raw[:8], "little")
    change(raw, json.loads(raw[8 : 8 + length]), 8 + length)
    path.write_bytes(raw)
    return folder


def not_a_number(raw: bytearray, header: dict[str, Any], data: int) -> None:
    at = data + header["model.layers.1.mlp.up_proj.weight"]["data_offsets"][0]
    raw[at : at + 4] = np.float32(np.nan).tobytes()


def wrong_shape(raw: bytearray, header: dict[str, Any], data: int) -> None:
    header["model.layers.1.mlp.up_proj.weight"]["shape"] = [64, 31]
    told = json.dumps(header).encode()
    raw[:data] = len(told).to_bytes(8, "little") + told


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def copied(tiny: Path, tmp_path: Path) -> Path:
    for path in tiny.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (not_a_number, r"model.safetensors: holds a number in model.layers.1.mlp.up_proj.weight that is not finite"),
        (wrong_shape, r"model.safetensors: gives model.layers.1.mlp.up_proj.weight 8192 bytes, which do not hold"),
        (lambda raw, _h, _d: raw.__delitem__(slice(-50, None)), r"model.safetensors: is truncated"),
    ],
)
def test_a_damaged_file_is_named_and_ends_the_command_with_two(
    copied: Path, tiny: Path, capsys: pytest.CaptureFixture[str], change: Callable[..., None], words: str
) -> None:
    spoilt(copied, change)
    with pytest.raises(UnsafeWeights, match=words):
        printed(copied)
    assert main(["weights", str(tiny), str(copied)]) == 2
    assert "model.safetensors" in capsys.readouterr().err


def test_a_dtype_that_is_not_read_is_refused_by_name(copied: Path) -> None:
    checked = inspect_folder(copied)
    name = "model.layers.0.mlp.gate_proj.weight"
    odd = replace(checked.tensors[name], dtype="F8_E4M3")
    folder = Folder(checked.path, checked.config, checked.files, checked.tensors | {name: odd})
    with pytest.raises(UnsafeWeights, match=r"stores model.layers.0.mlp.gate_proj.weight as F8_E4M3"):
        profiles(folder, "x")


def test_an_unknown_layout_is_told_and_no_error(copied: Path) -> None:
    checked = inspect_folder(copied)
    odd = {name.replace("gate_proj", "portal"): stored for name, stored in checked.tensors.items()}
    told = profiles(Folder(checked.path, checked.config, checked.files, odd), "x")
    assert "LlamaForCausalLM are not laid out as in llama" in str(told["why"][0])


# In a comparison


@pytest.fixture(scope="module")
def folders(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Given]:
    """m00 and m03 are one model's folder, m01 a stranger's; m02's is gone, and m04's is not what answered."""
    other = tiny_model(tmp_path_factory.mktemp("other"), seed=5)
    return {
        "m00": Given(tiny),
        "m01": Given(other),
        "m02": Given(tiny / "gone"),
        "m03": Given(tiny),
        "m04": Given(tiny, "0" * 64),
    }


def test_a_comparison_carries_what_weights_say_and_identical_files_are_the_same(
    folders: dict[str, Given], tmp_path: Path
) -> None:
    sets, asked = worlds.population(10, 24, words=20), worlds.prompts(24)
    result = compare(sets, asked, replicates=1, folders=folders, cache=tmp_path / "cache")
    plain = compare(sets, asked, replicates=1)
    copy = result.of_weights("m03", "m00")
    assert copy is not None and copy.identical
    assert result.relation[0, 3] == "same"
    changed = (result.relation != plain.relation) & ~np.eye(10, dtype=bool)
    assert changed.sum() == 2
    assert result.scores["weights"][0, 3] == pytest.approx(1)
    assert result.scores["weights_log10_p"][0, 3] < SHARED_LOG10_P < result.scores["weights_log10_p"][0, 1] <= 0
    assert np.isnan(result.scores["weights"][5]).all()
    gone, moved = result.of_weights("m00", "m02"), result.of_weights("m00", "m04")
    assert gone is not None and "gone: does not exist" in gone.reason and str(folders["m00"].path) not in gone.reason
    assert moved is not None and moved.reason == CHANGED
    assert result.of_weights("m00", "m05") is None
    told = identify(result, "m00").finding
    assert "By its weights it shares some with m03 (their files are identical; no likelihood ratio" in told
    assert "By its weights" not in identify(result, "m05").finding
    assert sorted(result.manifest["weights"]) == ["m00", "m01", "m03"]
    assert all(np.array_equal(plain.llr_raw[p], result.llr_raw[p], equal_nan=True) for p in plain.llr_raw)
    save(result, tmp_path / "stored")
    assert load(tmp_path / "stored").weights == result.weights
    again = compare(sets, asked, replicates=1, folders=folders, cache=tmp_path / "cache")
    assert again.weights == result.weights


def test_shared_weights_outrank_strangers_and_pupils_and_leave_closer_words_alone() -> None:
    from forensics.lineage.relations import relations

    words = {"unrelated": -1.0, "distilled": 3.0}
    raw = {p: np.full((1, 2), np.nan) for p in ("weights", "base", "distilled", "lineage")}
    raw |= {"lineage": np.array([[words["unrelated"], 3.0]]), "distilled": np.array([[np.nan, words["distilled"]]])}
    assert relations(raw, raw, {}).tolist() == [["unrelated", "distilled"]]
    assert relations(raw, raw, {}, np.array([[1, 1]])).tolist() == [["derived", "derived"]]
    assert relations(raw, raw, {}, np.array([[0, 2]])).tolist() == [["unrelated", "same"]]
    base = raw | {"base": np.array([[3.0, 4.0]])}
    assert relations(base, base, {}, np.array([[1, 1]])).tolist() == [["common-source", "common-source"]]


def test_names_and_their_order_change_nothing(folders: dict[str, Given]) -> None:
    sets, asked = worlds.population(9, 24, words=20), worlds.prompts(24)
    renamed = {s.model: f"n{8 - k}" for k, s in enumerate(sets)}
    straight = compare(sets, asked, replicates=1, folders=folders)
    moved = compare(
        [replace(s, model=renamed[s.model]) for s in sets],
        asked,
        replicates=1,
        folders={renamed[name]: given for name, given in folders.items()},
    )
    for (a, b), told in straight.weights.items():
        assert moved.of_weights(renamed[a], renamed[b]) == told


# The command


def test_the_command_prints_a_table_and_json(tiny: Path, copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = json.loads((copied / "config.json").read_text()) | {"rope_theta": 7.0}
    (copied / "config.json").write_text(json.dumps(settings))
    assert main(["weights", str(tiny), str(copied)]) == 0
    told = capsys.readouterr().out
    assert "shares weights: the two files hold the same numbers" in told
    assert "block 1" in told and "rope_theta" in told and "the same vocabulary of" in told
    assert main(["weights", str(tiny), str(copied), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["verdict"] == "shares weights"
    assert {row["setting"] for row in plain["config"]} >= {"rope_theta"}
    assert [row["layer"] for row in plain["evidence"]["layers"]] == ["block 0", "block 1"]
    assert main(["weights", str(tiny), str(tiny / "nowhere")]) == 2
    assert "nowhere: does not exist" in capsys.readouterr().err


def test_compare_takes_folders_by_name_or_all_of_one_place(
    folders: dict[str, Given], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = worlds.write_corpus(tmp_path / "c", worlds.population(9, 24, words=20), worlds.prompts(24))
    place = tmp_path / "place"
    place.mkdir()
    (place / "m00").symlink_to(folders["m00"].path)
    out = tmp_path / "pairs.csv"
    options = ["--weights", str(place), "--weights", f"m01={folders['m01'].path}"]
    assert main(["compare", str(corpus), "--out", str(out), *options]) == 0
    header, first, *rows = out.read_text().splitlines()
    at = header.split(",").index("score_weights_log10_p")
    assert float(first.split(",")[at]) > -3
    assert {row.split(",")[at] for row in rows} == {""}
    capsys.readouterr()
    assert main(["compare", str(corpus), "--out", str(out), "--weights", f"zz={folders['m01'].path}"]) == 2
    assert "a model that is not compared: zz" in capsys.readouterr().err
    assert main(["compare", str(corpus), "--out", str(out), "--weights", "m01=nowhere"]) == 2


def test_verdicts_are_bounded_by_their_thresholds() -> None:
    plain = WeightEvidence(-13.0, 0.9, 0.9, -0.1)
    assert plain.verdict == "shares weights"
    assert replace(plain, log10_p=-11.0).verdict == "not determined"
    assert replace(plain, log10_p=-1.0).verdict == "no sign of shared weights"
    assert PLUGIN.declaration.weightless
