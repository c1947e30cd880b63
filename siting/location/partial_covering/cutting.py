"""Prices of rows and of cuts, from linear programmes that grow by the cuts their answers break.

What they prove passes the linear relaxation. Rows are taken region by region: the hard ones, then
those of one target after the other. Rows of other regions keep their prices and cuts meanwhile, and
a soft row may stay unserved: at what its weight is worth, or within what its target can spare where
all of the target lies in the region.

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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.partial_covering.highs import GrowingProgramme
from siting.location.partial_covering.problem import ColumnCover, FloatArray
from siting.location.partial_covering.relaxation import Duals, Relaxation
from siting.location.partial_covering.zero_half import Cuts, PricedCuts, no_cuts, separate

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
#: Regions that are cut at the same time, whatever the number of threads.
SIDE_BY_SIDE = 2
#: What a cut is slack by before it is idle.
IDLE = 1e-6
#: Relative rounding of what a target can spare.
SLACK = 1e-12

IndexArray = npt.NDArray[np.intp]


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """Prices of a region's rows, and cuts of them as cuts of the problem."""

    prices: FloatArray
    cuts: PricedCuts


def cut(
    problem: ColumnCover,
    duals: Duals,
    clock: Clock,
    watch: Callable[[], bool],
    *,
    threads: int = 1,
) -> CutDuals | None:
    """Return multipliers with cuts of one region after the other; None when cuts prove no more.

    Parameters
    ----------
    problem
        Without excluding pairs.
    duals
        Multipliers to begin with.
    clock
        Ends the programmes.
    watch
        Asked between them; True ends the work.
    threads
        Threads that may be used; they do not change the multipliers.

    Notes
    -----
    :data:`SIDE_BY_SIDE` regions are cut from the same multipliers. What the first finds is kept;
    the next one's is put on top of it, which is exact where they share no columns, and tried.
    """
    best = CutDuals(duals=duals, cuts=no_cuts(problem.rows))
    todo = list(regions(problem, duals))
    with ThreadPoolExecutor(min(threads, SIDE_BY_SIDE)) as pool:
        while todo and not watch():
            some, todo = todo[:SIDE_BY_SIDE], todo[SIDE_BY_SIDE:]
            base = best
            parts = [Region(problem, base, rows, clock) for rows in some]
            for part, found in zip(parts, pool.map(lambda one: one.run(watch), parts), strict=True):
                if found is None:
                    continue
                now = part.upon(best, found)
                if now.duals.bound > best.duals.bound:
                    best = now
                log.info("cuts: %d rows, bound %.6g", len(part.rows), best.duals.bound)
    return best if len(best.cuts.cuts) else None


def regions(problem: ColumnCover, duals: Duals) -> Iterator[IndexArray]:
    """Yield the rows that are worth anything, each once: together, or region by region.

    All rows are together when they are few. Else hard rows come first, with the soft ones that are
    worth most; then the targets, that of fewest rows first, each with its rows that are worth most.
    """
    p = problem
    worth = np.where(p.hard, np.inf, p.weights @ duals.multipliers)
    left = worth > 0
    if left.sum() <= MOST_ROWS or p.hard.any():
        yield _most(worth, left, max(MOST_ROWS, int(p.hard.sum())))
    order = np.argsort(np.diff(p.weights.indptr), kind="stable")
    for target in order.tolist():
        mine = np.zeros(p.rows, dtype=bool)
        mine[p.weights.indices[p.weights.indptr[target] : p.weights.indptr[target + 1]]] = True
        mine &= left
        if mine.any():
            yield _most(worth, mine, MOST_ROWS)
            left &= ~mine


def _most(worth: FloatArray, left: npt.NDArray[np.bool_], number: int) -> IndexArray:
    """Return the rows left that are worth most, ascending, and take them away."""
    rows = np.flatnonzero(left)
    rows = np.sort(rows[np.argsort(-worth[rows], kind="stable")[:number]])
    left[rows] = False
    return rows.astype(np.intp)


