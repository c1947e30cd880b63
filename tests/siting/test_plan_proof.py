"""The check of a plan's proof and the search evaluate the same limit, each in its own way."""

from __future__ import annotations

import numpy as np
import pytest

from siting.coverage import build_coverage
from siting.location.partial_covering.zero_half import Cuts, PricedCuts
from siting.models.assemble import assemble
from siting.models.bounds import targets_bound
from siting.proof import targets_limit
from siting.scenario import PlanningData, build_scenario
from siting.spec import ScenarioSpec, TargetSpec


def test_any_multipliers_and_cuts_prove_the_same_to_both(littletown: PlanningData) -> None:
    """At random prices of points, targets and cuts, check and search agree on the limit."""
    spec = ScenarioSpec(
        name="little",
        stations=4,
        targets=(
            TargetSpec(zones=("airfield",), standard="quality-outdoor", required_fraction=0.35),
            TargetSpec(zones=("west",), standard="basic-indoor", required_fraction=0.05),
        ),
    )
    scenario = build_scenario(spec, littletown)
    coverage = build_coverage(scenario)
    question = assemble(scenario, coverage)
    model, rng, raised = question.model, np.random.default_rng(0), 0
    able = np.flatnonzero(np.diff(model.cover.indptr) > 0)
    weight = np.asarray(model.target_weights.sum(axis=0)).ravel()
    for _ in range(120):
        sizes = rng.integers(1, 5, 6)
        members = [
            rng.choice(np.append(able, model.cover.shape[0] + np.arange(q)), size)
            for q, size in enumerate(sizes)
        ]
        cuts = Cuts(
            rows=model.cover.shape[0],
            pointer=np.concatenate([[0], np.cumsum(sizes)]),
            members=np.concatenate(members),
        )
        scale = float(model.option_cost.mean())
        priced = PricedCuts(cuts=cuts, prices=rng.exponential(0.01 * scale, len(sizes)))
        targets = rng.exponential(0.8 * scale / weight.sum(), len(model.required))
        cover = rng.choice([1.0, 1.0, 0.9], len(weight)) * (model.target_weights.T @ targets)
        bound = targets_bound(model, cover, targets, priced)
        proof = question.certificate(cover, targets, priced)
        assert targets_limit(scenario, coverage, proof, unit="CNY") == pytest.approx(bound)
        raised += bound > 0
    assert raised > 5
