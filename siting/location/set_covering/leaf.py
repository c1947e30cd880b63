"""What HiGHS does for a kernel: the linear relaxation, and branch and cut where prices are weak."""

from __future__ import annotations

import logging

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.highs import TIGHT, new_highs, pass_programme
from siting.location.set_covering.kernel import Kernel

log = logging.getLogger(__name__)

#: Nodes HiGHS may spend, so that the end does not depend on the clock: on a kernel, on a region.
MOST_NODES, REGION_NODES = 3000, 600

FloatArray = npt.NDArray[np.float64]


def relaxed_prices(kernel: Kernel, clock: Clock) -> FloatArray | None:
    """Return the prices of the linear relaxation by an interior point, None when it was ended.

    Parameters
    ----------
    kernel
        Rows and columns.
    clock
        Interrupts HiGHS when it expires.
    """
    highs = _loaded(kernel, kernel.cost, clock, integer=False)
    highs.setOptionValue("solver", "ipm")
    highs.setOptionValue("run_crossover", "off")
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return np.maximum(np.asarray(highs.getSolution().row_dual, dtype=np.float64), 0.0)


def least_cost(kernel: Kernel, cost: FloatArray, clock: Clock) -> float | None:
    """Return what branch and cut proves to be the least cost of a cover, None without proof.

    Parameters
    ----------
    kernel
        Rows and columns.
    cost
        Of each column, of either sign.
    clock
        Interrupts HiGHS when it expires.
    """
    highs = _loaded(kernel, cost, clock, integer=True)
    for name, value in {"mip_max_nodes": REGION_NODES, "mip_abs_gap": 1e-9, **TIGHT}.items():
        highs.setOptionValue(name, value)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    info = highs.getInfo()
    return min(float(info.mip_dual_bound), float(info.objective_function_value))


def branch_and_cut(
    kernel: Kernel, upper: float, step: float, clock: Clock
) -> tuple[npt.NDArray[np.bool_] | None, bool]:
    """Look for a cover cheaper than `upper` by branch and cut.

    Parameters
    ----------
    kernel
        Rows and columns.
    upper
        Cost of the best cover known.
    step
        Number > 0 of which every cost is a multiple.
    clock
        Interrupts HiGHS when it expires.

    Returns
    -------
    tuple
        A cheaper cover as flags, None when none was found; and whether it is proven that none is
        cheaper than the best of the two.
    """
    highs = _loaded(kernel, kernel.cost, clock, integer=True)
    for name, value in (
        ("mip_abs_gap", 0.999 * step),
        ("mip_max_nodes", MOST_NODES),
        ("objective_bound", upper - 0.5 * step),
    ):
        highs.setOptionValue(name, value)
    highs.run()
    info, status = highs.getInfo(), highs.getModelStatus()
    found, least = None, upper
    if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
        chosen = np.asarray(highs.getSolution().col_value) > 0.5  # noqa: PLR2004 - 0 or 1
        cost = float(kernel.cost[chosen].sum())
        if cost < upper and (kernel.counts(np.flatnonzero(chosen)) >= kernel.need).all():
            found, least = chosen, cost
    ended = status in {
        highspy.HighsModelStatus.kOptimal,
        highspy.HighsModelStatus.kInfeasible,
        highspy.HighsModelStatus.kObjectiveBound,
    }
    infeasible = status == highspy.HighsModelStatus.kInfeasible
    proven = ended and (infeasible or info.mip_dual_bound > least - step * (1 - 1e-4))
    log.info("branch and cut: nodes=%d status=%s", info.mip_node_count, status)
    return found, proven


def _loaded(kernel: Kernel, cost: FloatArray, clock: Clock, *, integer: bool) -> highspy.Highs:
    """Return HiGHS with a kernel at some costs."""
    highs = new_highs(clock)
    cover = sp.csr_array(
        (np.ones(len(kernel.row_cols)), kernel.row_cols, kernel.row_ptr),
        shape=(kernel.rows, kernel.columns),
    )
    pass_programme(
        highs,
        cost,
        cover,
        kernel.need.astype(np.float64),
        np.full(kernel.rows, np.inf),
        np.ones(kernel.columns),
        np.full(kernel.columns, integer),
    )
    return highs
