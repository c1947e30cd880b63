"""A capacitated model as sites that serve demand along arcs, one form for every question.

All questions are a facility location in which demand may be left to an outside server:

* facility location: nobody stands outside;
* most demand served: the outside serves everything at 1 per unit, what is minimised is the demand
  left to it;
* least cost for a required share: the outside serves ``W_t - R_t`` of each zone for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import numpy.typing as npt

from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.rules import Rules

#: Share of a zone's weight by which sums of floats may miss its requirement.
SLACK = 1e-9
#: Relative excess of a capacity that rounding of sums may cause.
ROUNDING = 1e-12

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]


class Kind(Enum):
    """What is asked."""

    ASSIGN = 0  #: serve everything at least cost
    SERVE = 1  #: serve the most within a limit
    REQUIRE = 2  #: serve a share of each zone at least cost


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Options, demand points, and the arcs between them.

    Parameters
    ----------
    kind, single
        The question, and whether a demand point is served whole.
    weight, capacity
        ``w_i`` (n,) and ``c_j`` (m,).
    cost, site_cost
        What opening an option and a site costs in the objective, (m,) and (sites,).
    use, site_use, limit
        How much of a limited amount options and sites use; the limit is infinite without one.
    start, row, unit
        Arcs by option: rows ``row[start[j]:start[j + 1]]`` ascending, and the cost ``d_ij`` of a
        unit of demand along each.
    row_start, option, place
        The same arcs by demand point: their options ascending, and their place in `row`.
    zone, spare
        Zone of each demand point, and the weight of each zone that may be left out, where a share
        is required.
    rules
        What must, may not and cannot stand together.
    """

    kind: Kind
    single: bool
    weight: FloatArray
    capacity: FloatArray
    cost: FloatArray
    site_cost: FloatArray
    use: FloatArray
    site_use: FloatArray
    limit: float
    start: IntArray
    row: IntArray
    unit: FloatArray
    row_start: IntArray
    option: IntArray
    place: IntArray
    zone: IntArray
    spare: FloatArray
    rules: Rules

    @property
    def rows(self) -> int:
        """Number of demand points."""
        return len(self.weight)

    @property
    def options(self) -> int:
        """Number of options."""
        return len(self.capacity)

    @property
    def total(self) -> float:
        """Weight of all demand."""
        return float(self.weight.sum())

    def opening(self, chosen: npt.NDArray[np.bool_]) -> float:
        """Return the cost of the chosen options and of their sites."""
        sites = np.unique(self.rules.site[chosen])
        return float(self.cost[chosen].sum() + self.site_cost[sites].sum())

    def used(self, chosen: npt.NDArray[np.bool_]) -> float:
        """Return how much of the limit the chosen options and their sites use."""
        sites = np.unique(self.rules.site[chosen])
        return float(self.use[chosen].sum() + self.site_use[sites].sum())

    def within_limit(self, used: float) -> bool:
        """Tell whether an amount keeps the limit, up to the rounding of sums."""
        return used <= self.limit + 1e-9 * max(1.0, abs(self.limit))

    def allowed(self, chosen: npt.NDArray[np.bool_]) -> bool:
        """Tell whether a choice of options keeps every rule and the limit."""
        rules = self.rules
        if not chosen[rules.fixed].all() or chosen[rules.forbidden].any():
            return False
        if len(rules.conflicts) and chosen[rules.conflicts].all(axis=1).any():
            return False
        if not rules.plain:
            count = np.bincount(rules.site[chosen], minlength=len(rules.max_options))
            if (count > rules.max_options).any():
                return False
        return self.within_limit(self.used(chosen))


