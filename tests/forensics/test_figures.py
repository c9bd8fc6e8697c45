"""Figures: valid Plotly JSON, honest about gaps and bounds, safe with hostile names, readable without colour."""

from __future__ import annotations

import json
import math
from collections import namedtuple
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from forensics import figures, registry
from forensics.evaluation.experience import distribution
from forensics.features.phrases import Phrase
from forensics.figures import _style as style
from forensics.lineage.contributions import Contribution, Contributions
from forensics.lineage.explanation import Explanation, Usage
from forensics.lineage.links import Link, Network
from forensics.lineage.observed import Asked, OneWords
from forensics.lineage.records import (
    Branch,
    Comparison,
    DatedScore,
    Identification,
    LineageTree,
    RankedReference,
    Refusals,
)

HOSTILE = '<b onmouseover="x()">$m$ & <a href="javascript:1">co</a>\u202e'


def comparison(m: int = 7, *, names: tuple[str, ...] = ()) -> Comparison:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(m, 3))
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    kin = -distance.copy()
    np.fill_diagonal(kin, np.nan)
    text = np.full((m, m), "ok", dtype=object)
    llr = {"lineage": kin.copy(), "weights": kin.copy()}
    return Comparison(
        names or tuple(f"model-{i:03}" for i in range(m)), np.full((m, m), 60), {"agreement": kin}, kin, kin, llr, llr,
        np.ones((m, m)), text, text, distance, np.stack([distance] * 4).astype(np.float32),
    )  # fmt: skip


def reference(rank: int, llr: float | None) -> RankedReference:
    return RankedReference(
        f"ref-{rank}", rank, {"lineage": llr}, {"lineage": llr and llr * 2}, 0.02 * rank, 0.1, "derived",
        "moderate support", "ok" if llr is not None else "fewer than 50 prompts", 60, 1.5,
    )  # fmt: skip


def identification(*llrs: float | None, none: bool = False) -> Identification:
    ranking = tuple(reference(i, llr) for i, llr in enumerate(llrs, start=1))
    return Identification("q", ranking, none, "finding", {"bounds": {"lineage": [-1.0, 2.3]}})


