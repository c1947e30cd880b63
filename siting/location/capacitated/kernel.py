"""The strong programme over the options that prices leave open, solved by HiGHS.

The best answer known is told as a limit of the objective, never as a start: HiGHS 1.15 that is
given a start and then restarts may end with a worse answer and call it optimal.

Options and service are binary or shares; ``x_ij <= y_j`` stands for every arc.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.capacitated.network import FloatArray, Kind, Network
from siting.location.capacitated.relaxation import Flags
from siting.location.highs import TIGHT, new_highs, pass_programme

log = logging.getLogger(__name__)

#: Size to which the objective is scaled, so that absolute tolerances are fine enough.
OBJECTIVE_SIZE = 1e4
#: Most branch-and-bound nodes; the usual end where no time limit is set.
MOST_NODES = 200_000
#: Gap of whole objectives that is none; well below 1, for HiGHS cuts off with a tolerance.
LESS_THAN_A_STEP = 0.9
#: Relative rounding by which a whole cost may be missed.
WHOLE = 1e-14


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What HiGHS found over a kernel.

    Parameters
    ----------
    chosen, place
        Options chosen (m,) and the arc of each demand point, as a position in the arcs by demand
        point, -1 for none; None when nothing was found.
    bound
        Proven limit of the minimised objective, infinite when the kernel holds no answer at all.
    finished
        Whether the branch and bound is complete.
    """

    chosen: npt.NDArray[np.bool_] | None
    place: npt.NDArray[np.int32] | None
    bound: float
    finished: bool


