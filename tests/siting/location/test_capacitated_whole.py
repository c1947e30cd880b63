"""Demand served whole: knapsacks of whole points, choices that hold all demand, impossible ones."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from siting.location.capacity import (
    CapacitatedCovering,
    CapacitatedFacilityLocation,
    CapacitatedPMedian,
)
from siting.location.checking import verify
from siting.location.checking.whole_rooms import holding_of, rooms_of
from siting.location.engine import solve
from siting.status import Status


def near_sites(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Draw 40 points that reach the eight nearest of 20 sites, whose p largest just hold them."""
    rng = np.random.default_rng([seed, 99])
    n, m = 40, 20
    p, weight = int(rng.integers(4, 9)), rng.integers(1, 100, n).astype(float)
    at, sites = rng.random((n, 1, 2)), rng.random((1, m, 2))
    distance = np.rint(100 * np.linalg.norm(at - sites, axis=2))
    capacity = np.rint(rng.uniform(0.7, 1.3, m) * weight.sum() / p)
    capacity = np.rint(capacity * weight.sum() / np.sort(capacity)[::-1][:p].sum()) + 1
    far = np.argsort(distance, axis=1)
    for i in range(n):
        distance[i, far[i, 8:]] = np.inf
    return distance, weight, capacity, p


@pytest.mark.parametrize(
    ("seed", "single"), [(1, True), pytest.param(8, False, marks=pytest.mark.slow)]
)
def test_demand_that_cannot_be_served_together_is_named(seed: int, single: bool) -> None:  # noqa: FBT001
    """Though the p largest sites have room enough, no p sites can serve all: proven and named."""
    distance, weight, capacity, p = near_sites(seed)
    model = CapacitatedPMedian(distance, weight, p=p, capacity=capacity, single_source=single)
    solution = solve(model, 120)
    assert solution.status is Status.INFEASIBLE
    assert f"Of the demand {weight.sum():g} at best" in solution.reason
    verify(model, solution)


def test_demand_that_cannot_be_served_is_proven_beside_a_site_without_options() -> None:
    """Two options share a site that takes one of them; a last site has no option at all."""
    distance = np.array([[1.0, 2.0, np.inf], [1.0, 2.0, np.inf], [3.0, 3.0, 1.0]])
    model = CapacitatedFacilityLocation(
        distance,
        [2, 2, 2],
        capacity=[3, 3, 2],
        cost=[1, 1, 1],
        site=[0, 0, 1],
        site_cost=[1, 1, 4],
        max_options_per_site=[1, 1, 1],
    )
    solution = solve(model)
    assert solution.status is Status.INFEASIBLE
    assert solution.reason == "Of the demand 6 at best 5 can be served."
    verify(model, solution)


def test_covering_is_not_called_best_below_what_is_possible() -> None:
    """A case in which a branch and bound given a start ends one unit below the best."""
    distance, weight, capacity, p = near_sites(1)
    model = CapacitatedCovering(
        np.isfinite(distance), weight, capacity=capacity, p=p, single_source=True
    )
    solution = solve(model, 120)
    assert solution.objective == solution.bound == 1793.0
    verify(model, solution)


def test_single_source_with_a_tree_of_cases_is_proven() -> None:
    """Equal sites, nearly full: the proof splits on sites, and its check agrees."""
    rng = np.random.default_rng(4)
    n, m = 60, 15
    at, sites = rng.random((n, 1, 2)), rng.random((1, m, 2))
    carried = np.rint(300 * np.linalg.norm(at - sites, axis=2))
    weight = rng.integers(10, 31, n).astype(float)
    model = CapacitatedFacilityLocation(
        carried / weight[:, None], weight, capacity=200.0, cost=400.0, single_source=True
    )
    solution = solve(model, 120)
    assert solution.status is Status.OPTIMAL
    verify(model, solution)


def test_rooms_equal_every_subset() -> None:
    """The least worth within a room, alone and with each arc used, is that over all subsets."""
    rng = np.random.default_rng(2)
    for _ in range(40):
        n, m = int(rng.integers(1, 7)), 2
        weight = rng.integers(1, 7, n).astype(float) * 3.0
        capacity = rng.integers(0, 40, m).astype(float)
        columns = np.array([0, n, 2 * n])
        row = np.tile(np.arange(n), m)
        rooms = rooms_of(weight, capacity, columns, row)
        assert rooms is not None
        worth = rng.uniform(-5.0, 2.0, m * n)
        least, _ = rooms.least(worth, np.abs(worth))
        more = rooms.with_each(worth, np.ones(m, dtype=bool))
        for j in range(m):
            values = {
                bits: float(worth[j * n : (j + 1) * n] @ np.array(bits))
                for bits in itertools.product((0, 1), repeat=n)
                if weight @ np.array(bits) <= capacity[j]
            }
            assert least[j] == pytest.approx(min(values.values()))
            for i in range(n):
                used = [value for bits, value in values.items() if bits[i]]
                best = min(used, default=math.inf)
                assert more[j * n + i] == pytest.approx(best - least[j])


@pytest.mark.parametrize("whole", [True, False])
def test_holding_equals_every_choice(whole: bool) -> None:  # noqa: FBT001
    """Options that hold all demand: least cost and every flip, exact in whole numbers."""
    rng = np.random.default_rng(3)
    for _ in range(30):
        m = int(rng.integers(1, 6))
        demand = rng.integers(1, 9, 4).astype(np.float64) * (1.0 if whole else 1.37)
        capacity = rng.integers(0, 20, m).astype(np.float64) * (1.0 if whole else 1.11)
        cost, decided = rng.uniform(-5, 9, m), rng.integers(-1, 2, m).astype(np.int8)
        holding = holding_of(demand, capacity)
        assert holding is not None
        value, taken, left = holding.least(cost, decided)
        costs = {
            bits: float(cost @ np.array(bits))
            for bits in itertools.product((0, 1), repeat=m)
            if capacity @ np.array(bits) >= demand.sum()
            and all(d == 0 or (d > 0) == bool(b) for d, b in zip(decided, bits, strict=True))
        }
        best = min(costs.values(), default=math.inf)
        assert value <= best + 1e-9
        if not whole or math.isinf(best):
            continue
        assert value == pytest.approx(best)
        for j in np.flatnonzero(decided == 0):
            for side, flip in ((1, taken), (0, left)):
                other = min((v for bits, v in costs.items() if bits[j] == side), default=math.inf)
                assert flip[j] == pytest.approx(other - best, abs=1e-9)