TREE = LineageTree(
    ("a", "b", "c", "d"),
    (Branch(4, 0, 1.0, None), Branch(4, 1, 1.0, None), Branch(5, 2, 1.0, None), Branch(5, 3, -0.1, None),
     Branch(4, 5, 2.0, 0.6)),
    "((a,b)60,c,d);",
    100,
)  # fmt: skip
RATIOS = {
    "auc": 0.9, "eer": 0.1, "cllr": 0.4, "cllr_min": 0.3, "cllr_cal": 0.1, "misleading_10": 0.01, "misleading_100": 0.0,
    "tippett": {"x": [-1.0, 0.0, 1.0], "related": [1.0, 0.9, 0.5], "unrelated": [1.0, 0.2, 0.0]},
    "ece": {"prior": [-1.0, 1.0], "system": [0.2, 0.3], "recalibrated": [0.1, 0.2], "neutral": [0.4, 0.4]},
    "errors": {"alarm": [0.0, 0.1], "miss": [0.4, 0.0]},
}  # fmt: skip
ROW = {"proposition": "weights", "n": 12, "unrelated": 300, "held_out": RATIOS, "raw": RATIOS, "bounded": RATIOS}
POINT = {"proposition": "weights", "draws": 2, "n": 12, "cllr": 0.4, "auc": 0.9}
VALIDATION = {
    "propositions": [ROW],
    "curve": [POINT | {"prompts": n, "intervals": {"cllr": [0.2, 0.5], "auc": None}} for n in (10, 50, 52)],
}
SIDES = {f"{kind}_{side}": 0.4 for kind in ("median", "strong") for side in ("related", "unrelated", "same_data")}
POWER = {
    "rows": [
        {"proposition": "weights", "judged": "leave-seed-out", "calls": calls, "draws": 2, "related": 9,
         "unrelated": 40, "same_data": 5, "intervals": dict.fromkeys(SIDES, [0.1, 0.9] if calls > 10 else None)} | SIDES
        for calls in (10, 70)
    ]
}  # fmt: skip
WATERFALL = Contributions(
    "a", "b", "lineage",
    (Contribution("agreement", 4.1, 1.5, 1.2), Contribution("style", 0.4, 0.8, 0.3),
     Contribution("odd", None, None, 0.0)),
    2.3, -0.5, 1.8, -0.6, 1.2, (-0.4, 1.2), "moderate support for lineage",
)  # fmt: skip
KINDS = np.array(["unrelated"] * 40 + ["shared_base"] * 9 + ["teacher_student"] * 5, dtype=object)
EXPERIENCE = {"distributions": {"agreement": distribution(np.linspace(-2, 8, 54), KINDS)}}
DECLINED = Refusals(
    ("opinion", "person"),
    np.array([[0.5, np.nan], *[[0.0, 0.25]] * 6]),
    np.array([[4, 0], *[[4, 8]] * 6]),
)
WORDS = OneWords(
    ("a", "b"),
    (Asked("w1", "Name a colour.", (4, 4), {"red": (0.75, 0.5), "blue": (0.25, 0.5)}),),
    {"w1": 0.75},
)
TOLD = Explanation(
    "a", "b", 60, "ok", (), 2.0,
    (Phrase("as the heron flies", 1.5, ("p1", "p2"), 0, 28), Phrase("in due course", 0.5, ("p3",), 3, 28)),
    (Usage("style", "perhaps", 0.2, 1, 28),),
)  # fmt: skip
NETWORK = Network(
    (Link("a", "b", "derived", 0.5, 0.9, "a"), Link("b", "c", "distilled", 1.5, 0.4)),
    {"a": (0.0, 0.0), "b": (0.5, 0.0), "c": (1.0, 1.0)}, ("d",), 100,
)  # fmt: skip
LayerMatch = namedtuple("LayerMatch", "layer statistic log10_p")
LAYERS = (LayerMatch("layers.0", 0.99, -12.0), LayerMatch("layers.1", 0.2, None), LayerMatch("layers.2", None, 0.0))
SCANS = (DatedScore("2026-11-02", 0.4, 0.2, 0.6, "new model name"), DatedScore("2026-10-01", 0.1))
RESULTS = {
    "power": POWER,
    "waterfall": WATERFALL, "distributions": EXPERIENCE, "refusals": replace(comparison(), refusals=DECLINED),
    "one-words": WORDS, "phrases": TOLD, "network": NETWORK, "layers": LAYERS, "drift": SCANS,
    "heatmap": comparison(), "ranking": identification(2.0, -0.5), "tree": TREE,
    **dict.fromkeys(("tippett", "ece", "errors", "prompts"), VALIDATION),
}  # fmt: skip


@pytest.mark.parametrize("name", registry.names(figures.PACKAGE))
def test_every_figure_keeps_the_contract_and_plotly_accepts_it(name: str) -> None:
    plugin = registry.load(figures.PACKAGE, name)
    data = plugin.data(RESULTS[name])
    json.dumps(data, allow_nan=False)
    assert data["reading"].endswith(".") and ". " not in data["reading"].replace("vs. ", ""), "one sentence"
    assert all(len(row) == len(data["table"]["columns"]) for row in data["table"]["rows"])
    drawn = plugin.figure(data)
    json.dumps(drawn, allow_nan=False)
    go.Figure(drawn)


def test_heatmap_cells_follow_the_dendrogram_and_keep_every_value() -> None:
    result = comparison()
    data = registry.load(figures.PACKAGE, "heatmap").data(result)
    place = {name: i for i, name in enumerate(result.models)}
    for a, row in zip(data["models"], data["cells"], strict=True):
        for b, cell in zip(data["models"], row, strict=True):
            assert cell is None if a == b else math.isclose(cell, result.distance[place[a], place[b]], abs_tol=6e-4)
    values = [row[2] for row in data["table"]["rows"]]
    assert values == sorted(values) and len(values) == 21


def test_a_pair_that_is_not_estimable_is_an_empty_cell_and_is_counted() -> None:
    result = comparison()
    kin = result.kin.copy()
    kin[0, 1] = kin[1, 0] = np.nan
    data = registry.load(figures.PACKAGE, "heatmap").data(replace(result, kin=kin), matrix="kin")
    assert "1 of 21 pairs are not estimable" in data["reading"]
    assert sum(cell is None for row in data["cells"] for cell in row) == 7 + 2


