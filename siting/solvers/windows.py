"""Large-neighbourhood search on step one: exact re-planning of one window at a time with HiGHS.

A window is a handful of chosen columns that lie together. They are removed, and everything they
alone served is served again at least cost by an exact mixed-integer programme over the columns that
can help. The answer is never dearer, so the search only descends.

References
----------
Shaw 1998, "Using constraint programming and local search methods to solve vehicle routing
problems", CP98, LNCS 1520, 417-431, doi 10.1007/3-540-49481-2_30.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.rows import merge_rows
from siting.models.presolve import SetCover
from siting.solvers.greedy import prune
from siting.solvers.highs import solve_binary

#: A binary of a mixed-integer programme above this is one.
HALF = 0.5


@dataclass(slots=True, kw_only=True, eq=False)
class Windows:
    """An answer to a reduced step one that :meth:`improve` makes cheaper.

    Parameters
    ----------
    problem
        The reduced step one.
    chosen
        Columns of the answer, ascending; every need is met.
    reduced
        Reduced cost of each column at good multipliers; columns far from 0 are left out.
    size
        Chosen columns re-planned at once.
    candidates
        Columns allowed in one window.
    seed
        Order of the windows.
    """

    problem: SetCover
    chosen: npt.NDArray[np.intp]
    reduced: npt.NDArray[np.float64]
    size: int = 14
    candidates: int = 400
    seed: int = 0
    by_row: sp.csr_array = field(init=False)
    by_column: sp.csc_array = field(init=False)
    counts: npt.NDArray[np.int32] = field(init=False)
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Make both views of the matrix and count who serves each row."""
        p = self.problem
        shape = (p.rows, p.columns)
        self.by_row = sp.csr_array(
            (np.ones(len(p.row_cols), dtype=np.int32), p.row_cols, p.row_ptr), shape=shape
        )
        self.by_column = sp.csc_array(
            (np.ones(len(p.col_rows), dtype=np.int32), p.col_rows, p.col_ptr), shape=shape
        )
        self.rng = np.random.default_rng(self.seed)
        self._recount()

    @property
    def cost(self) -> float:
        """Cost of the answer."""
        return float(self.problem.cost[self.chosen].sum())

    def improve(self, seed_column: int, clock: Clock) -> bool:
        """Re-plan the window round a chosen column; tell whether the answer became cheaper."""
        window = self._around(seed_column)
        removed = self._rows_of(window)
        counts = self.counts.copy()
        counts[:] -= np.bincount(removed, minlength=len(counts)).astype(np.int32)
        programme = self._programme(window, counts)
        if programme is None:
            return False
        columns = programme.solve(clock)
        if columns is None:
            return False
        rest = np.setdiff1d(self.chosen, window, assume_unique=True)
        answer = prune(self.problem, np.union1d(rest, columns))
        better = float(self.problem.cost[answer].sum()) < self.cost - 1e-9
        if better and meets(self.problem, answer):
            self.chosen = answer
            self._recount()
            return True
        return False

    def _recount(self) -> None:
        self.counts = np.bincount(self._rows_of(self.chosen), minlength=self.problem.rows).astype(
            np.int32
        )

    def _rows_of(self, columns: npt.NDArray[np.signedinteger]) -> npt.NDArray[np.int32]:
        return _gather(self.problem.col_ptr, self.problem.col_rows, columns)

    def _around(self, seed_column: int) -> npt.NDArray[np.intp]:
        """Return chosen columns near one, nearest by steps through shared columns first."""
        p = self.problem
        is_chosen = np.zeros(p.columns, dtype=bool)
        is_chosen[self.chosen] = True
        window = np.array([seed_column], dtype=np.intp)
        reach = window
        while len(window) < self.size:
            rows = np.unique(self._rows_of(reach))
            columns = np.unique(_gather(p.row_ptr, p.row_cols, rows))
            near = columns[is_chosen[columns]]
            fresh = np.setdiff1d(near, window, assume_unique=True)
            if len(columns) == len(reach):
                break
            reach = columns
            if len(fresh) > self.size - len(window):
                fresh = self.rng.permutation(fresh)[: self.size - len(window)]
            window = np.concatenate([window, fresh.astype(np.intp)])
        return np.sort(window)

    def _programme(
        self, window: npt.NDArray[np.intp], counts: npt.NDArray[np.int32]
    ) -> _Programme | None:
        """Set up the exact programme that replaces a window; None when nothing is needed."""
        p = self.problem
        freed = np.unique(self._rows_of(window))
        freed = freed[counts[freed] == 0]
        able = np.unique(_gather(p.row_ptr, p.row_cols, freed))
        order = able[np.argsort(self.reduced[able], kind="stable")][: self.candidates]
        able = np.union1d(order, window).astype(np.intp)
        rows = np.unique(self._rows_of(able))
        rows = rows[counts[rows] == 0]
        if not len(rows):
            return None
        inside = sp.csr_array(self.by_column[:, able].tocsr()[rows])
        inside.sort_indices()
        group = merge_rows(inside)
        number = int(group.max()) + 1
        _, first = np.unique(group, return_index=True)
        merge = sp.csr_array(
            (np.ones(len(rows)), (group, np.arange(len(rows)))), shape=(number, len(rows))
        )
        hard = np.bincount(group, weights=p.hard[rows], minlength=number) > 0
        weights = sp.csr_array(merge @ p.weights.tocsr()[rows])
        served = counts > 0
        left = p.aim - p.weights.T @ served.astype(np.float64)
        left -= weights.T @ hard.astype(np.float64)
        wanted = np.flatnonzero((p.aim > 0) & (left > 0))
        weights = sp.csr_array(weights[:, wanted])
        soft = ~hard & (np.diff(weights.indptr) > 0)
        return _Programme(
            columns=able,
            cost=p.cost[able],
            start=np.isin(able, window),
            hard=sp.csr_array(inside[first][hard]),
            soft=sp.csr_array(inside[first][soft]),
            weights=sp.csr_array(weights[soft]),
            left=left[wanted],
            forced=self._forced(window, able),
        )

    def _forced(self, window: npt.NDArray[np.intp], able: npt.NDArray[np.intp]) -> sp.csr_array:
        """Return one row per forced group that only the window serves, over the candidates."""
        p = self.problem
        group_of = np.searchsorted(p.group_ptr, np.arange(p.columns), side="right") - 1
        outside = np.setdiff1d(self.chosen, window, assume_unique=True)
        need = p.forced.copy()
        need[group_of[outside]] = False
        groups = np.flatnonzero(need)
        groups = groups[np.isin(groups, group_of[window])]
        return sp.csr_array((group_of[able][None, :] == groups[:, None]).astype(np.int32))


