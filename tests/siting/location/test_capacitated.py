"""Capacitated models against every choice of options, each served by its own programme."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from siting.clock import Clock
from siting.location.capacitated import (
    solve_capacitated_covering,
    solve_capacitated_facility_location,
)
from siting.location.capacity import (
    CapacitatedCovering,
    CapacitatedFacilityLocation,
    CapacitatedPMedian,
)
from siting.location.control import Control, Found

Model = CapacitatedCovering | CapacitatedFacilityLocation


def solved(model: Model) -> Found:
    """Return the answer of the room that knows the model."""
    if isinstance(model, CapacitatedFacilityLocation):
        return solve_capacitated_facility_location(model, Control())
    return solve_capacitated_covering(model, Control())


def shares(model: Model, found: Found) -> np.ndarray:
    """Return the assignment as shares (n, m), having held it against every rule."""
    n, m = len(model.demand), len(model.capacity)
    given = found.assignment
    if isinstance(given, np.ndarray):
        assert model.single_source
        share = np.zeros((n, m))
        served = np.flatnonzero(given >= 0)
        share[served, given[served]] = 1.0
    else:
        assert isinstance(given, sp.csr_array)
        share = given.toarray()
    assert found.selected is not None
    closed = np.setdiff1d(np.arange(m), found.selected)
    assert (share >= 0).all()
    assert not share[:, closed].any()
    assert (model.demand @ share <= model.capacity * (1 + 1e-9)).all()
    total = share.sum(axis=1)
    if isinstance(model, CapacitatedFacilityLocation):
        np.testing.assert_allclose(total, 1.0, atol=1e-9)
        assert np.isfinite(model.distance[share > 0]).all()
    else:
        assert (total <= 1 + 1e-9).all()
        assert model.cover.toarray()[share > 0].all()
    rules = model.rules
    assert np.isin(rules.fixed, found.selected).all()
    assert not np.isin(rules.forbidden, found.selected).any()
    assert not np.isin(rules.conflicts, found.selected).all(axis=1).any()
    hosted = np.bincount(rules.site[found.selected], minlength=len(rules.max_options))
    assert (hosted <= rules.max_options).all()
    if model.p is not None:
        assert len(found.selected) <= model.p
    return share


def value(model: Model, found: Found) -> float:
    """Return the objective of an answer, counted from its assignment."""
    share = shares(model, found)
    assert found.selected is not None
    if isinstance(model, CapacitatedCovering) and model.required is None:
        if model.budget is not None:
            assert model.rules.cost(found.selected, model.cost) <= model.budget + 1e-9
        return float(model.demand @ share.sum(axis=1))
    opening = model.rules.cost(found.selected, model.cost)
    if isinstance(model, CapacitatedCovering):
        assert model.required is not None
        served = np.bincount(
            model.zone, weights=model.demand * share.sum(axis=1), minlength=len(model.zones)
        )
        assert (served >= (model.required - 2e-9) * model.zone_weight).all()
        return opening
    distance = np.where(share > 0, model.distance, 0.0)
    return opening + float((model.demand[:, None] * distance * share).sum())


def keeps_rules(model: Model, chosen: np.ndarray) -> bool:
    """Tell whether a choice keeps every rule, p and the budget."""
    rules, selected = model.rules, np.flatnonzero(chosen)
    hosted = np.bincount(rules.site[selected], minlength=len(rules.max_options))
    fits = model.p is None or len(selected) <= model.p
    if isinstance(model, CapacitatedCovering) and model.budget is not None:
        fits = rules.cost(selected, model.cost) <= model.budget
    return bool(
        fits
        and chosen[rules.fixed].all()
        and not chosen[rules.forbidden].any()
        and not chosen[rules.conflicts].all(axis=1).any()
        and (hosted <= rules.max_options).all()
    )


def best_service(model: Model, chosen: np.ndarray) -> float:
    """Return the objective of a choice as a programme over its arcs alone, infinite if none."""
    locating = isinstance(model, CapacitatedFacilityLocation)
    reach = np.isfinite(model.distance) if locating else model.cover.toarray()
    row, option = np.nonzero(reach & chosen[None, :])
    n, m, arcs = len(model.demand), len(chosen), len(row)
    selected = np.flatnonzero(chosen)
    most = isinstance(model, CapacitatedCovering) and model.required is None
    opening = 0.0 if most else model.rules.cost(selected, model.cost)
    weight = model.demand[row]
    cost = weight * model.distance[row, option] if locating else np.zeros(arcs)
    if most:
        cost = -weight
    if arcs == 0:
        short = n if locating else 0
        if isinstance(model, CapacitatedCovering) and model.required is not None:
            short = int((model.required > 1e-9).any())
        return math.inf if short else opening
    matrix = np.zeros((n + m, arcs))
    matrix[row, np.arange(arcs)] = 1.0
    scale = np.maximum(model.capacity, 1.0)
    matrix[n + option, np.arange(arcs)] = weight / scale[option]
    low = np.concatenate([np.full(n, 1.0 if locating else -np.inf), np.full(m, -np.inf)])
    high = np.concatenate([np.ones(n), model.capacity / scale])
    rows = [LinearConstraint(matrix, low, high)]
    if isinstance(model, CapacitatedCovering) and model.required is not None:
        zones = np.zeros((len(model.zones), arcs))
        zones[model.zone[row], np.arange(arcs)] = weight
        rows.append(LinearConstraint(zones, (model.required - 1e-9) * model.zone_weight, np.inf))
    whole = np.full(arcs, int(model.single_source))
    result = milp(cost, constraints=rows, bounds=Bounds(0, 1), integrality=whole)
    assert result.status in {0, 2}
    return opening + float(result.fun) if result.status == 0 else math.inf


def brute_force(model: Model) -> float | None:
    """Return the best objective over every choice of options, None when there is none."""
    best = math.inf
    for bits in itertools.product((False, True), repeat=len(model.capacity)):
        chosen = np.array(bits)
        if keeps_rules(model, chosen):
            best = min(best, best_service(model, chosen))
    if math.isinf(best):
        return None
    most = isinstance(model, CapacitatedCovering) and model.required is None
    return -best if most else best


def random_rules(rng: np.random.Generator, m: int) -> dict[str, object]:
    """Draw rules: fixed, forbidden, sites with costs and limits, conflicts."""
    order, rules = rng.permutation(m), {}
    if rng.random() < 0.3:
        rules["fixed"] = order[:1]
    if rng.random() < 0.3:
        rules["forbidden"] = order[1:2]
    if rng.random() < 0.3:
        rules["site"] = rng.integers(0, 2, m)
        sites = int(rules["site"].max()) + 1
        rules["site_cost"] = rng.integers(0, 9, sites).astype(float)
        rules["max_options_per_site"] = int(rng.integers(1, 3))
    if rng.random() < 0.3:
        rules["conflicts"] = np.array([order[:2], order[-2:]])
    return rules


def random_model(seed: int, kind: str) -> Model:
    """Draw a tiny model."""
    rng = np.random.default_rng([seed, 7])
    n, m = int(rng.integers(1, 7)), int(rng.integers(2, 6))
    weight = rng.integers(0, 9, n).astype(float)
    weight[0] += 1
    capacity = rng.integers(0, 20, m).astype(float)
    if rng.random() < 0.5:
        weight, capacity = weight * rng.uniform(0.5, 1.5, n), capacity * rng.uniform(0.5, 1.5, m)
    if rng.random() < 0.1:
        capacity[:] = 1e12
    cost = rng.integers(0, 12, m).astype(float)
    extras = {"single_source": bool(rng.random() < 0.5), **random_rules(rng, m)}
    distance = rng.integers(0, 15, (n, m)) * (rng.uniform(0.5, 1.5) if seed % 2 else 1.0)
    distance[rng.random((n, m)) < 0.1] = np.inf
    p = int(rng.integers(1, m + 1))
    if kind == "facility":
        return CapacitatedFacilityLocation(distance, weight, capacity=capacity, cost=cost, **extras)
    if kind == "median":
        return CapacitatedPMedian(distance, weight, p=p, capacity=capacity, **extras)
    cover = rng.random((n, m)) < 0.5
    if kind == "p":
        return CapacitatedCovering(cover, weight, capacity=capacity, p=p, **extras)
    if kind == "budget":
        budget = float(rng.integers(0, 25))
        return CapacitatedCovering(
            cover, weight, capacity=capacity, cost=cost, budget=budget, **extras
        )
    zone = rng.integers(0, 2, n)
    asked = {t: round(float(rng.random()), 1) for t in np.unique(zone[weight > 0]).tolist()}
    return CapacitatedCovering(
        cover, weight, capacity=capacity, cost=cost, zone=zone, required=asked, **extras
    )


@pytest.mark.parametrize("kind", ["facility", "median", "p", "budget", "required"])
def test_answers_equal_brute_force(kind: str) -> None:
    """Value and bound of random tiny models with every rule are the best over all choices."""
    for seed in range(40):
        model = random_model(seed, kind)
        best, found = brute_force(model), solved(model)
        if best is None:
            assert found.selected is None, (kind, seed)
            assert found.certificate is not None
            assert math.isinf(found.certificate.bound)
            continue
        assert found.selected is not None, (kind, seed)
        assert value(model, found) == pytest.approx(best, rel=1e-7, abs=1e-7), (kind, seed)
        assert found.certificate is not None
        assert found.certificate.bound == pytest.approx(best, rel=1e-7, abs=1e-7), (kind, seed)


@pytest.mark.parametrize("kind", ["facility", "p", "required"])
def test_order_of_input_does_not_matter(kind: str) -> None:
    """Permuted demand and options give the same value."""
    rng = np.random.default_rng(3)
    n, m = 30, 8
    weight, capacity = rng.integers(1, 20, n).astype(float), rng.integers(30, 90, m).astype(float)
    cost = rng.integers(20, 60, m).astype(float)
    distance, cover = rng.integers(1, 20, (n, m)).astype(float), rng.random((n, m)) < 0.4
    rows, options = rng.permutation(n), rng.permutation(m)
    values = []
    for i, j in ((np.arange(n), np.arange(m)), (rows, options)):
        if kind == "facility":
            model: Model = CapacitatedFacilityLocation(
                distance[np.ix_(i, j)], weight[i], capacity=capacity[j], cost=cost[j]
            )
        else:
            asked = {"p": 4} if kind == "p" else {"required": 0.7, "cost": cost[j]}
            model = CapacitatedCovering(
                cover[np.ix_(i, j)], weight[i], capacity=capacity[j], **asked
            )
        found = solved(model)
        assert found.certificate is not None
        assert found.certificate.bound == pytest.approx(value(model, found), rel=1e-8)
        values.append(value(model, found))
    assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_cover_radius_holds_with_capacities() -> None:
    """Everything must be served by an option that covers it, however much room others have."""
    # two towns 100 km apart; one big site could hold both, but reaches only its own
    cover = np.array([[1, 0, 1], [0, 1, 0]], dtype=bool)
    model = CapacitatedCovering(
        cover, [10.0, 10.0], capacity=[100.0, 100.0, 5.0], cost=[5.0, 5.0, 1.0], required=1.0
    )
    found = solved(model)
    assert found.selected is not None
    assert found.selected.tolist() == [0, 1]
    assert value(model, found) == 10.0
    assert found.certificate is not None
    assert found.certificate.bound == 10.0


def test_p_holds_and_everyone_is_served() -> None:
    """With capacities and unreachable pairs exactly what is opened serves, and no more than p."""
    rng = np.random.default_rng(5)
    n, m, p = 40, 15, 4
    at = rng.random((n, 2))
    distance = np.linalg.norm(at[:, None] - at[None, :m], axis=2)
    nearest = np.argsort(distance, axis=1)
    for i in range(n):
        distance[i, nearest[i, 12:]] = np.inf  # only the twelve nearest sites may serve
    model = CapacitatedPMedian(distance, np.ones(n), p=p, capacity=np.full(m, 12.0))
    found = solved(model)
    assert found.selected is not None
    assert len(found.selected) == p
    assert found.certificate is not None
    assert found.certificate.bound == pytest.approx(value(model, found), rel=1e-8)


def test_too_little_capacity_is_infeasible() -> None:
    """Demand above all capacity, or that no site can hold whole, is proven to have no answer."""
    distance = np.ones((3, 2))
    split = CapacitatedFacilityLocation(distance, [4.0, 4.0, 4.0], capacity=5.0, cost=1.0)
    whole = CapacitatedFacilityLocation(
        distance, [4.0, 2.0, 4.0], capacity=5.0, cost=1.0, single_source=True
    )
    for model in (split, whole):
        found = solved(model)
        assert found.selected is None
        assert found.certificate is not None
        assert found.certificate.bound == math.inf


def test_weightless_demand_needs_a_site_too() -> None:
    """A demand point of weight 0 is assigned as well, to an open site that reaches it."""
    distance = np.array([[1.0, 5.0], [np.inf, 1.0]])
    model = CapacitatedFacilityLocation(distance, [3.0, 0.0], capacity=9.0, cost=[1.0, 2.0])
    found = solved(model)
    assert found.selected is not None
    assert found.selected.tolist() == [0, 1]
    assert value(model, found) == pytest.approx(6.0)


def test_demand_too_big_for_any_option_is_left_out() -> None:
    """A whole demand point above every capacity stays unserved in a covering."""
    model = CapacitatedCovering(
        np.ones((2, 2), dtype=bool), [9.0, 3.0], capacity=5.0, p=2, single_source=True
    )
    found = solved(model)
    assert isinstance(found.assignment, np.ndarray)
    assert found.assignment[0] == -1
    assert value(model, found) == 3.0
    assert found.certificate is not None
    assert found.certificate.bound == 3.0


def test_same_seed_same_answer() -> None:
    """Two runs give the same options and the same assignment."""
    rng = np.random.default_rng(8)
    cover = rng.random((40, 14)) < 0.25
    weight, capacity = rng.integers(1, 30, 40).astype(float), rng.integers(50, 120, 14)
    model = CapacitatedCovering(cover, weight, capacity=capacity, p=5, single_source=True)
    first, second = solved(model), solved(model)
    assert first.selected is not None
    assert second.selected is not None
    assert first.selected.tolist() == second.selected.tolist()
    np.testing.assert_array_equal(first.assignment, second.assignment)


def test_stopped_search_says_so_and_its_answer_keeps_the_rules() -> None:
    """A search stopped early returns a feasible answer, or none, and a bound that is true."""
    rng = np.random.default_rng(9)
    cover = rng.random((300, 60)) < 0.1
    weight = rng.integers(1, 30, 300).astype(float)
    model = CapacitatedCovering(cover, weight, capacity=150.0, p=10)
    asked = itertools.count()
    clock = Clock(stop=lambda: next(asked) > 1)
    found = solve_capacitated_covering(model, Control(clock=clock))
    assert found.certificate is not None
    best = solved(model)
    assert found.certificate.bound >= value(model, best) - 1e-6
    if found.selected is not None:
        assert value(model, found) <= value(model, best) + 1e-6