@pytest.mark.parametrize("bad", [math.inf, -math.inf])
def test_an_infinite_number_is_refused_and_never_drawn(bad: float) -> None:
    result = comparison()
    kin = result.kin.copy()
    kin[0, 1] = bad
    with pytest.raises(ValueError, match="not finite"):
        registry.load(figures.PACKAGE, "heatmap").data(replace(result, kin=kin), matrix="kin")
    with pytest.raises(ValueError, match="not finite"):
        registry.load(figures.PACKAGE, "ranking").data(identification(bad))


def test_a_hostile_name_reaches_plotly_as_entities_only() -> None:
    result = comparison(names=(HOSTILE, *(f"m{i}" for i in range(6))))
    plugin = registry.load(figures.PACKAGE, "heatmap")
    ticks = plugin.figure(plugin.data(result))["layout"]["xaxis"]["ticktext"]
    assert not any(set("<>$\u202e") & set(tick) for tick in ticks)
    assert style.label(HOSTILE).startswith("&lt;b onmouseover")


def test_a_full_population_stays_a_compact_figure() -> None:
    plugin = registry.load(figures.PACKAGE, "heatmap")
    text = json.dumps(plugin.figure(plugin.data(comparison(135))), separators=(",", ":"))
    assert len(text) < 250_000


def test_branches_below_seventy_percent_are_dashed_and_named_in_the_reading() -> None:
    plugin = registry.load(figures.PACKAGE, "tree")
    data = plugin.data(TREE, questioned="c")
    traces = plugin.figure(data)["data"]
    dashed = next(t for t in traces if t.get("line", {}).get("dash") == "dash")
    assert len(dashed["x"]) == 3
    assert data["reading"].startswith("0 of 1 inner branches")
    assert ["c | d", 2.0, 60.0] in data["table"]["rows"]


def test_a_tree_is_drawn_with_its_leaves_apart_and_its_path_lengths_true() -> None:
    data = registry.load(figures.PACKAGE, "tree").data(TREE)
    assert sorted(leaf["y"] for leaf in data["leaves"]) == [0, 1, 2, 3]
    x = {leaf["model"]: leaf["x"] for leaf in data["leaves"]}
    assert x["a"] == x["b"] and abs(x["a"] - x["c"]) in (0, 1, 2)
    assert min(x.values()) >= 0


def test_the_ranking_shows_bounded_bars_raw_rings_and_both_bounds() -> None:
    plugin = registry.load(figures.PACKAGE, "ranking")
    drawn = plugin.figure(plugin.data(identification(2.0, -0.5)))
    assert drawn["data"][0]["x"] == [2.0, -0.5]
    assert drawn["data"][1]["x"] == [4.0, -1.0]
    assert [shape["x0"] for shape in drawn["layout"]["shapes"]] == [-1.0, 2.3]


def test_without_an_lr_the_ranking_says_so_and_draws_kin_instead() -> None:
    plugin = registry.load(figures.PACKAGE, "ranking")
    data = plugin.data(identification(None, None))
    assert "no LR is reported, because fewer than 50 prompts" in data["reading"]
    assert "no LR reported" in plugin.figure(data)["layout"]["xaxis"]["title"]["text"]
    assert "None of these" in plugin.data(identification(None, none=True))["reading"]


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_the_colour_scale_keeps_its_order_in_greyscale_in_light_and_dark() -> None:
    light = [_luminance(colour) for _, colour in style.ramp()]
    dark = [_luminance(style.DARK[colour]) for _, colour in style.ramp()]
    assert light == sorted(light, reverse=True) and dark == sorted(dark)
    assert style.DARK.keys() >= {style.INK, style.INK_SOFT, style.RULE, style.FOR, style.AGAINST, style.RUBRIC}


