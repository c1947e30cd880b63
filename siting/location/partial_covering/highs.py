"""HiGHS on plain arrays: exact programmes and dual prices, deterministic and interruptible."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.highs import new_highs, pass_programme

#: Simplex iterations spent on one linear programme; the usual end.
MOST_PIVOTS = 40000
#: Wall time one linear programme may take [s].
MOST_LP_SECONDS = 20.0

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What a branch and bound found and proved.

    Parameters
    ----------
    values
        The best answer found, None without any.
    bound
        Proven limit on the objective; infinite when there is no answer.
    finished
        Whether it ended by itself.
    """

    values: FloatArray | None
    bound: float
    finished: bool


def solve_binary(
    *,
    cost: FloatArray,
    matrix: sp.csr_array,
    lower: FloatArray,
    binary: npt.NDArray[np.bool_],
    start: FloatArray | None,
    clock: Clock,
    nodes: int,
    seconds: float,
) -> Outcome:
    """Minimise ``cost @ x`` subject to ``matrix @ x >= lower`` and ``0 <= x <= 1``.

    Parameters
    ----------
    cost
        Cost of each variable, shape (v,).
    matrix, lower
        Rows of the programme, shape (r, v) and (r,).
    binary
        Which variables are 0 or 1; the others are continuous.
    start
        A known answer, or None.
    clock
        Ends the search when it expires.
    nodes, seconds
        Branch-and-bound nodes and wall time [s] allowed; the time is far beyond what the nodes
        usually take, so that answers repeat.
    """
    scale = float(cost.max(initial=0.0)) or 1.0
    highs = new_highs(
        clock,
        {
            "time_limit": _limit(seconds, clock),
            "mip_abs_gap": 1e-9,
            "mip_feasibility_tolerance": 1e-9,
            "primal_feasibility_tolerance": 1e-9,
            "mip_max_nodes": nodes,
            # HiGHS 1.15 may restart from a given answer and then take a worse one for the best
            "mip_allow_restart": False,
        },
    )
    variables = matrix.shape[1]
    free = np.full(len(lower), np.inf)
    passed = pass_programme(highs, cost / scale, matrix, lower, free, np.ones(variables), binary)
    if passed == highspy.HighsStatus.kError:
        return Outcome(values=None, bound=0.0, finished=False)
    if start is not None:
        highs.setSolution(variables, np.arange(variables, dtype=np.int32), start)
    highs.run()
    status, info = highs.getModelStatus(), highs.getInfo()
    if status == highspy.HighsModelStatus.kInfeasible:
        return Outcome(values=None, bound=np.inf, finished=True)
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    finished = found and status == highspy.HighsModelStatus.kOptimal
    bound = float(info.mip_dual_bound) * scale if np.isfinite(info.mip_dual_bound) else -np.inf
    values = np.asarray(highs.getSolution().col_value) if found else None
    return Outcome(values=values, bound=bound, finished=finished)


class GrowingProgramme:
    """A linear programme ``min cost @ x, matrix @ x >= lower, 0 <= x <= 1`` that rows join.

    Parameters
    ----------
    cost, matrix, lower
        Of the programme, shapes (v,), (r, v) and (r,).
    clock
        Ends :meth:`solve` when it expires.
    """

    def __init__(
        self, *, cost: FloatArray, matrix: sp.csr_array, lower: FloatArray, clock: Clock
    ) -> None:
        self._clock, self._scale = clock, float(np.abs(cost).max(initial=0.0)) or 1.0
        self._highs = new_highs(clock, {"solver": "simplex"})
        pass_programme(
            self._highs,
            cost / self._scale,
            matrix,
            lower,
            np.full(len(lower), np.inf),
            np.ones(len(cost)),
            np.zeros(len(cost), dtype=bool),
        )

    def solve(self) -> tuple[FloatArray, FloatArray, float] | None:
        """Return values, prices >= 0 of the rows, and cost; None when the clock ended it."""
        seconds = min(MOST_LP_SECONDS, self._clock.left_s)
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + max(seconds, 0.01))
        self._highs.run()
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        found = self._highs.getSolution()
        prices = np.maximum(np.asarray(found.row_dual, dtype=np.float64), 0.0)
        values = np.clip(np.asarray(found.col_value), 0.0, 1.0)
        return values, prices * self._scale, self._highs.getObjectiveValue() * self._scale

    def add(self, matrix: sp.csr_array, lower: FloatArray) -> None:
        """Add rows at the end."""
        self._highs.addRows(
            len(lower),
            lower,
            np.full(len(lower), highspy.kHighsInf),
            matrix.nnz,
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data.astype(np.float64),
        )

    def drop(self, rows: npt.NDArray[np.intp]) -> None:
        """Leave rows out, ascending; the others close up."""
        self._highs.deleteRows(len(rows), rows.astype(np.int32))


def row_prices(
    *,
    cost: FloatArray,
    matrix: sp.csr_array,
    lower: FloatArray,
    upper: FloatArray,
    clock: Clock,
) -> FloatArray | None:
    """Return the dual prices of ``min cost @ x, matrix @ x >= lower, 0 <= x <= upper``, shape (r,).

    None when the clock ended the programme before there were any.
    """
    highs = new_highs(
        clock,
        {
            "time_limit": _limit(MOST_LP_SECONDS, clock),
            "solver": "simplex",
            "simplex_iteration_limit": MOST_PIVOTS,
        },
    )
    scale = float(cost.max(initial=0.0)) or 1.0
    free, binary = np.full(len(lower), np.inf), np.zeros(matrix.shape[1], dtype=bool)
    pass_programme(highs, cost / scale, matrix, lower, free, upper, binary)
    highs.run()
    solution = highs.getSolution()
    if not solution.dual_valid:
        return None
    prices = np.asarray(solution.row_dual, dtype=np.float64) * scale
    return prices if np.isfinite(prices).all() else None


def _limit(seconds: float, clock: Clock) -> float:
    """Return the time HiGHS gets [s]."""
    return max(min(seconds, clock.left_s), 0.01)
