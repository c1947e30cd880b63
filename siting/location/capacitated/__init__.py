"""Capacitated covering, facility location and p-median: real assignments, certified bounds."""

from __future__ import annotations

from siting.location.capacitated.network import covering_network, facility_network
from siting.location.capacitated.solver import Search
from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.control import Control, Found


def solve_capacitated_covering(model: CapacitatedCovering, control: Control) -> Found:
    """Solve a capacitated covering model.

    Parameters
    ----------
    model
        The question.
    control
        When to end.

    Returns
    -------
    Found
        The best answer found, with its assignment, and the proof of a bound.
    """
    return Search(covering_network(model), control).run()


def solve_capacitated_facility_location(
    model: CapacitatedFacilityLocation, control: Control
) -> Found:
    """Solve a capacitated facility location or p-median model.

    Parameters
    ----------
    model
        The question; a :class:`~siting.location.capacity.CapacitatedPMedian` has its `p` kept.
    control
        When to end.

    Returns
    -------
    Found
        The best answer found, with its assignment, and the proof of a bound.
    """
    return Search(facility_network(model), control).run()