def test_a_figure_of_a_validation_is_empty_where_nothing_was_judged_and_refuses_what_it_cannot_draw() -> None:
    nothing = {"propositions": [], "curve": []}
    for name in ("tippett", "ece", "errors", "prompts"):
        data = registry.load(figures.PACKAGE, name).data(nothing)
        assert data["empty"]
        assert data["reading"].startswith("No ")
    broken = RATIOS | {"tippett": {"x": [0.0], "related": [math.inf], "unrelated": [0.0]}}
    with pytest.raises(ValueError, match="not finite"):
        registry.load(figures.PACKAGE, "tippett").data({"propositions": [ROW | {"held_out": broken}]})
    with pytest.raises(ValueError, match="known: held_out"):
        registry.load(figures.PACKAGE, "ece").data(VALIDATION, judged="guessed")


def test_numbers_of_prompts_stand_apart_on_their_axis() -> None:
    plugin = registry.load(figures.PACKAGE, "prompts")
    assert plugin.figure(plugin.data(VALIDATION))["layout"]["xaxis"]["tickvals"] == [10, 52]


def test_the_waterfall_ends_at_the_reported_lr_by_way_of_dependence_and_bound() -> None:
    plugin = registry.load(figures.PACKAGE, "waterfall")
    data = plugin.data(WATERFALL)
    steps = {step["step"]: step for step in data["steps"]}
    assert list(steps) == ["agreement", "style", "odd", "dependence", "fused, before the bound", "bound", "reported"]
    assert (steps["dependence"]["from"], steps["dependence"]["to"]) == (2.3, 1.8)
    assert (steps["bound"]["from"], steps["reported"]["to"]) == (1.8, 1.2)
    drawn = plugin.figure(data)
    assert [shape["x0"] for shape in drawn["layout"]["shapes"]] == [-0.4, 1.2]
    for before, after in zip(data["steps"][:4], data["steps"][1:4], strict=False):
        assert after["from"] == before["to"]
    nothing = plugin.data(None)
    assert nothing["empty"] and nothing["reading"].startswith("No likelihood ratio")


def test_a_pair_is_marked_where_it_lies() -> None:
    tippett = registry.load(figures.PACKAGE, "tippett")
    data = tippett.data(VALIDATION, mark=0.4)
    assert data["reading"] == (
        "This pair's log10 LR of +0.40 is reached by 90.0% of 12 related pairs and by 20.00% of 300 unrelated ones."
    )
    assert [shape["x0"] for shape in tippett.figure(data)["layout"]["shapes"]] == [0, 0.4]
    scores = registry.load(figures.PACKAGE, "distributions")
    marked = scores.figure(scores.data(EXPERIENCE, mark=3.5, pair="a and b"))["layout"]
    assert [shape["x0"] for shape in marked["shapes"]] == [3.5]
    assert scores.data(EXPERIENCE, score="unheard")["empty"]


def test_weak_links_are_dashed_and_only_those_with_evidence_have_arrows() -> None:
    plugin = registry.load(figures.PACKAGE, "network")
    drawn = plugin.figure(plugin.data(NETWORK, questioned="c"))
    solid, dashed, dots = drawn["data"]
    assert (solid["line"]["dash"], solid["x"][:2]) == ("solid", [0.0, 0.5])
    assert (dashed["line"]["dash"], dashed["x"][:2]) == ("dash", [0.5, 1.0])
    assert dots["marker"]["symbol"] == ["circle", "circle", "diamond"]
    assert [(arrow["ax"], arrow["ay"]) for arrow in drawn["layout"]["annotations"]] == [(0.0, 0.0)]


