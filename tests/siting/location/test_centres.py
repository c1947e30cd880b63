"""p-centre: answers equal enumeration, and their own proofs stand the independent check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distance_cases import drawn_distances, drawn_rules, keeps_rules, least_of
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.clock import Clock
from siting.location.checking.proof import proof_faults
from siting.location.control import GAP_REACHED, PROVEN, STOPPED, Control, Found
from siting.location.distance import PCenter
from siting.location.medians import solve_p_centre
from siting.location.reach import impossible


def radius(model: PCenter, chosen: Any) -> float:
    """Return the greatest distance to the nearest of some sites."""
    return float(model.distance[:, list(chosen)].min(axis=1).max())


def least(model: PCenter) -> float:
    """Return the least radius by trying every set of sites."""
    return least_of(model, radius)


def drawn(seed: int) -> PCenter:
    """Return a small model: whole or real distances, ties, unreachable pairs, rules."""
    draw = np.random.default_rng(seed)
    distance, p = drawn_distances(draw)
    extras = drawn_rules(draw, distance.shape[1], p)
    return PCenter(distance, p=p, **extras)


def planar(seed: int, n: int, p: int, **extras: Any) -> PCenter:
    """Return points of a square, each of them demand and site."""
    xy = np.random.default_rng(seed).random((n, 2)) * 1000
    return PCenter(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)), p=p, **extras)


def proven(model: PCenter, found: Found) -> float:
    """Return the radius of an answer whose proof stands and equals it."""
    assert found.selected is not None
    assert found.certificate is not None
    assert keeps_rules(model, tuple(found.selected.tolist()))
    assert proof_faults(model, found.certificate, Clock()) == []
    reached = radius(model, found.selected)
    assert found.certificate.bound == reached
    assert found.ended == PROVEN
    return reached


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 10**6))
def test_the_radius_is_the_least_over_all_sets_of_sites(seed: int) -> None:
    """Whatever the rules, ties and unreachable pairs, no sites have a smaller radius."""
    model = drawn(seed)
    if impossible(model) is not None:
        return
    best, found = least(model), solve_p_centre(model, Control())
    if np.isinf(best):
        assert found.selected is None
        assert found.certificate is not None
        assert found.certificate.bound == np.inf
        assert proof_faults(model, found.certificate, Clock()) == []
    else:
        assert proven(model, found) == best


def test_the_radius_is_an_entry_of_the_matrix_and_never_rises_with_p() -> None:
    """More sites never have a greater radius, and each radius is one of the distances."""
    models = [planar(6, 60, p) for p in (1, 2, 4, 8, 16, 60)]
    radii = [proven(model, solve_p_centre(model, Control())) for model in models]
    assert radii == sorted(radii, reverse=True)
    assert all((models[0].distance == r).any() for r in radii)
    assert radii[-1] == 0.0


def test_the_order_of_the_input_does_not_matter() -> None:
    """Shuffled rows and columns give the same radius."""
    model = planar(13, 80, 5)
    draw = np.random.default_rng(0)
    rows, columns = draw.permutation(80), draw.permutation(80)
    other = PCenter(model.distance[np.ix_(rows, columns)], p=5)
    one, two = solve_p_centre(model, Control()), solve_p_centre(other, Control())
    assert proven(model, one) == proven(other, two)


def test_sites_that_serve_other_demand_than_themselves() -> None:
    """With more demand than sites and fixed ones among them the radius is proven."""
    draw = np.random.default_rng(8)
    model = PCenter(draw.random((120, 25)) * 100, p=4, fixed=[3], forbidden=[0, 9])
    reached = proven(model, solve_p_centre(model, Control()))
    free = PCenter(model.distance, p=4)
    assert reached >= proven(free, solve_p_centre(free, Control()))


def test_a_gap_that_is_good_enough_ends_the_search() -> None:
    """With a gap the bound is that near and proven."""
    model = planar(3, 150, 6)
    found = solve_p_centre(model, Control(gap=0.2))
    assert found.selected is not None
    assert found.certificate is not None
    assert proof_faults(model, found.certificate, Clock()) == []
    reached = radius(model, found.selected)
    assert 0.8 * reached <= found.certificate.bound <= reached
    assert found.ended in {GAP_REACHED, PROVEN}


@pytest.mark.parametrize("asked", [0, 1, 2, 5])
def test_a_stopped_search_claims_what_it_proved(asked: int) -> None:
    """Whenever the caller stops, the bound it gets is proven and no more is said."""
    model = planar(21, 150, 7)
    calls = iter(range(10**6))
    found = solve_p_centre(model, Control(clock=Clock(stop=lambda: next(calls) >= asked)))
    assert found.certificate is not None
    assert proof_faults(model, found.certificate, Clock()) == []
    assert found.selected is not None
    assert found.certificate.bound <= radius(model, found.selected)
    assert found.ended in {STOPPED, PROVEN}
