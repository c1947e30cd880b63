"""p-median: answers equal enumeration, and their own proofs stand the independent check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distance_cases import drawn_distances, drawn_rules, keeps_rules, least_of
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.clock import Clock
from siting.location.checking.proof import proof_faults
from siting.location.control import GAP_REACHED, PROVEN, STOPPED, TIMED_OUT, Control, Found
from siting.location.distance import PMedian
from siting.location.medians import lists as lists_module
from siting.location.medians import solve_p_median
from siting.location.medians.interchange import Interchange
from siting.location.medians.lists import longer, neighbour_lists
from siting.location.medians.problem import prepare
from siting.location.reach import impossible


def value(model: PMedian, chosen: Any) -> float:
    """Return the cost of some sites, infinite where a demand point is out of reach."""
    nearest = model.distance[:, list(chosen)].min(axis=1)
    if np.isinf(nearest).any():
        return np.inf
    places = np.unique(model.rules.site[list(chosen)])
    return float((model.demand * nearest).sum() + model.rules.site_cost[places].sum())


def least(model: PMedian) -> float:
    """Return the least cost by trying every set of sites."""
    return least_of(model, value)


def drawn(seed: int) -> PMedian:
    """Return a small model: whole or real distances, ties, unreachable pairs, rules."""
    draw = np.random.default_rng(seed)
    distance, p = drawn_distances(draw)
    n, m = distance.shape
    demand = draw.integers(0, 4, n).astype(float) if draw.random() < 0.5 else draw.random(n)
    demand[0] += demand.sum() == 0
    extras = drawn_rules(draw, m, p)
    if draw.random() < 0.3:
        sites = int(np.max(extras.get("site", [m - 1]))) + 1
        extras["site_cost"] = draw.integers(0, 8, sites).astype(float)
    return PMedian(distance, demand, p=p, **extras)


def planar(seed: int, n: int, p: int, **extras: Any) -> PMedian:
    """Return points of a square, each of them demand and site."""
    draw = np.random.default_rng(seed)
    xy = draw.random((n, 2)) * 1000
    distance = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    return PMedian(distance, draw.integers(1, 20, n).astype(float), p=p, **extras)


def proven(model: PMedian, found: Found) -> float:
    """Return the value of an answer whose proof stands and reaches it."""
    assert found.selected is not None
    assert found.certificate is not None
    assert keeps_rules(model, tuple(found.selected.tolist()))
    assert proof_faults(model, found.certificate, Clock()) == []
    reached = value(model, found.selected)
    assert found.certificate.bound == pytest.approx(reached, rel=1e-9, abs=1e-12)
    assert found.ended == PROVEN
    return reached


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 10**6))
def test_the_answer_is_the_least_over_all_sets_of_sites(seed: int) -> None:
    """Whatever the rules, weights, ties and unreachable pairs, the answer is the best there is."""
    model = drawn(seed)
    if impossible(model) is not None:
        return
    best, found = least(model), solve_p_median(model, Control())
    if np.isinf(best):
        assert found.selected is None
        assert found.certificate is not None
        assert found.certificate.bound == np.inf
        assert proof_faults(model, found.certificate, Clock()) == []
    else:
        assert proven(model, found) == pytest.approx(best, rel=1e-9, abs=1e-12)


def test_sites_that_reach_all_are_found_where_most_sets_leave_someone_out() -> None:
    """A set of sites that reaches all demand is found though nearly no set does."""
    n = 24
    distance = np.full((n, 2 * n // 3), np.inf)
    for j in range(n // 3):
        distance[3 * j : 3 * j + 3, j] = 50.0  # the only sites that together reach all with n / 3
    draw = np.random.default_rng(3)
    for j in range(n // 3, 2 * n // 3):
        distance[draw.choice(n, 3, replace=False), j] = 1.0
    model = PMedian(distance, p=n // 3)
    assert proven(model, solve_p_median(model, Control())) <= 50.0 * n
    short = PMedian(distance, p=n // 3 - 1)
    found = solve_p_median(short, Control())
    assert found.selected is None
    assert found.certificate is not None
    assert found.certificate.bound == np.inf


def test_more_sites_never_cost_more() -> None:
    """The least cost does not rise with p, and with every site open nobody travels."""
    costs = [
        proven(model, solve_p_median(model, Control()))
        for model in (planar(5, 30, p) for p in (1, 2, 3, 5, 8, 15, 29, 30))
    ]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == 0.0


def test_the_order_of_the_input_does_not_matter() -> None:
    """Shuffled rows and columns give the same value and the same sites."""
    model = planar(11, 60, 5)
    draw = np.random.default_rng(0)
    rows, columns = draw.permutation(60), draw.permutation(60)
    other = PMedian(model.distance[np.ix_(rows, columns)], model.demand[rows], p=5)
    one, two = solve_p_median(model, Control()), solve_p_median(other, Control())
    assert proven(model, one) == pytest.approx(proven(other, two), rel=1e-12)
    assert two.selected is not None
    assert one.selected is not None
    assert sorted(columns[two.selected].tolist()) == one.selected.tolist()


def test_two_threads_give_the_answer_of_one() -> None:
    """Sites, bound and proof do not depend on the number of threads."""
    model = PMedian(np.rint(planar(2, 150, 4).distance), p=4)
    one, two = (solve_p_median(model, Control(threads=number)) for number in (1, 2))
    assert one.certificate is not None
    assert two.certificate is not None
    assert one.selected is not None
    assert np.array_equal(one.selected, two.selected if two.selected is not None else [])
    assert one.certificate.nodes == two.certificate.nodes
    assert one.certificate.bound == two.certificate.bound


def test_a_gap_that_is_good_enough_ends_the_search() -> None:
    """With a gap the search ends once the bound is that near, and says so."""
    model = planar(7, 200, 4)
    found = solve_p_median(model, Control(gap=0.05))
    assert found.selected is not None
    assert found.certificate is not None
    assert proof_faults(model, found.certificate, Clock()) == []
    reached = value(model, found.selected)
    assert 0.95 * reached <= found.certificate.bound <= reached
    assert found.ended in {GAP_REACHED, PROVEN}


@pytest.mark.parametrize("asked", [0, 1, 3, 10, 30])
def test_a_stopped_search_claims_what_it_proved(asked: int) -> None:
    """Whenever the caller stops, the bound it gets is proven and no more is said."""
    model = planar(9, 150, 6)
    calls = iter(range(10**6))
    clock = Clock(stop=lambda: next(calls) >= asked)
    clock.asked = -np.inf
    found = solve_p_median(model, Control(clock=clock))
    assert found.certificate is not None
    assert proof_faults(model, found.certificate, Clock()) == []
    assert found.selected is not None
    assert found.certificate.bound <= value(model, found.selected) * (1 + 1e-12)
    assert found.ended in {STOPPED, PROVEN}


def test_no_time_at_all_still_gives_sites_and_a_bound() -> None:
    """With the time up before the search begins there is an answer with a true bound."""
    model = planar(1, 40, 3)
    found = solve_p_median(model, Control(clock=Clock(limit_s=0.0)))
    assert found.selected is not None
    assert len(found.selected) == 3
    assert found.certificate is not None
    assert proof_faults(model, found.certificate, Clock()) == []
    assert found.ended == TIMED_OUT


@pytest.mark.parametrize("seed", range(4))
def test_short_lists_prove_what_whole_ones_prove(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few sites listed per client the answer and its proof are the same."""
    model = planar(seed, 120, 12)
    whole = proven(model, solve_p_median(model, Control()))
    monkeypatch.setattr(lists_module, "_WHOLE", 0)
    monkeypatch.setattr(lists_module, "_NEAR", 0)
    monkeypatch.setattr(lists_module, "_MORE", 12)
    assert proven(model, solve_p_median(model, Control())) == pytest.approx(whole, rel=1e-9)