class Region:
    """The programme of some rows at given multipliers of the others.

    Parameters
    ----------
    problem
        Without excluding pairs.
    base
        Multipliers and cuts to begin with; its cuts are of other rows.
    rows
        The region, ascending.
    clock
        Ends the work.
    """

    def __init__(
        self, problem: ColumnCover, base: CutDuals, rows: IndexArray, clock: Clock
    ) -> None:
        self.problem, self.base, self.rows, self.clock = problem, base, rows, clock
        p = problem
        self.relaxation = Relaxation(p)
        now = with_cuts(self.relaxation, base.duals.prices, base.cuts)
        reduced = self.relaxation.reduced
        self.by_row = sp.csr_array(p.by_row[rows])
        self.left = reduced + self.by_row.T @ base.duals.prices[rows]
        self.inside = np.zeros(p.columns, dtype=bool)
        self.inside[self.by_row.indices] = True
        self.near = self.inside & (reduced <= NEAR * (p.cost + p.group_cost[p.group_of]))
        hard = p.hard[rows]
        self.near[self.by_row[np.flatnonzero(hard)].indices] = True
        self.soft = np.flatnonzero(~hard)
        self._spare(now.duals.multipliers)
        self.cuts = Cuts.none(len(rows))
        self.in_programme = np.zeros(0, dtype=np.int64)

    def _spare(self, multipliers: FloatArray) -> None:
        """Find the targets that lie in the region as a whole, and what they can spare."""
        p = self.problem
        weights = sp.csc_array(p.weights.tocsr()[self.rows[self.soft]])
        whole = (np.diff(weights.indptr) == np.diff(p.weights.indptr)) & (p.need > 0)
        self.shares = sp.csr_array(weights[:, whole].T)
        self.spare = np.asarray(self.shares.sum(axis=1)).ravel() - p.need[whole]
        self.worth = weights @ np.where(whole, 0.0, multipliers)

    def run(self, watch: Callable[[], bool]) -> Found | None:
        """Return the best prices found, None when there was no time for any."""
        best, proven, seed = None, -np.inf, 0
        for _ in range(JOINED):
            if watch():
                break
            found, seed = self._rounds(watch, seed)
            if found is None:
                break
            bound = self.upon(self.base, found).duals.bound
            if bound > proven:
                best, proven = found, bound
            missed = self.inside & ~self.near & (self.relaxation.reduced < 0)
            if not missed.any() or watch():
                break
            self.near |= missed
        return best

    def _programme(self) -> tuple[GrowingProgramme, sp.csr_array, FloatArray, int]:
        """Return the programme with the cuts of the last one, its rows and right sides.

        Ahead of these rows it has others, by which columns open groups and targets are met; their
        number is last.
        """
        some = np.flatnonzero(self.near)
        opening, opened = self._openings(some)
        soft = len(self.soft)
        unserved = sp.csr_array(
            (np.ones(soft), (self.soft, np.arange(soft))), shape=(len(self.rows), soft)
        )
        empty = sp.csr_array((len(self.rows), len(opened)))
        matrix = sp.csr_array(sp.hstack([self.by_row[:, some], unserved, empty], format="csr"))
        right = np.ones(len(self.rows))
        whole = np.where(self.spare > 0, self.spare, 1.0)
        shares = sp.csr_array(sp.diags_array(-1.0 / whole) @ self.shares)
        targets = sp.hstack(
            [
                sp.csr_array((len(whole), len(some))),
                shares,
                sp.csr_array((len(whole), len(opened))),
            ]
        )
        if len(self.in_programme):
            of_cuts = self.cuts.coefficients(matrix)[self.in_programme]
            matrix = sp.csr_array(sp.vstack([matrix, of_cuts]))
            right = np.concatenate([right, self.cuts.right[self.in_programme].astype(np.float64)])
        programme = GrowingProgramme(
            cost=np.concatenate([self.left[some], self.worth, opened]),
            matrix=sp.csr_array(sp.vstack([opening, targets, matrix])),
            lower=np.concatenate([np.zeros(opening.shape[0]), -self.spare / whole - SLACK, right]),
            clock=self.clock,
        )
        return programme, matrix, right, opening.shape[0] + len(whole)

    def _openings(self, some: npt.NDArray[np.intp]) -> tuple[sp.csr_array, FloatArray]:
        """Return rows by which some columns open their groups, and what the groups cost."""
        p, soft = self.problem, len(self.soft)
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

    def _rounds(self, watch: Callable[[], bool], seed: int) -> tuple[Found | None, int]:
        """Solve and cut in turn; return the last prices of rows and cuts, and the next seed."""
        programme, matrix, right, opens = self._programme()
        size, gained = len(self.rows), []
        last = None
        while not watch():
            answer = programme.solve()
            if answer is None:
                break
            values, prices, objective = answer
            last = self._found(prices[opens:])
            gained.append(objective)
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
            named = np.concatenate([np.arange(size), size + self.in_programme])
            self.in_programme = np.concatenate(
                [self.in_programme, len(self.cuts) + np.arange(len(found.right))]
            )
            self.cuts = self.cuts.joined(found.pointer, named[found.members])
            programme.add(found.matrix, found.right)
            matrix = sp.csr_array(sp.vstack([matrix, found.matrix]))
            right = np.concatenate([right, found.right])
        return last, seed

    @staticmethod
    def _tired(gained: list[float]) -> bool:
        """Tell whether the last rounds gained little of all that was gained."""
        if len(gained) <= LOOKED_BACK:
            return False
        late = gained[-1] - gained[-1 - LOOKED_BACK]
        return late < LEAST_GAIN * (gained[-1] - gained[0])

    def _found(self, prices: FloatArray) -> Found:
        """Return prices of the programme's rows as those of the region's rows and its cuts."""
        on_cuts = np.zeros(len(self.cuts))
        on_cuts[self.in_programme] = prices[len(self.rows) :]
        cuts, old = self.cuts.kept(on_cuts > 0)
        moved = cuts.moved(self.rows, self.problem.rows)
        return Found(
            prices=prices[: len(self.rows)], cuts=PricedCuts(cuts=moved, prices=on_cuts[old])
        )

    def upon(self, base: CutDuals, found: Found) -> CutDuals:
        """Return multipliers with the region's prices and cuts on top, and what they prove."""
        prices = base.duals.prices.copy()
        prices[self.rows] = found.prices
        cuts = PricedCuts(
            cuts=base.cuts.cuts.and_more(found.cuts.cuts),
            prices=np.concatenate([base.cuts.prices, found.cuts.prices]),
        )
        return with_cuts(self.relaxation, prices, cuts)


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
