"""Targets per zone at least cost: answers against enumeration, bounds against any multipliers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from location_cases import cases

from benchmarks.location_cases import Case, drawn, optimum
from siting.clock import Clock
from siting.location.checking import verify
from siting.location.control import STOPPED, Control
from siting.location.covering import PartialCovering
from siting.location.engine import solve
from siting.location.partial_covering import solve_partial_covering
from siting.location.partial_covering.anneal import Anneal
from siting.location.partial_covering.answer import arrays_of, greedy, state_of, toggle
from siting.location.partial_covering.proof import limit_of
from siting.location.partial_covering.reduce import lift, reduce
from siting.location.partial_covering.relaxation import Duals, Relaxation, turning_point

SAME = 1e-9


def city(
    seed: int, *, options: int = 120, demand: int = 1500, shared: bool = False
) -> PartialCovering:
    """Return a city of discs in four zones, one to be served whole; options may share sites."""
    rng = np.random.default_rng(seed)
    points, places = rng.random((demand, 2)), rng.random((options, 2))
    cover = ((points[:, None] - places[None]) ** 2).sum(axis=2) <= 0.17**2
    zone = 2 * (points[:, 0] > 0.5) + (points[:, 1] > 0.5)
    weight = rng.integers(1, 100, demand).astype(float)
    able = cover.any(axis=1)
    reach = [weight[(zone == z) & able].sum() / weight[zone == z].sum() for z in range(4)]
    rules = {}
    if shared:
        rules = {
            "site": np.arange(options) // 2,
            "site_cost": rng.integers(1, 6, options // 2),
            "max_options_per_site": 1,
        }
    return PartialCovering(
        cover,
        weight,
        cost=rng.integers(5, 20, options),
        zone=zone,
        required={z: min(share, reach[z]) for z, share in enumerate((0.7, 0.9, 0.5, 1.0))},
        **rules,
    )


@settings(max_examples=150, deadline=None)
@given(cases("partial covering"))
def test_answers_are_optimal_and_proven(case: Case) -> None:
    """With any rules together, the answer is what enumeration finds, and the check accepts it."""
    best, solution = optimum(case.model), solve(case.model)
    if best is None:
        assert solution.status == "infeasible"
    else:
        assert solution.status == "optimal"
        assert solution.objective == pytest.approx(best, rel=SAME, abs=SAME)
        assert solution.bound <= best + SAME * (1 + abs(best))
    verify(case.model, solution)


@settings(max_examples=60, deadline=None)
@given(cases("partial covering"), st.integers(0, 10**6))
def test_any_multipliers_give_a_true_bound(case: Case, seed: int) -> None:
    """Multipliers drawn at random never prove more than the optimum, nor decide it away."""
    best, reduced = optimum(case.model), reduce(case.model)
    if best is None or not reduced.possible:
        return
    rng, problem = np.random.default_rng(seed), reduced.problem
    prices = rng.exponential(3.0, problem.rows + len(problem.pairs))
    prices *= rng.random(len(prices)) < 0.7
    drawn_at = Duals(prices=prices, multipliers=rng.exponential(1.0, len(problem.need)), bound=0.0)
    limit = limit_of(case.model, reduced, *lift(case.model, reduced, drawn_at))
    assert limit.bound <= best + SAME
    bound, _ = Relaxation(problem)(prices)
    assert reduced.base + bound <= best + SAME * (1 + best)


def test_reduced_and_whole_bound_agree() -> None:
    """Carried back to the whole model, multipliers prove what they prove of the reduced one."""
    for seed in range(40):
        model = drawn(seed, "partial covering").model
        reduced = reduce(model)
        if not reduced.possible:
            continue
        relaxation = Relaxation(reduced.problem)
        duals = relaxation.duals(relaxation.start())
        limit = limit_of(model, reduced, *lift(model, reduced, duals))
        assert limit.bound == pytest.approx(reduced.base + duals.bound, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("shared", [False, True])
def test_a_city_is_proven(*, shared: bool) -> None:
    """Four zones, with shared sites that cost and hold one option too, are closed and checked."""
    model = city(3, options=50, demand=400, shared=shared)
    solution = solve(model)
    assert solution.status == "optimal"
    verify(model, solution)


def test_a_larger_city_has_a_true_gap() -> None:
    """Where the proof stays open, value and bound are right and a few percent apart."""
    model = city(5)
    found = solve_partial_covering(model, Control(gap=0.08))
    assert found.selected is not None
    assert found.certificate is not None
    value = model.rules.cost(found.selected, model.cost)
    assert found.certificate.bound <= value <= 1.09 * found.certificate.bound


def test_same_seed_same_answer() -> None:
    """Two runs with one seed choose the same options and prove the same bound."""
    model = city(8, options=100, demand=800)
    one, other = (solve_partial_covering(model, Control(seed=4, gap=0.03)) for _ in range(2))
    assert one.selected is not None
    assert np.array_equal(one.selected, other.selected)
    assert one.certificate.bound == other.certificate.bound


def test_a_requirement_met_exactly_is_met() -> None:
    """Half of four equal points is two: one option that serves two suffices."""
    cover = np.array([[1, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0]])
    model = PartialCovering(cover, cost=[2, 3, 1], required={"all": 0.5})
    solution = solve(model)
    assert (solution.status, solution.objective, solution.bound) == ("optimal", 2.0, 2.0)
    assert solution.selected.tolist() == [0]


def test_nothing_required_costs_the_fixed_options() -> None:
    """A requirement of zero chooses what is fixed and no more."""
    model = PartialCovering(np.eye(3), cost=[2, 3, 4], required={"all": 0.0}, fixed=[1])
    solution = solve(model)
    assert (solution.status, solution.objective) == ("optimal", 3.0)
    assert solution.selected.tolist() == [1]


def test_a_zone_served_whole_needs_its_only_option() -> None:
    """At a share of one, the sole option of a point is taken whatever it costs."""
    cover = np.array([[1, 0, 0], [0, 1, 1]])
    model = PartialCovering(
        cover, [1, 1000], cost=[900, 5, 4], zone=["a", "b"], required={"a": 1.0, "b": 1.0}
    )
    solution = solve(model)
    assert (solution.status, solution.objective) == ("optimal", 904.0)


def test_a_stop_keeps_the_answer_and_says_so() -> None:
    """Asked to stop, the search hands back a lawful answer with a true bound."""
    model, asked = city(2), []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 3

    found = solve_partial_covering(model, Control(clock=Clock(stop=stop)))
    assert found.ended == STOPPED
    assert found.selected is not None
    assert found.certificate is not None
    assert found.certificate.bound <= model.rules.cost(found.selected, model.cost)


@pytest.mark.parametrize("shared", [False, True])
def test_an_exchange_keeps_count_of_its_cost_and_its_best_answer_meets_every_need(
    *, shared: bool
) -> None:
    """It finds a cheaper answer than greedy does, also where sites cost and rows must be served."""
    problem = reduce(city(11, shared=shared)).problem
    relaxation = Relaxation(problem)
    duals = relaxation.duals(relaxation.start())
    start = greedy(problem, duals.prices, duals.multipliers)
    assert start is not None
    search = Anneal(problem, start, prices=duals.prices, multipliers=duals.multipliers, seed=3)
    for number in range(40):
        search.run(200, hot=3.0 * 0.9**number, cold=3.0 * 0.9 ** (number + 1))
        now = problem.cost_of(np.flatnonzero(search.state.chosen))
        assert search.now == pytest.approx(now)
    chosen = np.flatnonzero(search.state.chosen)
    search.mend()
    assert np.array_equal(chosen, np.flatnonzero(search.state.chosen))
    assert problem.meets(search.best)
    assert search.best_cost == problem.cost_of(search.best) < problem.cost_of(start)


def test_columns_keep_their_figures_through_any_changes() -> None:
    """After hundreds of changes, what each column adds or holds alone is what a recount says."""
    problem = reduce(city(1, options=40, demand=300)).problem
    arrays = arrays_of(problem, np.ones(problem.rows), np.ones(len(problem.need)))
    state, rng = state_of(problem, arrays), np.random.default_rng(0)
    for column in rng.integers(problem.columns, size=400):
        toggle(arrays, state, int(column))
    matrix = problem.by_row.toarray() > 0
    counts = matrix[:, state.chosen].sum(axis=1)
    assert np.array_equal(state.counts, counts)
    weights = problem.weights.toarray()[:, problem.need > 0]
    for column in range(problem.columns):
        mine = matrix[:, column] & (counts == int(state.chosen[column]))
        assert state.hard_rows[column] == (mine & problem.hard).sum()
        slots = slice(arrays.slot_ptr[column], arrays.slot_ptr[column + 1])
        wanted = weights[mine].sum(axis=0)[arrays.slot_target[slots]]
        assert state.gain[slots] == pytest.approx(wanted, abs=1e-6)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), min_size=1, max_size=12),
    st.integers(1, 30),
)
def test_the_turning_point_is_where_the_weights_suffice(
    pairs: list[tuple[int, int]], need: int
) -> None:
    """The least ratio at which the weights up to it add up to the need, or else the largest."""
    weight = np.array([float(w) for _, w in pairs])
    price = np.array([float(r) for r, _ in pairs]) * weight
    ratio = price / weight
    enough = [r for r in np.unique(ratio) if weight[ratio <= r].sum() >= need]
    assert turning_point(price, weight, float(need)) == (enough[0] if enough else ratio.max())
