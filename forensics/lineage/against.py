"""Pairs of a case measured one by one against a frozen background, so that nobody else in the case moves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics import channels, registry
from forensics.channels import Channel
from forensics.errors import BadInput
from forensics.evaluation.cohort import frozen_row
from forensics.features import tokens
from forensics.features.population import Population
from forensics.lineage.comparison import Material, Plan, comparison_of, material_of
from forensics.lineage.content import content_ids, under_content_ids
from forensics.lineage.fingerprints import Fingerprinted, Progress, distinct, fingerprints, makers_of, silent
from forensics.lineage.frozen import Frozen
from forensics.lineage.kin import distances, fuse_kin
from forensics.lineage.openset import background_p
from forensics.lineage.records import Background, Comparison
from forensics.lineage.weighing import Given
from forensics.records import Prompt, ResponseSet, WeightEvidence

PLAIN = ("prompts", "kin", "contrast", "p_value", "status", "relation")
KINDS = ("scores", "llr", "llr_raw")
NO_SUPPORT = np.zeros((0, 0, 0), dtype=np.float32)


@dataclass(frozen=True)
class Case:
    """Models of a case beside a background.

    found: their fingerprints under content ids, in order of name. prompts: by content id, those that the background
    answered too. own: content id to the case's own prompt id.
    """

    found: tuple[Fingerprinted, ...]
    background: Frozen
    prompts: Mapping[str, Prompt]
    own: Mapping[str, str]
    plan: Plan

    @classmethod
    def of(
        cls,
        sets: Iterable[ResponseSet],
        prompts: Mapping[str, Prompt],
        background: Frozen,
        plan: Plan,
        *,
        cache: Path | None = None,
        jobs: int = 1,
        progress: Progress = silent,
        folders: Mapping[str, Given] | None = None,
    ) -> Case:
        """The case of those response sets, one of which is held at a time; folders as in `compare`.

        Raises BadInput where the background answered none of the prompts, and for a model of the background's name
        whose responses are others.
        """
        ids = content_ids(prompts)
        own = {key: i for i, key in ids.items() if key in background.prompts}
        if not own:
            raise BadInput("the background answered none of the prompts of this recording, word for word")
        asked = {key: replace(prompts[i], prompt_id=key) for key, i in own.items()}
        content = {item.model: item.content for item in background.found}

        def told() -> Iterable[ResponseSet]:
            for responses in sets:
                moved = under_content_ids(responses, ids)
                if content.get(moved.model, moved.content_hash) != moved.content_hash:
                    why = "a model of this name is in the background with other responses: rename one of the two"
                    raise BadInput(why, where=moved.model)
                yield moved.on(asked.keys())

        plugins: dict[str, Channel] = registry.load_all(channels.PACKAGE)
        made = fingerprints(told(), makers_of(plugins, asked, plan.extra), cache, jobs, progress, folders=folders)
        return cls(tuple(distinct(made)), background, asked, own, plan)

    @property
    def models(self) -> tuple[str, ...]:
        """The models of the case, in order of name."""
        return tuple(item.model for item in self.found)

    def words(self, responses: ResponseSet) -> ResponseSet:
        """One model's responses under content ids, as the pair's material names them."""
        return under_content_ids(responses, {i: key for key, i in self.own.items()})

    def pair(self, one: str, other: str) -> tuple[Comparison, Material]:
        """The comparison of the two models and the background, and of nobody else, and what it was made of.

        A model that the background holds too is in it once. Bootstrap replicates stay in the material.
        """
        two = [item for item in self.found if item.model in (one, other)]
        rest = [item for item in self.background.found if item.model not in (one, other)]
        population = sorted([*two, *rest], key=lambda item: item.model)
        made = material_of(population, self.prompts, self.plan, silent)
        return comparison_of(made, self.plan, support=NO_SUPPORT), made

    def tables(self) -> Population:
        """Token tables of the case's models, in order, then of the background's that are not among them."""
        rest = (item for item in self.background.found if item.model not in self.models)
        return Population(item.prints[tokens.FEATURE] for item in (*self.found, *rest))

    def described(self) -> dict[str, Any]:
        """What a manifest says of the background; `shared`: models of the case that it holds too, word for word."""
        shared = sorted({*self.models} & {*self.background.models})
        told = {"hash": self.background.hash, "models": len(self.background.models)}
        return told | {"prompts": len(self.prompts), "shared": shared}


def compare_against(case: Case, report: Progress = silent) -> Comparison:
    """The comparison of a case's models alone, each pair measured against the background by itself.

    A pair's numbers hang on its two models and the background, and on nothing else: every pair costs a comparison of
    the background and two. Distances are on one scale over the case. Raises BadInput where different calibrations
    cover different pairs.
    """
    m, found = len(case.models), dict[str, NDArray[Any]]()
    unrelated = np.full((m, m), np.nan)
    support = np.full((case.plan.replicates, m, m), np.nan)
    chosen: dict[str, Mapping[str, Any]] = {}
    weights: dict[tuple[str, str], WeightEvidence] = {}
    pairs = list(combinations(range(m), 2))
    for done, (i, j) in enumerate(pairs):
        report(f"pair {done + 1} of {len(pairs)} against the background", done / len(pairs))
        told, made = case.pair(case.models[i], case.models[j])
        a, b = told.models.index(case.models[i]), told.models.index(case.models[j])
        for name, matrix in _matrices(told).items():
            here = found.setdefault(name, np.full((m, m), np.nan if matrix.dtype == float else 0, matrix.dtype))
            here[np.ix_((i, j), (i, j))] = matrix[np.ix_((a, b), (a, b))]
        unrelated[i, j], unrelated[j, i] = background_p(told, a, [b])[0], background_p(told, b, [a])[0]
        support[:, i, j] = support[:, j, i] = [_kin(made, one, (a, b)) for one in made.support()]
        weights |= {names: found for names, found in told.weights.items() if names == (told.models[a], told.models[b])}
        chosen.setdefault(str(told.calibration.get("hash", "")), told.calibration)
    report("done", 1.0)
    fields: dict[str, Any] = {name: found[name] for name in PLAIN}
    fields |= {kind: {n.partition(".")[2]: v for n, v in found.items() if n.startswith(f"{kind}.")} for kind in KINDS}
    return Comparison(
        models=case.models,
        **fields,
        distance=distances(found["kin"]),
        support_distances=np.array([distances(kin).astype(np.float32) for kin in support]),
        calibration=_one_calibration(chosen),
        manifest=case.plan.manifest() | {"background": case.described()},
        background=Background(len(case.background.models), unrelated),
        weights=weights,
    )


def _matrices(told: Comparison) -> dict[str, NDArray[Any]]:
    """All that a comparison says pair by pair, by field and name."""
    named = {f"{kind}.{name}": matrix for kind in KINDS for name, matrix in getattr(told, kind).items()}
    return {name: getattr(told, name) for name in PLAIN} | named


def _kin(made: Material, statistics: Mapping[str, NDArray[np.float64]], pair: tuple[int, int]) -> float:
    """The fused similarity of one pair in one bootstrap replicate."""
    rows = {name: frozen_row(matrix, made.witness, pair) for name, matrix in statistics.items()}
    return float(fuse_kin({name: rows[name][0] * statistics[name][pair] + rows[name][1] for name in rows}))


def _one_calibration(chosen: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The calibration that covers the pairs, or why none does; some pairs may be left without one."""
    used = [told for key, told in sorted(chosen.items()) if key]
    if len(used) > 1:
        names = ", ".join(str(told["name"]) for told in used)
        raise BadInput(f"different calibrations cover different pairs ({names}): compare those models apart")
    return used[0] if used else next(iter(chosen.values()))
