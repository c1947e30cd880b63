"""Plans: how a zone stands against its target, judged on unrounded values."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siting.plan import Outcome, Step, TargetState, judge
from siting.status import Sense, Status


@pytest.mark.parametrize(
    ("served", "reachable", "state"),
    [
        (950.0, 1000.0, TargetState.MET),
        (949.999, 1000.0, TargetState.NEAR),
        (900.0, 1000.0, TargetState.NEAR),
        (899.0, 1000.0, TargetState.MISSED),
        (940.0, 940.0, TargetState.IMPOSSIBLE),
    ],
)
def test_state_is_judged_on_unrounded_values(
    served: float, reachable: float, state: TargetState
) -> None:
    """94.9999 % of a 95 % target is not met, however it would print."""
    assert judge(total=1000, served=served, reachable=reachable, required_fraction=0.95) is state


def test_a_zone_without_weight_cannot_be_assessed() -> None:
    """Nothing to serve is neither met nor missed."""
    state = judge(total=0, served=0, reachable=0, required_fraction=1)
    assert state is TargetState.NOT_ASSESSABLE


@given(st.lists(st.floats(min_value=0.01, max_value=1e6), min_size=1, max_size=50), st.randoms())
def test_full_service_meets_a_full_target_in_any_order_of_summation(
    weights: list[float], random: Random
) -> None:
    """100 % served is met although sums of floats depend on their order."""
    shuffled = weights[:]
    random.shuffle(shuffled)
    state = judge(
        total=sum(weights), served=sum(shuffled), reachable=sum(shuffled), required_fraction=1.0
    )
    assert state is TargetState.MET


def test_share_and_shortfall() -> None:
    """Share is of the total, shortfall is in the weight's own unit and never negative."""
    outcome = Outcome(
        zone_id="z",
        standard_id="s",
        weight="population",
        total=200.0,
        served=150.0,
        reachable=200.0,
        required_fraction=0.9,
        state=TargetState.MISSED,
    )
    assert (outcome.share, outcome.shortfall) == (0.75, 30.0)
    empty = Outcome(
        zone_id="z",
        standard_id="s",
        weight="population",
        total=0.0,
        served=0.0,
        reachable=0.0,
        required_fraction=None,
        state=None,
    )
    assert math.isnan(empty.share)
    assert empty.shortfall == 0.0


def test_gap_is_relative_to_the_value() -> None:
    """Cost 110 with bound 100 is 9.09 % from proven; nothing reached leaves the gap open."""

    def step(value: float, bound: float) -> Step:
        return Step(
            name="targets",
            sense=Sense.MINIMISE,
            unit="CNY",
            value=value,
            bound=bound,
            status=Status.FEASIBLE,
            reason="",
            runtime_s=0.0,
            certificate=None,
        )

    assert step(110, 100).gap == pytest.approx(10 / 110)
    assert step(0, 0).gap == 0.0
    assert step(0, 100).gap > 1e9
    assert np.isinf(step(100, -np.inf).gap)


def test_an_answer_beyond_the_bound_has_no_gap() -> None:
    """Spending less than any plan that meets the targets must is no bargain but a shortfall."""
    step = Step(
        name="targets",
        sense=Sense.MINIMISE,
        unit="CNY",
        value=15.8,
        bound=157.7,
        status=Status.INFEASIBLE,
        reason="",
        runtime_s=0.0,
        certificate=None,
    )
    assert not step.kept
    assert math.isinf(step.gap)
