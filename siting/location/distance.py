"""Median and centre models: demand *i* is served by the chosen site *j* of least ``d_ij``."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from siting.location.inputs import Faults
from siting.location.rules import RuleArguments, Rules
from siting.status import Sense


class PMedian:
    """p-median: choose p sites so that the weighted sum of distances is least.

    ::

        minimise    sum_i w_i sum_j d_ij x_ij
        subject to  sum_j x_ij = 1         for every demand point i
                    x_ij <= y_j            for every i and j
                    sum_j y_j <= p
                    x, y binary, and the rules

    Parameters
    ----------
    D
        ``d_ij`` >= 0, (n, m); infinite where j cannot serve i.
    demand
        ``w_i`` >= 0, (n,); 1 when left out.
    p
        Most sites chosen, fixed ones included.
    fixed, forbidden, site, site_cost, max_options_per_site, conflicts
        As in :class:`siting.location.covering.SetCovering`; `site_cost` is added to the objective.

    Raises
    ------
    InvalidInput
        With every fault of the arrays.

    References
    ----------
    Hakimi (1964), Optimum locations of switching centers and the absolute centers and medians of a
    graph, Operations Research 12(3). doi:10.1287/opre.12.3.450
    """

    sense = Sense.MINIMISE

    def __init__(
        self,
        D: Any,
        demand: Any = None,
        *,
        p: int,
        **rules: Unpack[RuleArguments],
    ) -> None:
        faults = Faults()
        self.distance: npt.NDArray[np.float64] = faults.distances(D)
        n, m = self.distance.shape
        self.demand: npt.NDArray[np.float64] = faults.weights(demand, n)
        self.p: int = faults.number("p", p, m)
        self.rules: Rules = faults.rules(m, rules)
        faults.raise_if_any()


class PCenter:
    """p-centre: choose p sites so that the greatest distance to the nearest is least.

    ::

        minimise    r
        subject to  sum_j d_ij x_ij <= r   for every demand point i
                    sum_j x_ij = 1         for every i
                    x_ij <= y_j            for every i and j
                    sum_j y_j <= p
                    x, y binary, and the rules

    Parameters
    ----------
    D
        ``d_ij`` >= 0, (n, m); infinite where j cannot serve i.
    p
        Most sites chosen, fixed ones included.
    fixed, forbidden, site, max_options_per_site, conflicts
        As in :class:`siting.location.covering.SetCovering`. A site costs nothing here.

    Raises
    ------
    InvalidInput
        With every fault of the arrays.

    References
    ----------
    Minieka (1970), The m-center problem, SIAM Review 12(1). doi:10.1137/1012016
    """

    sense = Sense.MINIMISE

    def __init__(
        self,
        D: Any,
        p: int,
        **rules: Unpack[RuleArguments],
    ) -> None:
        faults = Faults()
        self.distance: npt.NDArray[np.float64] = faults.distances(D)
        n, m = self.distance.shape
        self.demand: npt.NDArray[np.float64] = np.ones(n)
        self.p: int = faults.number("p", p, m)
        site_cost = rules.pop("site_cost", None)
        if site_cost is not None and np.any(np.asarray(site_cost, dtype=np.float64) != 0):
            faults.add("site_cost", "has no place in a distance", "leave it out")
        self.rules: Rules = faults.rules(m, rules)
        faults.raise_if_any()