class Kernel:
    """The programme of a network with some options decided.

    Parameters
    ----------
    network
        The model, served whole.
    flag
        Decisions on the options, as in :class:`Relaxation`.
    needed
        Weight each zone needs, (zones,).
    arcs
        Arcs that may be used, by demand point; None: all.
    """

    def __init__(
        self,
        network: Network,
        flag: Flags,
        needed: FloatArray,
        arcs: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self.network = network
        self.options = np.flatnonzero(flag >= 0)
        self._column = np.full(network.options, -1, dtype=np.intp)
        self._column[self.options] = np.arange(len(self.options))
        self._lower = (flag[self.options] > 0).astype(np.float64)
        sites = np.unique(network.rules.site[self.options])
        self._site_place = np.full(len(network.site_cost), -1, dtype=np.intp)
        self._sites = sites if network.rules.grouped else np.zeros(0, dtype=np.intp)
        self._site_place[self._sites] = len(self.options) + np.arange(len(self._sites))
        row = np.repeat(np.arange(network.rows), np.diff(network.row_start))
        roomy = network.capacity[network.option] * (1.0 + 1e-12)
        usable = (self._column[network.option] >= 0) & (network.weight[row] <= roomy)
        if network.kind is not Kind.ASSIGN:
            usable &= network.weight[row] > 0
        if arcs is not None:
            usable &= arcs
        self._arcs = np.flatnonzero(usable)
        self._row = row[self._arcs]
        self._first = len(self.options) + len(self._sites)
        self._needed = needed
        self._parts: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]] = []
        self._bounds: list[tuple[FloatArray, FloatArray]] = []

    @property
    def size(self) -> int:
        """Number of arcs."""
        return len(self._arcs)

    def _add(
        self,
        rows: npt.NDArray[np.intp],
        columns: npt.NDArray[np.intp],
        values: FloatArray,
        low: FloatArray,
        high: FloatArray,
    ) -> None:
        shift = sum(len(part[0]) for part in self._bounds)
        self._parts.append((rows + shift, columns, values))
        self._bounds.append((low, high))

    def _rows(self) -> None:
        net, arcs = self.network, self._arcs
        share = self._first + np.arange(len(arcs))
        column = self._column[net.option[arcs]]
        weight, count = net.weight[self._row], len(self.options)
        ones, none = np.ones(len(arcs)), -np.inf
        least = np.full(net.rows, 1.0 if net.kind is Kind.ASSIGN else none)
        self._add(self._row, share, ones, least, np.ones(net.rows))
        line = np.arange(len(arcs))
        self._add(
            np.concatenate([line, line]), np.concatenate([share, column]),
            np.concatenate([ones, -ones]), np.full(len(arcs), none), np.zeros(len(arcs)),
        )  # fmt: skip
        capacity = net.capacity[self.options]
        scale = np.maximum(np.minimum(capacity, net.total), 1e-300)
        if (net.weight == np.rint(net.weight)).all() and (capacity == np.rint(capacity)).all():
            scale = np.ones(count)
        self._add(
            np.concatenate([column, np.arange(count)]),
            np.concatenate([share, np.arange(count)]),
            np.concatenate([weight / scale[column], -np.minimum(capacity, net.total) / scale]),
            np.full(count, none), np.zeros(count),
        )  # fmt: skip
        if net.kind is Kind.ASSIGN:  # implied, yet the root of strong cuts
            self._add(
                np.zeros(count, dtype=np.intp), np.arange(count),
                np.minimum(capacity, net.total) / net.total, np.ones(1), np.full(1, np.inf),
            )  # fmt: skip
        for zone in np.flatnonzero(self._needed > 0):
            here = np.flatnonzero(net.zone[self._row] == zone)
            need = self._needed[zone]
            self._add(
                np.zeros(len(here), dtype=np.intp), share[here], weight[here] / need,
                np.ones(1), np.full(1, np.inf),
            )  # fmt: skip
        self._rule_rows()

    def _rule_rows(self) -> None:
        net, options, rules = self.network, self.options, self.network.rules
        count = len(options)
        if np.isfinite(net.limit):
            use = np.concatenate([net.use[options], net.site_use[self._sites]])
            scale = max(1.0, net.limit if not (use == np.rint(use)).all() else 1.0)
            self._add(
                np.zeros(len(use), dtype=np.intp), np.arange(len(use)), use / scale,
                np.full(1, -np.inf), np.full(1, net.limit / scale),
            )  # fmt: skip
        pair = self._column[rules.conflicts]
        pair = pair[(pair >= 0).all(axis=1)] if len(rules.conflicts) else np.zeros((0, 2), np.intp)
        line = np.arange(len(pair))
        self._add(
            np.concatenate([line, line]), pair.T.ravel(), np.ones(2 * len(pair)),
            np.full(len(pair), -np.inf), np.ones(len(pair)),
        )  # fmt: skip
        if not len(self._sites):
            return
        site, places = self._site_place[rules.site[options]], np.arange(count)
        self._add(
            np.concatenate([places, places]), np.concatenate([places, site]),
            np.concatenate([np.ones(count), -np.ones(count)]),
            np.full(count, -np.inf), np.zeros(count),
        )  # fmt: skip
        number = len(self._sites)
        self._add(
            np.concatenate([site - count, np.arange(number)]),
            np.concatenate([places, count + np.arange(number)]),
            np.concatenate([np.ones(count), -rules.max_options[self._sites].astype(np.float64)]),
            np.full(number, -np.inf), np.zeros(number),
        )  # fmt: skip

    def solve(
        self,
        known: float,
        *,
        step: float,
        clock: Clock,
        nodes: int = MOST_NODES,
    ) -> Outcome:
        """Search the kernel for the best answer.

        Parameters
        ----------
        known
            Value of a known answer, infinite without one; only better ones are looked for.
        step
            Number of which every objective value is a multiple, 0 without one.
        clock
            Ends the search.
        nodes
            Most nodes.
        """
        net = self.network
        self._rows()
        weight, arcs = net.weight[self._row], self._arcs
        carried = weight * net.unit[net.place[arcs]]
        offset = 0.0
        if net.kind is Kind.SERVE:
            carried, offset = -weight, net.total
        cost = np.concatenate([net.cost[self.options], net.site_cost[self._sites], carried])
        if net.kind is Kind.SERVE:
            cost[: self._first] = 0.0
        number = len(cost)
        if not number:
            return self._nothing(offset)
        size = float(np.abs(cost).sum())
        if np.isfinite(known):
            size = max(abs(known - offset), 1e-6 * size)
        cost, step = _whole_numbers(cost, step)
        scale = step or max(size, 1e-12) / OBJECTIVE_SIZE
        highs = new_highs(clock, TIGHT)
        highs.setOptionValue("mip_max_nodes", nodes)
        highs.setOptionValue("mip_abs_gap", LESS_THAN_A_STEP if step else 1e-7)
        rows = sum(len(low) for low, _ in self._bounds)
        data, (i, j) = (
            np.concatenate([v for _, _, v in self._parts]),
            (
                np.concatenate([r for r, _, _ in self._parts]),
                np.concatenate([c for _, c, _ in self._parts]),
            ),
        )
        matrix = sp.csr_array((data, (i, j)), shape=(rows, number))
        pass_programme(
            highs,
            cost / scale,
            matrix,
            np.concatenate([low for low, _ in self._bounds]),
            np.concatenate([high for _, high in self._bounds]),
            np.ones(number),
            np.ones(number, dtype=bool),
            lower=np.concatenate([self._lower, np.zeros(number - len(self.options))]),
        )
        limit = np.inf
        if np.isfinite(known):
            limit = (known - offset) / scale - (0.5 if step else 0.0)
            highs.setOptionValue("objective_bound", limit)
        highs.run()
        return self._outcome(highs, scale, offset, limit, whole=step > 0.0)

    def _nothing(self, offset: float) -> Outcome:
        """Return the outcome of a kernel without any option."""
        net = self.network
        fits = all((low <= 0).all() and (high >= 0).all() for low, high in self._bounds)
        if not fits:
            return Outcome(chosen=None, place=None, bound=np.inf, finished=True)
        chosen, place = np.zeros(net.options, dtype=bool), np.full(net.rows, -1, dtype=np.int32)
        return Outcome(chosen=chosen, place=place, bound=offset, finished=True)

    def _outcome(
        self, highs: highspy.Highs, scale: float, offset: float, limit: float, *, whole: bool
    ) -> Outcome:
        status, info = highs.getModelStatus(), highs.getInfo()
        finished = status in {
            highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible,
            highspy.HighsModelStatus.kObjectiveBound,
        }  # fmt: skip
        proven = float(info.mip_dual_bound)
        if status == highspy.HighsModelStatus.kInfeasible:
            proven = np.inf
        proven = min(proven, limit)  # nothing above the limit was looked for
        if whole and np.isfinite(proven):
            proven = float(np.ceil(proven - 1e-5))
        bound = offset + proven * scale
        log.info("kernel: %s, %d nodes", highs.modelStatusToString(status), info.mip_node_count)
        feasible = highspy.SolutionStatus.kSolutionStatusFeasible
        if info.primal_solution_status != feasible:
            return Outcome(chosen=None, place=None, bound=bound, finished=finished)
        values = np.asarray(highs.getSolution().col_value)
        chosen = np.zeros(self.network.options, dtype=bool)
        chosen[self.options] = values[: len(self.options)] > 0.5  # noqa: PLR2004 - binary
        place = np.full(self.network.rows, -1, dtype=np.int32)
        taken = np.flatnonzero(values[self._first :] > 0.5)  # noqa: PLR2004 - binary
        place[self._row[taken]] = self._arcs[taken]
        return Outcome(chosen=chosen, place=place, bound=bound, finished=finished)


def _whole_numbers(cost: FloatArray, step: float) -> tuple[FloatArray, float]:
    """Return costs rounded to whole numbers, and their divisor, where they miss them by rounding.

    A cost given for all the demand of a point, divided by the demand and multiplied again, misses
    the whole number it was by some ``1e-16`` of it: far less than what a proof leaves open.
    """
    near = np.rint(cost)
    rounded = np.abs(cost - near) <= WHOLE * np.abs(cost)
    if step > 0.0 or not rounded.all() or np.abs(near).max(initial=0.0) > 1.0 / WHOLE:
        return cost, step
    return near, float(np.gcd.reduce(np.abs(near).astype(np.int64)))
