"""Capacitated models: a site serves no more than its capacity, so demand is really assigned.

``x_ij`` is the share of demand *i* that site (or option) *j* serves. With ``single_source`` it is 0
or 1; without it demand may be split among sites.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.inputs import Faults
from siting.location.rules import RuleArguments, Rules
from siting.status import Sense


class CapacitatedCovering:
    """Covering with capacities: the most demand with p or a budget, or a required share cheapest.

    ::

        maximise    sum_ij w_i x_ij        (p= or budget=)
        minimise    sum_j f_j y_j + sum_s g_s s_s          (required=)
        subject to  x_ij <= a_ij y_j               for every i and j
                    sum_j x_ij <= 1                for every demand point i
                    sum_i w_i x_ij <= c_j y_j      for every option j
                    sum_j y_j <= p,  or  cost <= B,  or  sum_{i in t, j} w_i x_ij >= r_t W_t
                    0 <= x <= 1 (binary with single_source), y binary, and the rules

    Parameters
    ----------
    A
        Which option covers which demand point, (n, m).
    demand
        ``w_i`` >= 0, (n,), in the unit of the capacities.
    capacity
        ``c_j`` >= 0, (m,) or one number.
    cost
        ``f_j`` >= 0, (m,) or one number; 1 when left out.
    p, budget, required
        Exactly one: most options; most cost; the fraction 0..1 of all demand, or ``{zone: r_t}``.
    zone
        Zone label of every demand point, (n,); needed for a mapping `required`.
    single_source
        Whether each demand point is served whole by one option or not at all.
    fixed, forbidden, site, site_cost, max_options_per_site, conflicts
        As in :class:`siting.location.covering.SetCovering`.

    Raises
    ------
    InvalidInput
        With every fault of the arrays.

    References
    ----------
    Current, Storbeck (1988), Capacitated covering models, Environment and Planning B 15.
    doi:10.1068/b150153
    """

    def __init__(
        self,
        A: Any,
        demand: Any = None,
        *,
        capacity: Any,
        cost: Any = None,
        p: int | None = None,
        budget: float | None = None,
        required: Any = None,
        zone: Any = None,
        single_source: bool = False,
        **rules: Unpack[RuleArguments],
    ) -> None:
        faults = Faults()
        self.cover: sp.csr_array = faults.cover(A)
        n, m = self.cover.shape
        self.demand: npt.NDArray[np.float64] = faults.weights(demand, n)
        self.capacity: npt.NDArray[np.float64] = faults.amounts("capacity", capacity, m)
        self.cost: npt.NDArray[np.float64] = faults.amounts("cost", cost, m, default=1.0)
        faults.exactly_one(p=p, budget=budget, required=required)
        self.p: int | None = None if p is None else faults.number("p", p, m)
        self.budget: float | None = None if budget is None else faults.positive("budget", budget)
        self.zones: tuple[object, ...]
        self.zone: npt.NDArray[np.intp]
        self.zones, self.zone = faults.zones(zone, n)
        self.zone_weight: npt.NDArray[np.float64] = np.bincount(
            self.zone, weights=self.demand, minlength=len(self.zones)
        ).astype(np.float64)
        #: Required fraction of each zone, (zones,); None unless `required` was given.
        self.required: npt.NDArray[np.float64] | None = None
        if required is not None:
            asked = (
                {"all": required}
                if zone is None and np.ndim(required) == 0 and not isinstance(required, dict)
                else required
            )
            self.required = faults.fractions(asked, self.zones, self.zone_weight)
        self.single_source: bool = bool(single_source)
        self.sense: Sense = Sense.MAXIMISE if required is None else Sense.MINIMISE
        self.rules: Rules = faults.rules(m, rules)
        faults.raise_if_any()


class CapacitatedFacilityLocation:
    """Capacitated facility location (CFLP): open sites and serve all demand at least cost.

    ::

        minimise    sum_j f_j y_j + sum_s g_s s_s + sum_ij w_i d_ij x_ij
        subject to  sum_j x_ij = 1                 for every demand point i
                    sum_i w_i x_ij <= c_j y_j      for every site j
                    x_ij <= y_j                    for every i and j
                    sum_j y_j <= p                 (CapacitatedPMedian)
                    0 <= x <= 1 (binary with single_source), y binary, and the rules

    Parameters
    ----------
    D
        ``d_ij`` >= 0: cost of serving one unit of demand i from j, (n, m); infinite where j cannot.
    demand
        ``w_i`` >= 0, (n,), in the unit of the capacities.
    capacity
        ``c_j`` >= 0, (m,) or one number.
    cost
        ``f_j`` >= 0: cost of opening j, (m,) or one number.
    single_source
        Whether each demand point is served whole by one site.
    fixed, forbidden, site, site_cost, max_options_per_site, conflicts
        As in :class:`siting.location.covering.SetCovering`.

    Raises
    ------
    InvalidInput
        With every fault of the arrays.

    References
    ----------
    Fischetti, Ljubic, Sinnl (2016), Benders decomposition without separability: a computational
    study for capacitated facility location problems, EJOR 253(3). doi:10.1016/j.ejor.2016.03.002
    """

    sense = Sense.MINIMISE
    p: int | None = None

    def __init__(
        self,
        D: Any,
        demand: Any = None,
        *,
        capacity: Any,
        cost: Any = None,
        single_source: bool = False,
        **rules: Unpack[RuleArguments],
    ) -> None:
        faults = Faults()
        self._read(faults, D, demand, capacity, cost, single_source)
        self.rules: Rules = faults.rules(self.distance.shape[1], rules)
        faults.raise_if_any()

    def _read(  # noqa: PLR0917 - the two models read the same arrays
        self,
        faults: Faults,
        D: Any,
        demand: Any,
        capacity: Any,
        cost: Any,
        single_source: bool,  # noqa: FBT001
    ) -> None:
        self.distance: npt.NDArray[np.float64] = faults.distances(D)
        n, m = self.distance.shape
        self.demand: npt.NDArray[np.float64] = faults.weights(demand, n)
        self.capacity: npt.NDArray[np.float64] = faults.amounts("capacity", capacity, m)
        self.cost: npt.NDArray[np.float64] = faults.amounts("cost", cost, m, default=0.0)
        self.single_source: bool = bool(single_source)


class CapacitatedPMedian(CapacitatedFacilityLocation):
    """Capacitated p-median: as :class:`CapacitatedFacilityLocation` with at most p sites.

    Parameters
    ----------
    p
        Most sites chosen, fixed ones included.
    D, demand, capacity, cost, single_source
        As in :class:`CapacitatedFacilityLocation`; `cost` is 0 when left out.

    Raises
    ------
    InvalidInput
        With every fault of the arrays.

    References
    ----------
    Ceselli, Righini (2005), A branch-and-price algorithm for the capacitated p-median problem,
    Networks 45(3). doi:10.1002/net.20059
    """

    def __init__(
        self,
        D: Any,
        demand: Any = None,
        *,
        p: int,
        capacity: Any,
        cost: Any = None,
        single_source: bool = False,
        **rules: Unpack[RuleArguments],
    ) -> None:
        faults = Faults()
        self._read(faults, D, demand, capacity, cost, single_source)
        self.p = faults.number("p", p, self.distance.shape[1])
        self.rules = faults.rules(self.distance.shape[1], rules)
        faults.raise_if_any()
