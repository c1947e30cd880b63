"""Covering models: demand *i* is served when enough chosen options *o* with ``a_io = 1`` cover it.

Symbols: ``A`` (n, m) holds ``a_io``; ``w_i`` the weight of demand; ``f_o`` the cost of an option;
``g_s`` the cost of opening site *s*, paid once; ``k_i`` how many options must cover *i*. Every
model also carries the rules of :class:`siting.location.rules.Rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.inputs import Faults
from siting.location.rules import RuleArguments, Rules
from siting.status import Sense


class SetCovering:
    """Location set covering (LSCP): cover all demand at least cost.

    ::

        minimise    sum_o f_o y_o + sum_s g_s s_s
        subject to  sum_o a_io y_o >= k_i          for every demand point i
                    y binary, and the rules

    Parameters
    ----------
    A
        Which option covers which demand point, sparse or dense 0/1, (n, m).
    cost
        ``f_o`` >= 0, (m,) or one number for all; 1 when left out.
    k
        ``k_i`` >= 1, an int or (n,).
    fixed, forbidden
        Options that must and must not be chosen.
    site
        Site of each option, (m,).
    site_cost
        ``g_s`` >= 0, (sites,) or one number.
    max_options_per_site
        Most options at a site, (sites,) or one number.
    conflicts
        Pairs of options (q, 2) of which at most one is chosen; or ``(xy, min_separation)``: options
        on different sites closer than that exclude each other.

    Raises
    ------
    InvalidInput
        With every fault of the arrays.

    References
    ----------
    Toregas, Swain, ReVelle, Bergman (1971), The location of emergency service facilities,
    Operations Research 19(6). doi:10.1287/opre.19.6.1363
    """

    sense = Sense.MINIMISE

    def __init__(
        self,
        A: Any,
        cost: Any = None,
        *,
        k: Any = 1,
        **rules: Unpack[RuleArguments],
    ) -> None:
        faults = Faults()
        self.cover: sp.csr_array = faults.cover(A)
        n, m = self.cover.shape
        self.cost: npt.NDArray[np.float64] = faults.amounts("cost", cost, m, default=1.0)
        self.k: npt.NDArray[np.int32] = faults.multiplicity(k, n)
        self.rules: Rules = faults.rules(m, rules)
        faults.raise_if_any()


class MaximalCovering:
    """Maximal covering (MCLP): serve the most demand with p options or within a budget.

    ::

        maximise    sum_i w_i z_i
        subject to  k_i z_i <= sum_o a_io y_o              for every demand point i
                    sum_o y_o <= p      or      sum_o f_o y_o + sum_s g_s s_s <= B
                    y, z binary, and the rules

    Parameters
    ----------
    A
        Which option covers which demand point, (n, m).
    demand
        ``w_i`` >= 0, (n,); 1 when left out.
    p
        Most options chosen, fixed ones included.
    cost, budget
        ``f_o`` >= 0 and B >= 0; instead of `p`.
    k, fixed, forbidden, site, site_cost, max_options_per_site, conflicts
        As in :class:`SetCovering`.

    Raises
    ------
    InvalidInput
        With every fault of the arrays.

    References
    ----------
    Church, ReVelle (1974), The maximal covering location problem, Papers of the Regional Science
    Association 32. doi:10.1007/BF01942293
    """

    sense = Sense.MAXIMISE

    def __init__(
        self,
        A: Any,
        demand: Any = None,
        *,
        p: int | None = None,
        cost: Any = None,
        budget: float | None = None,
        k: Any = 1,
        **rules: Unpack[RuleArguments],
    ) -> None:
        faults = Faults()
        self.cover: sp.csr_array = faults.cover(A)
        n, m = self.cover.shape
        self.demand: npt.NDArray[np.float64] = faults.weights(demand, n)
        faults.exactly_one(p=p, budget=budget)
        self.p: int | None = None if p is None else faults.number("p", p, m)
        self.budget: float | None = None if budget is None else faults.positive("budget", budget)
        if p is not None and cost is not None:
            faults.add("cost", "has no meaning with p=", "give budget= instead of p=")
        self.cost: npt.NDArray[np.float64] = faults.amounts("cost", cost, m, default=1.0)
        self.k: npt.NDArray[np.int32] = faults.multiplicity(k, n)
        self.rules: Rules = faults.rules(m, rules)
        faults.raise_if_any()


class PartialCovering:
    """Partial covering with a target per zone: serve a required share of each at least cost.

    ::

        minimise    sum_o f_o y_o + sum_s g_s s_s
        subject to  z_i <= sum_o a_io y_o                  for every demand point i
                    sum_{i in zone t} w_i z_i >= r_t W_t   for every zone t with a target
                    y, z binary, and the rules

    ``W_t`` is the zone's whole weight, demand that nothing can serve included. A sum of weights may
    miss its requirement by ``1e-9 W_t``, the rounding of sums of floats.

    Parameters
    ----------
    A
        Which option covers which demand point, (n, m).
    demand
        ``w_i`` >= 0, (n,); 1 when left out.
    cost
        ``f_o`` >= 0, (m,) or one number; 1 when left out.
    zone
        Zone label of every demand point, (n,); all in the one zone ``"all"`` when left out.
    required
        ``{zone: r_t}``, 0..1.
    fixed, forbidden, site, site_cost, max_options_per_site, conflicts
        As in :class:`SetCovering`.

    Raises
    ------
    InvalidInput
        With every fault of the arrays.

    References
    ----------
    Daskin, Owen (1999), Two new location covering problems: the partial p-center problem and the
    partial set covering problem, Geographical Analysis 31(3). doi:10.1111/gean.1999.31.1.217
    """

    sense = Sense.MINIMISE

    def __init__(
        self,
        A: Any,
        demand: Any = None,
        *,
        cost: Any = None,
        zone: Any = None,
        required: Mapping[Any, float],
        **rules: Unpack[RuleArguments],
    ) -> None:
        faults = Faults()
        self.cover: sp.csr_array = faults.cover(A)
        n, m = self.cover.shape
        self.demand: npt.NDArray[np.float64] = faults.weights(demand, n)
        self.cost: npt.NDArray[np.float64] = faults.amounts("cost", cost, m, default=1.0)
        self.zones: tuple[object, ...]
        self.zone: npt.NDArray[np.intp]
        self.zones, self.zone = faults.zones(zone, n)
        self.zone_weight: npt.NDArray[np.float64] = np.bincount(
            self.zone, weights=self.demand, minlength=len(self.zones)
        ).astype(np.float64)
        #: Required fraction of each zone, 0 where none is asked, (zones,).
        self.required: npt.NDArray[np.float64] = faults.fractions(
            required, self.zones, self.zone_weight
        )
        self.rules: Rules = faults.rules(m, rules)
        faults.raise_if_any()