def facility_network(model: CapacitatedFacilityLocation) -> Network:
    """Return the network of a facility location or a p-median with capacities."""
    reach = np.isfinite(model.distance)
    start, row, unit = _by_option(reach, model.distance)
    site_cost = model.rules.site_cost
    return _network(
        kind=Kind.ASSIGN,
        single=model.single_source,
        weight=model.demand,
        capacity=model.capacity,
        cost=model.cost,
        site_cost=site_cost,
        use=np.ones(len(model.capacity)),
        site_use=np.zeros(len(site_cost)),
        limit=float("inf") if model.p is None else float(model.p),
        arcs=(start, row, unit),
        zone=np.zeros(len(model.demand), dtype=np.int32),
        spare=np.zeros(1),
        rules=model.rules,
    )


def most_served(network: Network) -> Network:
    """Return the question how much of the demand of a facility location can be served at all."""
    m = network.options
    return replace(
        network,
        kind=Kind.SERVE,
        cost=np.zeros(m),
        site_cost=np.zeros(len(network.site_cost)),
        limit=min(network.limit, float(m)),
        unit=np.zeros(len(network.unit)),
    )


def covering_network(model: CapacitatedCovering) -> Network:
    """Return the network of a capacitated covering."""
    columns = model.cover.tocsc()
    columns.sort_indices()
    start, row = columns.indptr.astype(np.int32), columns.indices.astype(np.int32)
    site_cost, m = model.rules.site_cost, len(model.capacity)
    nothing, no_sites = np.zeros(m), np.zeros(len(site_cost))
    spare = np.zeros(len(model.zones))
    kind, limit, cost, use, site_use = Kind.SERVE, float("inf"), nothing, nothing, no_sites
    if model.required is not None:
        kind, cost = Kind.REQUIRE, model.cost
        spare = model.zone_weight - (model.required - SLACK) * model.zone_weight
        spare = np.minimum(spare, model.zone_weight)
    elif model.p is not None:
        limit, use, site_cost = float(model.p), np.ones(m), no_sites
    elif model.budget is not None:
        limit, use, site_use, site_cost = model.budget, model.cost, site_cost, no_sites
    return _network(
        kind=kind,
        single=model.single_source,
        weight=model.demand,
        capacity=model.capacity,
        cost=cost,
        site_cost=site_cost,
        use=use,
        site_use=site_use,
        limit=limit,
        arcs=(start, row, np.zeros(len(row))),
        zone=model.zone.astype(np.int32),
        spare=spare,
        rules=model.rules,
    )


def _by_option(
    reach: npt.NDArray[np.bool_], distance: FloatArray
) -> tuple[IntArray, IntArray, FloatArray]:
    option, row = np.nonzero(reach.T)
    start = np.zeros(reach.shape[1] + 1, dtype=np.int32)
    np.cumsum(np.bincount(option, minlength=reach.shape[1]), out=start[1:])
    return start, row.astype(np.int32), np.ascontiguousarray(distance.T[option, row])


def _network(
    *,
    kind: Kind,
    single: bool,
    weight: FloatArray,
    capacity: FloatArray,
    cost: FloatArray,
    site_cost: FloatArray,
    use: FloatArray,
    site_use: FloatArray,
    limit: float,
    arcs: tuple[IntArray, IntArray, FloatArray],
    zone: IntArray,
    spare: FloatArray,
    rules: Rules,
) -> Network:
    start, row, unit = arcs
    n, m = len(weight), len(capacity)
    place = np.argsort(row, kind="stable").astype(np.int32)
    row_start = np.zeros(n + 1, dtype=np.int32)
    np.cumsum(np.bincount(row, minlength=n), out=row_start[1:])
    option = np.repeat(np.arange(m, dtype=np.int32), np.diff(start))[place]
    return Network(
        kind=kind,
        single=single,
        weight=weight,
        capacity=capacity,
        cost=cost,
        site_cost=site_cost,
        use=use,
        site_use=site_use,
        limit=limit,
        start=start,
        row=row,
        unit=unit,
        row_start=row_start,
        option=option,
        place=place,
        zone=zone,
        spare=spare,
        rules=rules,
    )
