"""HiGHS on plain arrays: small exact programmes, deterministic and interruptible."""

from __future__ import annotations

from collections.abc import Callable

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from highspy.highs import HighsCallbackEvent

from siting.clock import Clock

#: Branch-and-bound nodes spent on one programme; the usual end, so that answers repeat.
MOST_NODES = 300
#: Wall time one programme may take [s]; keeps `stop` prompt where a node is slow.
MOST_SECONDS = 2.0
#: Simplex iterations spent on one linear programme; the usual end.
MOST_PIVOTS = 40000
#: Wall time one linear programme may take [s].
MOST_LP_SECONDS = 20.0


def solve_binary(
    *,
    cost: npt.NDArray[np.float64],
    matrix: sp.csr_array,
    lower: npt.NDArray[np.float64],
    binary: npt.NDArray[np.bool_],
    start: npt.NDArray[np.float64] | None,
    clock: Clock,
    nodes: int = MOST_NODES,
) -> npt.NDArray[np.float64] | None:
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
    nodes
        Branch-and-bound nodes allowed.

    Returns
    -------
    numpy.ndarray or None
        The best answer found, or None when there is none.
    """
    highs = highspy.Highs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("random_seed", 0),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 1e-6),
        ("mip_max_nodes", nodes),
        ("time_limit", max(min(MOST_SECONDS, clock.left_s), 0.01)),
    ):
        highs.setOptionValue(name, value)
    scale = float(cost.max(initial=0.0)) or 1.0
    rows, variables = matrix.shape
    infinity = highspy.kHighsInf
    status = highs.passModel(
        variables,
        rows,
        matrix.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        cost / scale,
        np.zeros(variables),
        np.ones(variables),
        lower.astype(np.float64),
        np.full(rows, infinity),
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data.astype(np.float64),
        binary.astype(np.int32),
    )
    if status == highspy.HighsStatus.kError:
        return None
    if start is not None:
        index = np.arange(variables, dtype=np.int32)
        highs.setSolution(variables, index, start)
    highs.run()
    if highs.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None
    return np.asarray(highs.getSolution().col_value)


def row_prices(
    *,
    cost: npt.NDArray[np.float64],
    matrix: sp.csr_array,
    lower: npt.NDArray[np.float64],
    upper: npt.NDArray[np.float64],
    clock: Clock,
) -> npt.NDArray[np.float64] | None:
    """Return the dual prices of ``min cost @ x, matrix @ x >= lower, 0 <= x <= upper``, shape (r,).

    None when the clock ended the programme before there were any.
    """
    highs = highspy.Highs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("random_seed", 0),
        ("solver", "simplex"),
        ("simplex_iteration_limit", MOST_PIVOTS),
        ("time_limit", max(min(MOST_LP_SECONDS, clock.left_s), 0.01)),
    ):
        highs.setOptionValue(name, value)
    if clock.stop is not None:
        highs.cbSimplexInterrupt += _interrupt(clock)
    scale = float(cost.max(initial=0.0)) or 1.0
    rows, variables = matrix.shape
    highs.passModel(
        variables,
        rows,
        matrix.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        cost / scale,
        np.zeros(variables),
        upper,
        lower.astype(np.float64),
        np.full(rows, highspy.kHighsInf),
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data.astype(np.float64),
        np.zeros(variables, dtype=np.int32),
    )
    highs.run()
    solution = highs.getSolution()
    if not solution.dual_valid:
        return None
    return np.asarray(solution.row_dual) * scale


def _interrupt(clock: Clock) -> Callable[[HighsCallbackEvent], None]:
    """Return a callback that ends HiGHS when the clock expires."""

    def ask(event: HighsCallbackEvent) -> None:
        if clock.expired():
            event.interrupt()

    return ask
