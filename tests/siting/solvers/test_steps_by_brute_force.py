"""Both steps against brute force, and against published answers on real data."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from tiny_models import least_cost, most_served, selections, tiny_model

from siting.clock import Clock
from siting.location.partial_covering.zero_half import Cuts, PricedCuts
from siting.models.bounds import service_bound, targets_bound
from siting.solvers.service_step import solve_service
from siting.solvers.station_limit import solve_within
from siting.solvers.target_step import solve_targets

BLOCKS = 10


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_least_cost_lies_between_bound_and_value(block: int) -> None:
    """On 250 tiny cases the bound never passes the optimum, and the answer meets every target."""
    hit = 0
    for seed in range(25 * block, 25 * (block + 1)):
        model = tiny_model(seed)
        answer = solve_targets(model, clock=Clock())
        optimum = least_cost(model)
        assert answer.bound <= optimum, seed
        assert answer.value == model.cost(answer.selected), seed
        assert len(set(model.option_station[answer.selected])) == len(answer.selected), seed
        if math.isinf(optimum):
            assert not model.meets_targets(answer.selected), seed
            hit += 1
            continue
        assert model.meets_targets(answer.selected), seed
        assert optimum <= answer.value, seed
        hit += answer.value == optimum
    assert hit >= 24


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_most_served_lies_between_value_and_bound(block: int) -> None:
    """On 250 tiny cases the limit never falls below the optimum, nor the answer above it."""
    hit = 0
    for seed in range(25 * block, 25 * (block + 1)):
        model = tiny_model(seed)
        fixed = np.zeros(0, dtype=np.intp)
        if seed % 2:
            fixed = np.arange(0, model.cover.shape[1], 3, dtype=np.intp)
            _, first = np.unique(model.option_station[fixed], return_index=True)
            fixed = fixed[np.sort(first)]
        answer = solve_service(model, fixed, clock=Clock())
        optimum = most_served(model, fixed)
        assert answer.value <= optimum <= answer.bound, seed
        assert len(answer.selected) + len(fixed) <= max(model.stations or 0, len(fixed))
        hit += answer.value == optimum
    assert hit >= 24


def test_any_multipliers_give_a_true_bound() -> None:
    """Multipliers drawn at random never prove more than the optimum of either step."""
    rng = np.random.default_rng(0)
    for seed in range(60):
        model = tiny_model(seed)
        optimum = least_cost(model)
        best = most_served(model, np.zeros(0, dtype=np.intp))
        for _ in range(5):
            prices = rng.exponential(10.0, model.cover.shape[0])
            prices *= rng.random(len(prices)) < 0.7
            lambdas = rng.exponential(10.0, len(model.required))
            assert targets_bound(model, prices, lambdas) <= optimum
            limit = service_bound(
                model, prices / 10, np.zeros(0, dtype=np.intp), model.stations or 0
            )
            assert limit >= best


@pytest.mark.parametrize(
    ("models", "least"), [(50, 10), pytest.param(150, 30, marks=pytest.mark.slow)]
)
def test_any_cuts_give_a_true_bound(models: int, least: int) -> None:
    """Cuts of rows drawn at random, at any price, never prove more than the least cost."""
    rng = np.random.default_rng(1)
    raised = 0
    for seed in range(models):
        model = tiny_model(seed)
        optimum, rows = least_cost(model), model.cover.shape[0]
        for _ in range(6):
            sizes = rng.integers(1, 5, int(rng.integers(1, 5)))
            members = [rng.integers(0, rows + q, size) for q, size in enumerate(sizes)]
            cuts = Cuts(
                rows=rows,
                pointer=np.concatenate([[0], np.cumsum(sizes)]),
                members=np.concatenate(members),
            )
            priced = PricedCuts(cuts=cuts, prices=rng.exponential(8.0, len(sizes)))
            prices = rng.exponential(6.0, rows) * (rng.random(rows) < 0.6)
            lambdas = rng.exponential(20.0, len(model.required))
            bound = targets_bound(model, prices, lambdas, priced)
            assert bound <= optimum
            raised += bound > targets_bound(model, prices, lambdas)
    assert raised > least


def test_a_limit_on_stations_is_kept_or_disproved() -> None:
    """With too few stations the least number is bounded truly, else the answer keeps the limit."""
    tight = 0
    for seed in range(120):
        model = dataclasses.replace(tiny_model(seed), stations=2)
        cheapest = solve_targets(model, clock=Clock())
        if len(cheapest.selected) <= 2:
            continue
        tight += 1
        limited = solve_within(model, cheapest, clock=Clock(), gap=0.0, seed=0)
        enough = [len(item) for item in selections(model) if model.meets_targets(item)]
        assert limited.fewest.bound <= min(enough, default=math.inf)
        assert not enough or min(enough) <= limited.fewest.value
        assert len(limited.selected) <= 2
        assert limited.within == model.meets_targets(limited.selected)
    assert tight > 10


def test_adding_an_option_never_raises_the_least_cost() -> None:
    """The optimum, and so the bound, of a model without its last option is no lower."""
    for seed in range(60):
        model = tiny_model(seed)
        last = model.cover.shape[1] - 1
        kept = [item for item in selections(model) if last not in item]
        able = [model.cost(item) for item in kept if model.meets_targets(item)]
        if able:
            assert solve_targets(model, clock=Clock()).bound <= min(able)


def test_scaling_the_weights_scales_only_what_is_served() -> None:
    """A thousand times the weights choose the same options and serve a thousand times as much."""
    for seed in range(40):
        model = tiny_model(seed)
        larger = dataclasses.replace(model, objective=1000.0 * model.objective)
        fixed = np.zeros(0, dtype=np.intp)
        one = solve_service(model, fixed, clock=Clock())
        other = solve_service(larger, fixed, clock=Clock())
        assert np.array_equal(one.selected, other.selected)
        assert other.value == 1000.0 * one.value


def test_the_same_seed_gives_the_same_answer() -> None:
    """Two runs with one seed choose the same options and prove the same bound."""
    for seed in range(30):
        model = tiny_model(seed)
        one, other = (solve_targets(model, clock=Clock(), seed=5) for _ in range(2))
        assert np.array_equal(one.selected, other.selected)
        assert one.bound == other.bound
