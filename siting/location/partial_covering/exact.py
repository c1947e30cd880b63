"""Exact programmes on some columns of a problem, the others left as they are.

Columns that are kept serve what they serve; the rest is served at least cost by the columns that
may still be chosen. On all columns this is the whole problem; on those a proof leaves open it is
its kernel; on a handful that lie together it is a window of a large-neighbourhood search.

References
----------
Shaw 1998, "Using constraint programming and local search methods to solve vehicle routing
problems", CP98, LNCS 1520, 417-431, doi 10.1007/3-540-49481-2_30.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.partial_covering.highs import Outcome, solve_binary
from siting.location.partial_covering.problem import (
    ColumnCover,
    FloatArray,
    IndexArray,
    gather,
)
from siting.location.rows import merge_rows

#: A binary of a mixed-integer programme above this is one.
HALF = 0.5
#: Relative rounding of a sum of weights; a programme never leaves out an answer for it.
SLACK = 1e-12


@dataclass(slots=True, kw_only=True, eq=False)
class Part:
    """The programme over some free columns when others are kept; see :func:`part_of`.

    Parameters
    ----------
    columns
        The free columns, ascending.
    cost, group_cost
        Cost of each, and of each group that is still closed and costs something.
    matrix, lower
        ``matrix @ (columns, groups, soft rows) >= lower``.
    soft
        The soft rows' entries among the columns, to tell what an answer serves.
    groups
        Closed group with a cost of each free column, -1 for none.
    """

    columns: npt.NDArray[np.intp]
    cost: FloatArray
    group_cost: FloatArray
    matrix: sp.csr_array
    lower: FloatArray
    soft: sp.csr_array
    groups: npt.NDArray[np.intp]

    def solve(
        self, clock: Clock, *, start: IndexArray | None, nodes: int, seconds: float
    ) -> tuple[npt.NDArray[np.intp] | None, Outcome]:
        """Return the best free columns found, None without any, and what was proved of their cost.

        Parameters
        ----------
        clock
            Ends the programme.
        start
            Free columns of a known answer.
        nodes, seconds
            Effort allowed.
        """
        able, soft = len(self.columns), self.soft.shape[0]
        if not able:
            beyond = bool((self.lower > 0).any())
            nothing = Outcome(values=None, bound=np.inf if beyond else 0.0, finished=True)
            return None if beyond else self.columns, nothing
        opened = len(self.group_cost)
        outcome = solve_binary(
            cost=np.concatenate([self.cost, self.group_cost, np.zeros(soft)]),
            matrix=self.matrix,
            lower=self.lower,
            binary=np.arange(able + opened + soft) < able,
            start=None if start is None else self._values(start),
            clock=clock,
            nodes=nodes,
            seconds=seconds,
        )
        if outcome.values is None:
            return None, outcome
        return self.columns[outcome.values[:able] > HALF], outcome

    def _values(self, start: IndexArray) -> FloatArray:
        chosen = np.isin(self.columns, start).astype(np.float64)
        opened = np.zeros(len(self.group_cost))
        opened[self.groups[(chosen > 0) & (self.groups >= 0)]] = 1.0
        return np.concatenate([chosen, opened, np.minimum(self.soft @ chosen, 1.0)])


def part_of(problem: ColumnCover, kept: IndexArray, free: IndexArray) -> Part | None:
    """Set up the programme over free columns when others are kept.

    None when the free columns cannot meet what the kept ones leave.
    """
    p = problem
    counts = p.counts(kept)
    open_rows = np.flatnonzero(counts == 0)
    matrix = sp.csr_array(p.by_row[open_rows][:, free])
    matrix.sort_indices()
    group = merge_rows(matrix)
    if (p.hard[open_rows] & (group < 0)).any():
        return None
    live = np.flatnonzero(group >= 0)
    rows, group = open_rows[live], group[live]
    number = int(group.max(initial=-1)) + 1
    _, first = np.unique(group, return_index=True)
    distinct = sp.csr_array(matrix[live[first]])
    merge = sp.csr_array(
        (np.ones(len(rows)), (group, np.arange(len(rows)))), shape=(number, len(rows))
    )
    hard = np.bincount(group, weights=p.hard[rows], minlength=number) > 0
    weights = sp.csr_array(merge @ p.weights.tocsr()[rows])
    left = p.need - p.weights.T @ (counts > 0).astype(np.float64)
    left -= weights.T @ hard.astype(np.float64)
    wanted = np.flatnonzero((p.need > 0) & (left > 0))
    weights = sp.csr_array(weights[:, wanted])
    soft = ~hard & (np.diff(weights.indptr) > 0)
    weights = sp.csr_array(weights[soft])
    if np.any(np.asarray(weights.sum(axis=0)).ravel() < left[wanted] * (1.0 - SLACK)):
        return None
    return _stack(
        p,
        kept,
        free,
        hard=sp.csr_array(distinct[hard]),
        soft=sp.csr_array(distinct[soft]),
        weights=weights,
        left=left[wanted],
    )


def _stack(
    p: ColumnCover,
    kept: IndexArray,
    free: IndexArray,
    *,
    hard: sp.csr_array,
    soft: sp.csr_array,
    weights: sp.csr_array,
    left: FloatArray,
) -> Part:
    """Write the rows of the programme: served, targets, forced groups, group costs and rules."""
    number, group = len(free), p.group_of[free]
    used = np.bincount(p.group_of[kept], minlength=len(p.forced))
    closed = np.unique(group[(p.group_cost[group] > 0) & (used[group] == 0)])
    opens = np.full(len(p.forced), -1, dtype=np.intp)
    opens[closed] = np.arange(len(closed))
    opens = opens[group]
    eye, own = np.arange(number), np.flatnonzero(opens >= 0)
    at = sp.csr_array((np.ones(number), (group, eye)), shape=(len(p.forced), number))
    must = np.flatnonzero(p.forced & (used == 0))
    hosted = np.diff(at.indptr)
    room = np.where(p.strict, p.group_most - used, hosted)
    tight = np.flatnonzero(room < hosted)
    place = np.full(p.columns, -1, dtype=np.intp)
    place[free] = eye
    pairs = place[p.pairs]
    lone = pairs[(pairs >= 0).all(axis=1)]
    barred = _barred(p, kept, place)
    pair = np.repeat(np.arange(len(lone)), 2)
    excludes = sp.csr_array(
        (-np.ones(2 * len(lone)), (pair, lone.ravel())), shape=(len(lone), number)
    )
    bars = sp.csr_array(
        (-np.ones(len(barred)), (np.arange(len(barred)), barred)), shape=(len(barred), number)
    )
    line = np.arange(len(own))
    linked = sp.csr_array((-np.ones(len(own)), (line, own)), shape=(len(own), number))
    link = sp.csr_array((np.ones(len(own)), (line, opens[own])), shape=(len(own), len(closed)))
    share = sp.csr_array(sp.diags_array(1.0 / np.maximum(left, 1e-300)) @ weights.T)
    reached = sp.csr_array(-sp.eye_array(soft.shape[0]))
    # per block of rows: its entries among the columns, the groups and the soft rows
    lines: list[tuple[tuple[sp.csr_array | None, ...], FloatArray]] = [
        ((hard, None, None), np.ones(hard.shape[0])),
        ((sp.csr_array(at[must]), None, None), np.ones(len(must))),
        ((sp.csr_array(-at[tight]), None, None), -room[tight].astype(np.float64)),
        ((excludes, None, None), -np.ones(len(lone))),
        ((bars, None, None), np.zeros(len(barred))),
        ((linked, link, None), np.zeros(len(own))),
        ((soft, None, reached), np.zeros(soft.shape[0])),
        ((None, None, share), np.full(len(left), 1.0 - SLACK)),
    ]
    widths = (number, len(closed), soft.shape[0])
    stacked = [
        sp.hstack(
            [
                sp.csr_array((len(low), width)) if block is None else block
                for block, width in zip(blocks, widths, strict=True)
            ]
        )
        for blocks, low in lines
        if len(low)
    ]
    matrix = sp.vstack(stacked, format="csr") if stacked else sp.csr_array((0, sum(widths)))
    matrix = sp.csr_array(matrix)
    matrix.eliminate_zeros()
    return Part(
        columns=np.asarray(free, dtype=np.intp),
        cost=p.cost[free],
        group_cost=p.group_cost[closed],
        matrix=matrix,
        lower=np.concatenate([np.zeros(0), *(low for _, low in lines)]),
        soft=sp.csr_array(soft),
        groups=opens,
    )


def _barred(p: ColumnCover, kept: IndexArray, place: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the free columns that a kept one excludes."""
    chosen = np.zeros(p.columns, dtype=bool)
    chosen[kept] = True
    one, other = p.pairs[:, 0], p.pairs[:, 1]
    barred = np.concatenate([place[other[chosen[one]]], place[one[chosen[other]]]])
    return np.unique(barred[barred >= 0])


def window_around(
    problem: ColumnCover, chosen: IndexArray, column: int, size: int, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return chosen columns near one and it, nearest by steps through shared columns first."""
    p = problem
    is_chosen = np.zeros(p.columns, dtype=bool)
    is_chosen[chosen] = True
    window = np.array([column], dtype=np.intp)
    reach = window
    while len(window) < size:
        rows = np.unique(gather(p.col_ptr, p.col_rows, reach))
        columns = np.unique(gather(p.row_ptr, p.row_cols, rows))
        near = columns[is_chosen[columns]]
        fresh = np.setdiff1d(near, window, assume_unique=True)
        if len(columns) == len(reach):
            break
        reach = columns
        if len(fresh) > size - len(window):
            fresh = rng.permutation(fresh)[: size - len(window)]
        window = np.concatenate([window, fresh.astype(np.intp)])
    return window
