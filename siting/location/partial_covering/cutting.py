"""Prices of rows and of cuts, from linear programmes that grow by the cuts their answers break.

What they prove passes the linear relaxation. Rows that are left out of the programme keep their
prices, and a soft row may stay unserved at what its weight is worth.

Notes
-----
With prices ``v`` of cuts ``d y + k s >= b`` (``s_i`` = 1 where soft row i stays unserved), the
bound of :mod:`siting.location.partial_covering.relaxation` becomes, with ``U = u + k' v``::

    sum_{i hard} u_i + sum_{i soft} (u_i - U_i + min(0, U_i - sum_t theta_t w_ti))
    + sum_t theta_t R_t + sum v b
    + sum over groups of the least sums of reduced costs ``c - a' u - d' v``
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.partial_covering.highs import GrowingProgramme
from siting.location.partial_covering.problem import ColumnCover, FloatArray
from siting.location.partial_covering.relaxation import Duals, Relaxation
from siting.location.partial_covering.zero_half import Cuts, PricedCuts, separate

log = logging.getLogger(__name__)

#: Rows of a programme at most: the hard ones, and the soft ones that are worth most.
MOST_ROWS = 3000
#: Columns whose reduced cost is at most this share of their cost are in the programme.
NEAR = 0.5
#: Rounds of cuts at most, cuts of a round, and the rounds after which idle cuts are dropped.
ROUNDS, CUTS, DROPPED = 60, 300, 3
#: Rounds that must gain this share of all that was gained, or the rounds end.
LOOKED_BACK, LEAST_GAIN = 8, 0.03
#: Times that columns left out join the programme where the prices pass their costs.
JOINED = 3
#: What a cut is slack by before it is idle.
IDLE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CutDuals:
    """Multipliers with cuts.

    Parameters
    ----------
    duals
        Of the rows and the targets, and what all prove together.
    cuts
        Cuts of rows of the problem.
    """

    duals: Duals
    cuts: PricedCuts


class Cutting:
    """The programme of a problem on some rows and columns at given multipliers.

    Parameters
    ----------
    problem
        Without excluding pairs.
    duals
        Multipliers to begin with; those of the targets stay.
    clock
        Ends the work.
    """

    def __init__(self, problem: ColumnCover, duals: Duals, clock: Clock) -> None:
        self.problem, self.clock = problem, clock
        p = problem
        self.relaxation = Relaxation(p)
        self.relaxation(duals.prices)
        self.multipliers = duals.multipliers
        self.worth = np.where(p.hard, 0.0, p.weights @ duals.multipliers)
        rank = np.where(p.hard, np.inf, self.worth)
        order = np.argsort(-rank, kind="stable")[: max(MOST_ROWS, int(p.hard.sum()))]
        self.rows = np.sort(order[rank[order] > 0])
        self.kept = duals.prices[: p.rows].copy()
        self.kept[self.rows] = 0.0
        self.near = self.relaxation.reduced <= NEAR * (p.cost + p.group_cost[p.group_of])
        self.near[np.unique(p.by_row[np.flatnonzero(p.hard)].indices)] = True
        self.unserved = self._unserved()
        self.cuts = Cuts.none(p.rows)
        self.in_programme = np.zeros(0, dtype=np.int64)

    def _unserved(self) -> sp.csr_array:
        """Return the columns of soft rows that stay unserved, CSR (rows of the problem, soft)."""
        p = self.problem
        soft = self.rows[~p.hard[self.rows]]
        entries = (np.ones(len(soft)), (soft, np.arange(len(soft))))
        return sp.csr_array(entries, shape=(p.rows, len(soft)))

    def run(self, watch: Callable[[], bool]) -> CutDuals | None:
        """Return the best multipliers found, None when there was no time for any."""
        best, seed = None, 0
        for _ in range(JOINED):
            if watch():
                break
            found, seed = self._rounds(watch, seed)
            if found is None:
                break
            prices, on_cuts = found
            now, reduced = self.evaluate(prices, on_cuts)
            if best is None or now.duals.bound > best.duals.bound:
                best = now
            missed = ~self.near & (reduced < 0)
            if not missed.any() or watch():
                break
            self.near |= missed
        return best

    def _programme(self) -> tuple[GrowingProgramme, sp.csr_array, FloatArray, int]:
        """Return the programme with the cuts of the last one, its rows and right sides.

        Ahead of these rows it has others, by which columns open groups; their number is last.
        """
        p, some = self.problem, np.flatnonzero(self.near)
        opening, opened = self._openings(some)
        empty = sp.csr_array((p.rows, len(opened)))
        parts = [p.by_row[:, some], self.unserved, empty]
        whole = sp.csr_array(sp.hstack(parts, format="csr"))
        cost = p.cost[some] - p.by_row[:, some].T @ self.kept
        soft = self.rows[~p.hard[self.rows]]
        matrix, right = sp.csr_array(whole[self.rows]), np.ones(len(self.rows))
        if len(self.in_programme):
            cut = self.cuts.coefficients(whole)
            matrix = sp.csr_array(sp.vstack([matrix, cut[self.in_programme]]))
            right = np.concatenate([right, self.cuts.right[self.in_programme].astype(np.float64)])
        programme = GrowingProgramme(
            cost=np.concatenate([cost, self.worth[soft], opened]),
            matrix=sp.csr_array(sp.vstack([opening, matrix])),
            lower=np.concatenate([np.zeros(opening.shape[0]), right]),
            clock=self.clock,
        )
        return programme, matrix, right, opening.shape[0]

    def _openings(self, some: npt.NDArray[np.intp]) -> tuple[sp.csr_array, FloatArray]:
        """Return rows by which some columns open their groups, and what the groups cost."""
        p, soft = self.problem, self.unserved.shape[1]
        groups, place = np.unique(p.group_of[some], return_inverse=True)
        costs = p.group_cost[groups] > 0
        number = np.cumsum(costs) - 1
        own = np.flatnonzero(costs[place])
        width = len(some) + soft
        line = np.arange(len(own))
        entries = np.concatenate([-np.ones(len(own)), np.ones(len(own))])
        columns = np.concatenate([own, width + number[place[own]]])
        shape = (len(own), width + int(costs.sum()))
        opening = sp.csr_array((entries, (np.concatenate([line, line]), columns)), shape=shape)
        return opening, p.group_cost[groups[costs]]

    def _rounds(
        self, watch: Callable[[], bool], seed: int
    ) -> tuple[tuple[FloatArray, FloatArray] | None, int]:
        """Solve and cut in turn; return the last prices of rows and cuts, and the next seed."""
        programme, matrix, right, opens = self._programme()
        size, gained = len(self.rows), []
        last = None
        while not watch():
            answer = programme.solve()
            if answer is None:
                break
            values, prices = answer[0], answer[1][opens:]
            last = self._prices(prices)
            gained.append(float(right @ prices))
            if self._tired(gained) or seed >= ROUNDS:
                break
            if seed % DROPPED == DROPPED - 1:
                idle = (matrix @ values - right > IDLE) & (np.arange(len(right)) >= size)
                if idle.any():
                    programme.drop(opens + np.flatnonzero(idle))
                    matrix, right = sp.csr_array(matrix[~idle]), right[~idle]
                    self.in_programme = self.in_programme[~idle[size:]]
            found = separate(matrix, right, values, most=CUTS, seed=seed)
            seed += 1
            if not len(found.right):
                break
            named = np.concatenate([self.rows, self.problem.rows + self.in_programme])
            self.in_programme = np.concatenate(
                [self.in_programme, len(self.cuts) + np.arange(len(found.right))]
            )
            self.cuts = self.cuts.joined(found.pointer, named[found.members])
            programme.add(found.matrix, found.right)
            matrix = sp.csr_array(sp.vstack([matrix, found.matrix]))
            right = np.concatenate([right, found.right])
        log.info("cuts: rounds=%d kept=%d", seed, len(self.in_programme))
        return last, seed

    @staticmethod
    def _tired(gained: list[float]) -> bool:
        """Tell whether the last rounds gained little of all that was gained."""
        if len(gained) <= LOOKED_BACK:
            return False
        late = gained[-1] - gained[-1 - LOOKED_BACK]
        return late < LEAST_GAIN * (gained[-1] - gained[0])

    def _prices(self, prices: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return prices of the programme as those of all rows and all cuts."""
        rows, on_cuts = self.kept.copy(), np.zeros(len(self.cuts))
        rows[self.rows] = prices[: len(self.rows)]
        on_cuts[self.in_programme] = prices[len(self.rows) :]
        return rows, on_cuts

    def evaluate(self, prices: FloatArray, on_cuts: FloatArray) -> tuple[CutDuals, FloatArray]:
        """Return multipliers with what they prove, and the columns' reduced costs."""
        on_cuts = np.concatenate([on_cuts, np.zeros(len(self.cuts) - len(on_cuts))])
        cuts, old = self.cuts.kept(on_cuts > 0)
        found = with_cuts(self.relaxation, prices, PricedCuts(cuts=cuts, prices=on_cuts[old]))
        return found, self.relaxation.reduced.copy()


def with_cuts(relaxation: Relaxation, prices: FloatArray, cuts: PricedCuts) -> CutDuals:
    """Return what prices of rows and cuts prove, with each target's best multiplier.

    Parameters
    ----------
    relaxation
        Of the problem; its reduced costs are those of the prices afterwards.
    prices
        Of the rows, shape (r,).
    cuts
        Cuts of the rows.
    """
    p = relaxation.problem
    bound = cuts.gain + relaxation.at(
        prices, saved=cuts.earned(p.by_row), lifted=cuts.charged(~p.hard)
    )
    duals = Duals(prices=prices.copy(), multipliers=relaxation.multipliers.copy(), bound=bound)
    return CutDuals(duals=duals, cuts=cuts)
