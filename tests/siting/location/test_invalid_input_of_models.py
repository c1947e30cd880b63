"""Bad input: every fault is named at once, or the model is told to have no answer and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import siting
from siting.errors import InvalidInput
from siting.status import Status

COVER = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 1, 1]])
DISTANCE = np.array([[1.0, 4.0, 9.0], [2.0, 3.0, 8.0], [7.0, 5.0, 6.0], [6.0, 2.0, 1.0]])
DEMAND = [10.0, 20.0, 30.0, 40.0]

Maker = Callable[..., Any]
MAKERS: dict[str, Maker] = {
    "SetCovering": lambda **more: siting.SetCovering(COVER, **more),
    "MaximalCovering": lambda **more: siting.MaximalCovering(COVER, **{"p": 2, **more}),
    "PartialCovering": lambda **more: siting.PartialCovering(
        COVER, **{"required": {"all": 0.5}, **more}
    ),
    "PMedian": lambda **more: siting.PMedian(DISTANCE, **{"p": 2, **more}),
    "PCenter": lambda **more: siting.PCenter(DISTANCE, **{"p": 2, **more}),
    "CapacitatedCovering": lambda **more: siting.CapacitatedCovering(
        COVER, **{"p": 2, "capacity": 50, **more}
    ),
    "CapacitatedFacilityLocation": lambda **more: siting.CapacitatedFacilityLocation(
        DISTANCE, **{"capacity": 50, **more}
    ),
    "CapacitatedPMedian": lambda **more: siting.CapacitatedPMedian(
        DISTANCE, **{"p": 2, "capacity": 50, **more}
    ),
}
WEIGHTED = [name for name in MAKERS if name not in {"SetCovering", "PCenter"}]
LIMITED = ["MaximalCovering", "PMedian", "PCenter", "CapacitatedCovering", "CapacitatedPMedian"]


def faults(make: Callable[[], object]) -> list[str]:
    """Return the faults a call is refused for, as sentences."""
    with pytest.raises(InvalidInput) as caught:
        make()
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize(
    ("demand", "said"),
    [
        ([1.0, 2.0], "demand: has shape (2,), needs (4,)"),
        ([1.0, -2.0, 3.0, 4.0], "NaN, infinite or negative, at [1]"),
        ([1.0, 2.0, np.nan, 4.0], "NaN, infinite or negative, at [2]"),
        ([1.0, 2.0, np.inf, 4.0], "NaN, infinite or negative, at [2]"),
        ([0.0, 0.0, 0.0, 0.0], "total weight of 0"),
        (["a", "b", "c", "d"], "no number"),
    ],
)
def test_weights_that_are_none_are_named(name: str, demand: list[Any], said: str) -> None:
    """Shape, sign, NaN, infinity, and a total of zero."""
    assert said in " ".join(faults(lambda: MAKERS[name](demand=demand)))


@pytest.mark.parametrize("name", LIMITED)
@pytest.mark.parametrize("p", [0, -1, 4, 2.5, True])
def test_p_outside_the_options_is_named(name: str, p: object) -> None:
    """Zero, negative, more than there are, and no whole number."""
    assert any(item.startswith("p:") for item in faults(lambda: MAKERS[name](p=p)))


@pytest.mark.parametrize("name", list(MAKERS))
def test_an_option_cannot_be_fixed_and_forbidden(name: str) -> None:
    """The options are named."""
    said = faults(lambda: MAKERS[name](fixed=[0, 1], forbidden=[1, 2]))
    assert said == ["fixed, forbidden: both name options 1 (an option is one)"]


@pytest.mark.parametrize("name", list(MAKERS))
def test_rules_that_name_nothing_are_named(name: str) -> None:
    """Indices outside, sites of another length, an option in conflict with itself: all at once."""
    said = " ".join(
        faults(
            lambda: MAKERS[name](
                fixed=[7], forbidden=[-1], site=[0, 1], conflicts=[(1, 1)], max_options_per_site=-1
            )
        )
    )
    for where in ("fixed:", "forbidden:", "site:", "conflicts:", "max_options_per_site:"):
        assert where in said


@pytest.mark.parametrize("name", list(MAKERS))
def test_conflicts_of_coordinates_need_coordinates(name: str) -> None:
    """As many as options, finite, and a distance that is one."""
    short = faults(lambda: MAKERS[name](conflicts=(np.zeros((2, 2)), 1.0)))
    assert "coordinates (3, 2)" in short[0]
    negative = faults(lambda: MAKERS[name](conflicts=(np.zeros((3, 2)), -1.0)))
    assert "needs a finite number >= 0" in negative[0]


@pytest.mark.parametrize("name", ["SetCovering", "MaximalCovering", "PartialCovering"])
@pytest.mark.parametrize("shape", [(0, 3), (4, 0)])
def test_no_candidates_and_no_demand_are_named(name: str, shape: tuple[int, int]) -> None:
    """An empty candidate set, or no demand point, is no question."""
    empty = sp.csr_array(shape, dtype=bool)
    more = {"MaximalCovering": {"p": 1}, "PartialCovering": {"required": {}}}.get(name, {})
    said = faults(lambda: getattr(siting, name)(empty, **more))
    assert any("A: " in item for item in said)


def test_distances_that_are_none_are_named() -> None:
    """Empty, negative, NaN, or of one dimension."""
    for bad, said in (
        (np.zeros((4, 0)), "needs (n_demand, n_sites)"),
        (np.zeros(4), "needs (n_demand, n_sites)"),
        (np.array([[1.0, -1.0]]), "NaN or negative, at [0, 1]"),
        (np.array([[np.nan, 1.0]]), "NaN or negative, at [0, 0]"),
    ):
        assert said in " ".join(faults(lambda bad=bad: siting.PMedian(bad, p=1)))


def test_a_cover_holds_nothing_but_zeros_and_ones() -> None:
    """Any other value, or text, is named."""
    assert "other than 0 and 1" in faults(lambda: siting.SetCovering(2 * COVER))[0]
    assert "is no matrix" in faults(lambda: siting.SetCovering("abc"))[0]


def test_more_entries_than_32_bits_count_are_named() -> None:
    """A matrix that says it holds 2^31 entries is refused before anything is copied."""

    class Huge:
        nnz = 2**31
        shape = (10**6, 10**5)

    said = faults(lambda: siting.SetCovering(Huge()))
    assert "2147483648 entries, at most 2147483647" in said[0]


def test_zones_and_their_requirements_are_named() -> None:
    """No such zone, no demand in it, a fraction outside 0..1, labels of another length."""

    def partial(**more: Any) -> object:
        zone = ["a", "a", "b", "b"]
        return siting.PartialCovering(COVER, [1, 2, 0, 0], **{"zone": zone, **more})

    assert "in which no demand point lies" in faults(lambda: partial(required={"c": 0.5}))[0]
    assert "has no demand" in faults(lambda: partial(required={"b": 0.5}))[0]
    assert "needs 0..1" in faults(lambda: partial(required={"a": 1.5}))[0]
    assert "needs 0..1" in faults(lambda: partial(required={"a": np.nan}))[0]
    assert "mapping" in faults(lambda: partial(required=0.5))[0]
    assert "zone: has shape" in faults(lambda: partial(zone=["a"], required={}))[0]


def test_k_is_a_whole_number_of_covers() -> None:
    """Zero, fractions and other lengths are named."""
    for k in (0, 1.5, [1, 1], [1, 1, 1, 0]):
        assert faults(lambda k=k: siting.SetCovering(COVER, k=k))[0].startswith("k:")


def test_one_limit_is_given_and_no_more() -> None:
    """Of p, budget and required exactly one; a budget is a finite number >= 0."""
    assert "0 of these" in faults(lambda: siting.MaximalCovering(COVER))[0]
    assert "2 of these" in faults(lambda: siting.MaximalCovering(COVER, p=1, budget=1))[0]
    both = faults(lambda: siting.CapacitatedCovering(COVER, capacity=1, p=1, required=0.5))
    assert "2 of these" in both[0]
    for budget in (-1.0, np.nan, np.inf):
        said = faults(lambda b=budget: siting.MaximalCovering(COVER, budget=b))
        assert said[0].startswith("budget:")


def test_costs_and_capacities_are_amounts() -> None:
    """Other lengths, negative, NaN and infinite values are named; capacity must be given."""
    bad = [1.0, np.nan, -1.0]
    assert faults(lambda: siting.SetCovering(COVER, cost=bad))[0].startswith("cost:")
    assert faults(lambda: siting.SetCovering(COVER, cost=[1, 2]))[0].startswith("cost:")
    assert faults(lambda: siting.SetCovering(COVER, site_cost=-1))[0].startswith("site_cost:")
    location = siting.CapacitatedFacilityLocation
    assert faults(lambda: location(DISTANCE, capacity=bad))[0].startswith("capacity:")
    assert "is missing" in faults(lambda: location(DISTANCE, capacity=None))[0]
    assert faults(lambda: siting.PCenter(DISTANCE, 1, site_cost=2))[0].startswith("site_cost:")


def test_every_fault_is_named_at_once() -> None:
    """Five faults of one call are five sentences of one error."""
    said = faults(
        lambda: siting.MaximalCovering(
            COVER, [1, -1, 1, 1], p=9, k=0, fixed=[5], site_cost=[np.nan, 1, 1]
        )
    )
    assert len(said) == 5


def test_an_unknown_rule_is_named_with_those_that_exist() -> None:
    """A misspelt rule is refused together with every other fault, not silently left out."""
    told = faults(lambda: siting.SetCovering(COVER, cost=-1, fixd=[0]))  # pyright: ignore[reportCallIssue]
    assert [line.split(":")[0] for line in told] == ["cost", "fixd"]
    assert "fixed, forbidden, site" in told[1]


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"max_runtime_s": 0.0}, "max_runtime_s"),
        ({"gap": -0.1}, "gap"),
        ({"gap": np.nan}, "gap"),
        ({"seed": -1}, "seed"),
        ({"threads": 0}, "threads"),
    ],
)
def test_arguments_of_a_search_are_checked(arguments: dict[str, Any], where: str) -> None:
    """Time, gap, seed and threads out of range are named."""
    model = siting.SetCovering(COVER)
    assert faults(lambda: siting.solve(model, **arguments))[0].startswith(f"{where}:")


def hopeless(model: Any) -> str:
    """Solve a model without an answer; verify; return why, in small letters."""
    solution = siting.solve(model, 20.0)
    assert solution.status is Status.INFEASIBLE
    assert solution.objective is None
    assert solution.gap == np.inf
    siting.verify(model, solution)
    return solution.reason.lower()


def test_demand_nobody_can_serve_is_named() -> None:
    """The point, what it needs, and the best that can be reached."""
    alone = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 1], [1, 1, 1]])
    reason = hopeless(siting.SetCovering(alone))
    assert "demand point 1 needs 1" in reason
    assert "3 of 4" in reason
    assert "demand point 0 needs 2" in hopeless(siting.SetCovering(COVER, k=[2, 1, 1, 1]))
    assert "demand point 0" in hopeless(siting.SetCovering(COVER, forbidden=[0]))
    # where serving all is not asked, such a point is left unserved
    served = siting.solve(siting.MaximalCovering(alone, DEMAND, p=2))
    assert served.uncovered.tolist() == [1]


@pytest.mark.parametrize("name", ["PMedian", "PCenter", "CapacitatedFacilityLocation"])
def test_infinite_distances_are_allowed_until_they_cut_somebody_off(name: str) -> None:
    """A demand point with no finite distance is named; one with another site is served there."""
    more = {"capacity": 500.0} if name.startswith("Cap") else {"p": 2}
    some = DISTANCE.copy()
    some[0, 0] = np.inf
    model = getattr(siting, name)(some, **more)
    solution = siting.solve(model)
    siting.verify(model, solution)
    assert solution.status is Status.OPTIMAL
    some[2] = np.inf
    reason = hopeless(getattr(siting, name)(some, **more))
    assert "1 of 4 demand points" in reason
    assert "2" in reason


@pytest.mark.parametrize("name", list(MAKERS))
def test_fixed_options_that_cannot_stand_together_are_named(name: str) -> None:
    """Conflicting ones, and more than their site can hold."""
    reason = hopeless(MAKERS[name](fixed=[0, 2], conflicts=[(0, 2)]))
    assert "fixed options 0 and 2 exclude each other" in reason
    full = hopeless(MAKERS[name](fixed=[0, 1], site=[0, 0, 1], max_options_per_site=1))
    assert "site 0 has 2 fixed options, its limit is 1" in full


@pytest.mark.parametrize("name", LIMITED)
def test_more_fixed_options_than_p_are_named(name: str) -> None:
    """Three are fixed, two are allowed."""
    assert "3 options are fixed, p allows 2" in hopeless(MAKERS[name](fixed=[0, 1, 2]))


def test_a_budget_below_the_fixed_options_is_named() -> None:
    """What they cost and what there is, the sites they open included."""
    for model in (
        siting.MaximalCovering(COVER, cost=[3, 4, 5], budget=6, fixed=[0, 1]),
        siting.CapacitatedCovering(COVER, capacity=9, cost=[3, 4, 5], budget=6, fixed=[0, 1]),
    ):
        assert "the fixed options cost 7, the budget is 6" in hopeless(model)
    opened = siting.MaximalCovering(COVER, cost=[3, 4, 5], budget=6, fixed=[0], site_cost=4)
    assert "the fixed options cost 7, the budget is 6" in hopeless(opened)


def test_a_zone_that_cannot_reach_its_share_is_named() -> None:
    """The zone, what is required, and the best it can have."""
    alone = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 1], [1, 1, 1]])
    zone = ["north", "north", "south", "south"]
    model = siting.PartialCovering(
        alone, [30, 10, 20, 40], zone=zone, required={"north": 0.8, "south": 1.0}
    )
    reason = hopeless(model)
    assert "zone 'north' requires 0.8" in reason
    assert "at best 0.75" in reason
    assert "south" not in reason


def test_too_little_capacity_is_named() -> None:
    """The demand and what can be open at once."""
    location = siting.CapacitatedFacilityLocation(DISTANCE, DEMAND, capacity=30)
    assert "the demand is 100" in hopeless(location)
    assert "90" in hopeless(location)
    median = siting.CapacitatedPMedian(DISTANCE, DEMAND, p=1, capacity=60)
    assert "60" in hopeless(median)
    share = siting.CapacitatedCovering(COVER, DEMAND, capacity=10, required=0.9)
    assert "require 90" in hopeless(share)
    whole = siting.CapacitatedFacilityLocation(
        DISTANCE, DEMAND, capacity=[39, 39, 39], single_source=True
    )
    assert "3" in hopeless(whole)


def test_rules_that_only_together_leave_nothing_are_disproven() -> None:
    """Every demand point has its options, yet no choice keeps all rules: that is proven."""
    cover = np.eye(3)
    pairs = [(0, 1)]
    assert hopeless(siting.SetCovering(cover, conflicts=pairs))
    assert hopeless(siting.PartialCovering(cover, required={"all": 1.0}, conflicts=pairs))
    apart = np.where(np.eye(3) > 0, 1.0, np.inf)
    assert hopeless(siting.PMedian(apart, p=2))
    assert hopeless(siting.PCenter(apart, 2))
    assert hopeless(siting.CapacitatedFacilityLocation(apart, capacity=9, conflicts=pairs))
