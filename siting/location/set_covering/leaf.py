"""A kernel closed by HiGHS where prices alone lift the bound too slowly."""

from __future__ import annotations

import logging
from collections.abc import Callable

import highspy
import numpy as np
import numpy.typing as npt
from highspy.highs import HighsCallbackEvent

from siting.clock import Clock
from siting.location.set_covering.kernel import Kernel

log = logging.getLogger(__name__)

#: Nodes HiGHS may spend, so that the end does not depend on the clock.
MOST_NODES = 3000


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
    highs = highspy.Highs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("random_seed", 0),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 0.999 * step),
        ("mip_max_nodes", MOST_NODES),
        ("objective_bound", upper - 0.5 * step),
        ("time_limit", min(max(clock.left_s, 0.01), 1e9)),
    ):
        highs.setOptionValue(name, value)
    highs.cbSimplexInterrupt += _interrupt(clock)
    highs.cbMipInterrupt += _interrupt(clock)
    entries = len(kernel.row_cols)
    highs.passModel(
        kernel.columns,
        kernel.rows,
        entries,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        kernel.cost,
        np.zeros(kernel.columns),
        np.ones(kernel.columns),
        kernel.need.astype(np.float64),
        np.full(kernel.rows, highspy.kHighsInf),
        kernel.row_ptr,
        kernel.row_cols,
        np.ones(entries),
        np.ones(kernel.columns, dtype=np.int32),
    )
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


def _interrupt(clock: Clock) -> Callable[[HighsCallbackEvent], None]:
    """Return a callback that ends HiGHS when the clock expires."""

    def ask(event: HighsCallbackEvent) -> None:
        if clock.expired():
            event.interrupt()

    return ask
