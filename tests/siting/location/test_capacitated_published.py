"""Capacitated facility location: published optima, read from the shared instances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from siting.location.capacitated import solve_capacitated_facility_location
from siting.location.capacity import CapacitatedFacilityLocation
from siting.location.control import PROVEN, Control

FOLDER = Path(__file__).parents[3].parent / "shared" / "vectors" / "solver" / "cflp"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="shared vectors absent")


def holmberg(name: str, *, single_source: bool) -> CapacitatedFacilityLocation:
    """Read an instance in which each cost is for all the demand of a customer."""
    tokens = (FOLDER / "holmberg" / name).read_text().split()
    m, n = int(tokens[0]), int(tokens[1])
    values = np.array(tokens[2:], dtype=float)
    capacity, cost, demand = np.split(values[: 2 * m + n], [m, 2 * m])
    carried = values[2 * m + n : 2 * m + n + n * m].reshape(n, m)
    return CapacitatedFacilityLocation(
        carried / demand[:, None], demand, capacity=capacity, cost=cost, single_source=single_source
    )


def beasley(name: str, capacity: float | None = None) -> CapacitatedFacilityLocation:
    """Read an instance of the OR-Library; without capacities in it, all demand fits anywhere."""
    tokens = (FOLDER / "beasley" / name).read_text().split()
    m, n = int(tokens[0]), int(tokens[1])
    sites = tokens[2 : 2 + 2 * m]
    rest = np.array(tokens[2 + 2 * m :], dtype=float).reshape(n, m + 1)
    demand, carried = rest[:, 0], rest[:, 1:]
    room = [
        (capacity or demand.sum()) if word == "capacity" else float(word) for word in sites[::2]
    ]
    return CapacitatedFacilityLocation(
        carried / demand[:, None],
        demand,
        capacity=room,
        cost=np.array(sites[1::2], dtype=float),
    )


def check(model: CapacitatedFacilityLocation, optimum: float) -> None:
    """Hold value, bound and assignment against a published optimum."""
    found = solve_capacitated_facility_location(model, Control())
    assert found.ended == PROVEN
    assert found.selected is not None
    share = np.zeros(model.distance.shape)
    if isinstance(found.assignment, np.ndarray):
        share[np.arange(len(share)), found.assignment] = 1.0
    else:
        assert found.assignment is not None
        share = found.assignment.toarray()
    np.testing.assert_allclose(share.sum(axis=1), 1.0)
    assert (model.demand @ share <= model.capacity * (1 + 1e-9)).all()
    carried = float((model.demand[:, None] * model.distance * share).sum())
    value = carried + float(model.cost[found.selected].sum())
    assert value == pytest.approx(optimum, abs=1e-3, rel=0)
    assert found.certificate is not None
    assert found.certificate.bound == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "optimum"), [("p1", 8772.0983), ("p13", 8185.3788), ("p25", 11609.2122)]
)
def test_split_demand(name: str, optimum: float) -> None:
    """Instances whose demand may be split are proven at the value HiGHS proves."""
    check(holmberg(name, single_source=False), optimum)


@pytest.mark.parametrize(("name", "optimum"), [("p1", 8848.0), ("p13", 8252.0), ("p25", 11630.0)])
def test_single_source(name: str, optimum: float) -> None:
    """Instances in which each customer has one site are proven at the published value.

    Holmberg, Ronnqvist, Yuan (1999), An exact algorithm for the capacitated facility location
    problems with single sourcing, EJOR 113(3). doi:10.1016/S0377-2217(98)00008-3
    """
    check(holmberg(name, single_source=True), optimum)


def test_capacities_that_bind_nowhere() -> None:
    """An instance without capacities is an uncapacitated one."""
    check(beasley("capa.txt"), 17156454.478)


def test_small_instance() -> None:
    """The first instance of the OR-Library is proven at its published value."""
    check(beasley("cap71.txt"), 932615.750)


@pytest.mark.slow
def test_capacities_that_bind() -> None:
    """100 sites, 1,000 customers and capacities of 8,000 are proven at the published value.

    Beasley (1988), An algorithm for solving large capacitated warehouse location problems, EJOR
    33(3). doi:10.1016/0377-2217(88)90175-0
    """
    check(beasley("capa.txt", capacity=8000.0), 19240822.449)