@dataclass(slots=True, kw_only=True, eq=False)
class _Programme:
    """Exact re-planning of a window."""

    columns: npt.NDArray[np.intp]
    cost: npt.NDArray[np.float64]
    start: npt.NDArray[np.bool_]
    hard: sp.csr_array
    soft: sp.csr_array
    weights: sp.csr_array
    left: npt.NDArray[np.float64]
    forced: sp.csr_array

    def solve(self, clock: Clock) -> npt.NDArray[np.intp] | None:
        """Return the best columns found, or None when nothing cheaper is found."""
        soft, targets, able = self.soft.shape[0], len(self.left), len(self.columns)
        scale = np.maximum(self.left, 1e-300)
        blocks = [
            [self.hard, sp.csr_array((self.hard.shape[0], soft))],
            [self.forced, sp.csr_array((self.forced.shape[0], soft))],
            [self.soft, -sp.eye_array(soft, format="csr")],
            [
                sp.csr_array((targets, able)),
                sp.csr_array(sp.diags_array(1.0 / scale) @ self.weights.T) if targets else None,
            ],
        ]
        if not targets:
            blocks.pop()
        lower = np.concatenate(
            [
                np.ones(self.hard.shape[0] + self.forced.shape[0]),
                np.zeros(soft),
                np.full(targets, 1.0 + 1e-9),
            ]
        )
        answer = solve_binary(
            cost=np.concatenate([self.cost, np.zeros(soft)]),
            matrix=sp.csr_array(sp.block_array(blocks, format="csr")),
            lower=lower,
            binary=np.arange(able + soft) < able,
            start=self._start(),
            clock=clock,
        )
        if answer is None:
            return None
        return self.columns[answer[:able] > HALF]

    def _start(self) -> npt.NDArray[np.float64]:
        chosen = self.start.astype(np.float64)
        return np.concatenate([chosen, np.minimum(self.soft @ chosen, 1.0)])


def meets(problem: SetCover, columns: npt.NDArray[np.intp]) -> bool:
    """Tell whether some columns meet every need of a reduced step one."""
    served = np.zeros(problem.rows, dtype=bool)
    served[_gather(problem.col_ptr, problem.col_rows, columns)] = True
    group_of = np.searchsorted(problem.group_ptr, columns, side="right") - 1
    has = np.zeros(len(problem.forced), dtype=bool)
    has[group_of] = True
    weight = problem.weights.T @ served.astype(np.float64)
    return bool(
        served[problem.hard].all() and np.all(weight >= problem.aim) and has[problem.forced].all()
    )


def _gather(
    pointer: npt.NDArray[np.int32],
    values: npt.NDArray[np.int32],
    lines: npt.NDArray[np.signedinteger],
) -> npt.NDArray[np.int32]:
    """Return the values of some lines, one after the other."""
    start = pointer[lines].astype(np.int64)
    length = pointer[np.asarray(lines) + 1] - start
    offset = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
    return values[np.repeat(start, length) + offset]