def test_longer_lists_hold_whole_rows_in_order() -> None:
    """Lists made longer for some clients equal whole lists there, and are unchanged elsewhere."""
    cost = np.random.default_rng(4).integers(0, 9, (7, 10)).astype(float)
    cost[2, 3] = np.inf
    sites = np.arange(10)
    short = neighbour_lists(cost, sites, 4, Clock())
    whole = neighbour_lists(cost, sites, 10, Clock())
    assert short is not None
    assert whole is not None
    grown = longer(short, cost, sites, np.array([0, 2, 6]))
    for i in range(7):
        source = whole if i in {0, 2, 6} else short
        got = slice(grown.start[i], grown.start[i + 1])
        want = slice(source.start[i], source.start[i + 1])
        assert grown.site[got].tolist() == source.site[want].tolist()
        assert grown.cost[got].tolist() == source.cost[want].tolist()
    assert np.isinf(grown.limit[[0, 2, 6]]).all()


@pytest.mark.parametrize("seed", range(6))
def test_interchange_ends_where_no_swap_helps(seed: int) -> None:
    """After the local search no single swap of an open and a closed site lowers the cost."""
    model = planar(seed, 40, 4, site_cost=30.0 * (seed % 2))
    problem = prepare(model)
    lists = neighbour_lists(problem.cost, np.arange(40), 15, Clock())
    assert lists is not None
    search = Interchange(problem, lists, Clock())
    chosen = search.improve(search.greedy()).tolist()
    best = value(model, chosen)
    for out in chosen:
        rest = [j for j in chosen if j != out]
        assert value(model, rest) >= best * (1 - 1e-9)
        for new in set(range(40)) - set(chosen):
            assert value(model, [*rest, new]) >= best * (1 - 1e-9)