BROKEN = {
    "waterfall": replace(WATERFALL, raw=math.inf),
    "distributions": {"distributions": {"agreement": {"edges": [0.0, math.nan], "groups": {}}}},
    "refusals": replace(
        comparison(), refusals=Refusals(("opinion",), np.full((7, 1), math.inf), np.ones((7, 1), dtype=np.int64))
    ),
    "one-words": replace(WORDS, overlap={"w1": math.nan}),
    "phrases": replace(TOLD, phrases=(Phrase("x", math.inf, ("p",), 0, 1),)),
    "network": replace(NETWORK, places={"a": (math.nan, 0.0), "b": (0.0, 0.0), "c": (0.0, 1.0)}),
    "layers": (LayerMatch("layers.0", math.nan, None),),
    "drift": (DatedScore("2026-10-01", math.inf),),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_number_that_is_not_finite_is_refused_by_every_figure(name: str) -> None:
    with pytest.raises(ValueError, match="not finite"):
        registry.load(figures.PACKAGE, name).data(BROKEN[name])


def test_scans_are_drawn_in_the_order_of_their_dates_and_half_an_interval_is_refused() -> None:
    plugin = registry.load(figures.PACKAGE, "drift")
    data = plugin.data(SCANS, what="distance")
    assert [point["at"] for point in data["points"]] == ["2026-10-01", "2026-11-02"]
    drawn = plugin.figure(data)
    assert [note["text"] for note in drawn["layout"]["annotations"]] == ["new model name"]
    with pytest.raises(ValueError, match="half an interval"):
        plugin.data((DatedScore("2026-10-01", 0.1, low=0.0),))
    with pytest.raises(ValueError, match="no date"):
        plugin.data((DatedScore("yesterday", 0.1),))


def test_what_there_is_nothing_of_is_empty_and_says_so() -> None:
    empty = {
        "refusals": comparison(), "one-words": OneWords(("a", "b"), (), {}), "layers": (), "drift": (),
        "network": Network((), {}, ("a", "b"), 0), "phrases": replace(TOLD, phrases=(), habits=()),
    }  # fmt: skip
    for name, result in empty.items():
        plugin = registry.load(figures.PACKAGE, name)
        data = plugin.data(result)
        assert data["empty"] and data["reading"].endswith("."), name
        go.Figure(plugin.figure(data))


def test_hostile_words_reach_plotly_as_entities_in_every_figure_that_shows_any() -> None:
    drawn = {
        "waterfall": replace(WATERFALL, parts=(Contribution(HOSTILE, 1.0, 1.0, 1.0),)),
        "one-words": replace(WORDS, models=(HOSTILE, "b"), asked=(Asked("w1", "?", (1, 1), {HOSTILE: (1.0, 1.0)}),)),
        "phrases": replace(TOLD, phrases=(Phrase(HOSTILE, 1.5, ("p1",), 0, 28),)),
        "network": replace(NETWORK, places={HOSTILE: (0.0, 0.0)}, links=()),
        "layers": (LayerMatch(HOSTILE, 0.5, None),),
        "drift": (DatedScore("2026-10-01", 0.1, note=HOSTILE),),
        "refusals": replace(
            comparison(names=(HOSTILE, *"bcdefg")), refusals=replace(DECLINED, topics=(HOSTILE, "person"))
        ),
    }
    for name, result in drawn.items():
        plugin = registry.load(figures.PACKAGE, name)
        shown = json.dumps(plugin.figure(plugin.data(result)), ensure_ascii=False)
        assert "<b" not in shown and "<a" not in shown and "\u202e" not in shown, name


SIGHT = {
    "as it is": np.eye(3),
    # Machado, Oliveira and Fernandes 2009, severity 1.
    "protanopia": np.reshape(
        (0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998), (3, 3)
    ),
    "deuteranopia": np.reshape(
        (0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881), (3, 3)
    ),
    "tritanopia": np.reshape(
        (1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900), (3, 3)
    ),
    "greyscale": np.tile((0.2126, 0.7152, 0.0722), (3, 1)),
}  # fmt: skip


def _linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def _contrast(a: np.ndarray, b: np.ndarray) -> float:
    high, low = sorted((float(np.dot(x, (0.2126, 0.7152, 0.0722))) for x in (a, b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("page", ["#ffffff", "#1a1d22"])
def test_every_line_colour_stands_out_from_the_page_for_every_eye(sight: str, page: str) -> None:
    """WCAG 2.2 asks 3 to 1 of what must be seen. Lines that cross also differ by dash, and bars by hatching."""
    for colour in (style.INK, style.INK_SOFT, style.FOR, style.AGAINST, style.RUBRIC):
        shown = colour if page == "#ffffff" else style.DARK[colour]
        eye = SIGHT[sight]
        assert _contrast(np.clip(eye @ _linear(shown), 0, 1), np.clip(eye @ _linear(page), 0, 1)) >= 3.0, shown


def test_lines_and_bars_that_meet_differ_without_colour() -> None:
    from forensics.figures import distributions, errors, one_words, power

    for pens in (distributions.PENS.values(), errors.PENS, [pen[1:] for pen in power.SIDES.values()], one_words.PENS):
        assert len({marks for _, marks in pens}) == len(list(pens))
