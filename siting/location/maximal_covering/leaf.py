"""A small maximal covering problem closed by HiGHS, where the tree of prices stays open long."""

from __future__ import annotations

import logging

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.highs import new_highs, pass_programme
from siting.location.maximal_covering.problem import IN, Problem
from siting.location.rows import merge_rows, merged_cover, sum_by_group

log = logging.getLogger(__name__)

#: Most options left open, and entries of the merged cover, that branch and cut is asked to close.
MOST_OPTIONS, MOST_ENTRIES = 1_000, 100_000
#: Nodes HiGHS may spend, so that the end does not depend on the clock.
MOST_NODES = 50_000

Flags = npt.NDArray[np.bool_]


def closable(problem: Problem) -> bool:
    """Tell whether branch and cut may close a problem: small, whole weights, k = 1, no sites."""
    return (
        problem.plain
        and problem.step > 0
        and bool((problem.cover.need == 1).all())
        and len(problem.cover.row_col) <= MOST_ENTRIES
    )


def branch_and_cut(
    problem: Problem, state: npt.NDArray[np.int8], best: Flags, value: float, clock: Clock
) -> tuple[Flags, float, bool]:
    """Look for a selection that serves more than `value`, over the options that are undecided.

    Parameters
    ----------
    problem
        The reduced problem; see :func:`closable`.
    state
        Options that are in, out and undecided, (m,).
    best, value
        The best selection known and what it serves.
    clock
        Interrupts HiGHS when it expires.

    Returns
    -------
    tuple
        The best selection, its value, and whether it is proven that none serves more.
    """
    free = np.flatnonzero(state == 0)
    if len(free) > MOST_OPTIONS:
        return best, value, False
    matrix, weight, base = _left(problem, state, free)
    highs = _programme(problem, state, free, matrix, weight, clock)
    rows = len(weight)
    known = best[free].astype(np.float64)
    served = np.asarray(matrix @ known) > 0
    start = np.concatenate([known, served.astype(np.float64)])
    highs.setSolution(len(start), np.arange(len(start), dtype=np.int32), start)
    highs.run()
    info, status = highs.getInfo(), highs.getModelStatus()
    if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
        inside = np.asarray(highs.getSolution().col_value)[: len(free)] > 0.5  # noqa: PLR2004
        reached = base + float(weight[np.asarray(matrix @ inside.astype(np.int32)) > 0].sum())
        if reached > value and problem.limits.cost[free][inside].sum() <= _left_over(
            problem, state
        ):
            best = state == IN
            best[free[inside]] = True
            value = reached
    proven = (
        status == highspy.HighsModelStatus.kOptimal
        and base - info.mip_dual_bound < value + problem.step * (1 - 1e-4)
    )
    log.info(
        "branch and cut: %d options, %d rows, %d nodes, %s, value %.10g",
        len(free),
        rows,
        info.mip_node_count,
        "proven" if proven else "open",
        value,
    )
    return best, value, proven


def _left(
    problem: Problem, state: npt.NDArray[np.int8], free: npt.NDArray[np.intp]
) -> tuple[sp.csr_array, npt.NDArray[np.float64], float]:
    """Return the rows the undecided options differ in, their weights, and the weight served."""
    cover = problem.cover
    shape = (len(cover.weight), len(state))
    entries = np.ones(len(cover.row_col), dtype=bool)
    whole = sp.csr_array((entries, cover.row_col, cover.row_ptr), shape=shape)
    served = np.asarray(whole @ (state == IN).astype(np.int32)) > 0
    some = np.flatnonzero(~served & (cover.weight > 0))
    matrix = sp.csr_array(sp.csr_array(whole[some])[:, free])
    matrix.sort_indices()
    groups = merge_rows(matrix)
    weight = sum_by_group(groups, cover.weight[some])
    return merged_cover(matrix, groups), weight, float(cover.weight[served].sum())


def _left_over(problem: Problem, state: npt.NDArray[np.int8]) -> float:
    """Return what the options that are in leave of p or of the budget."""
    limits = problem.limits
    return limits.limit * (1 + 1e-12) - float(limits.cost[state == IN].sum())


def _programme(  # noqa: PLR0917 - the parts of one programme
    problem: Problem,
    state: npt.NDArray[np.int8],
    free: npt.NDArray[np.intp],
    matrix: sp.csr_array,
    weight: npt.NDArray[np.float64],
    clock: Clock,
) -> highspy.Highs:
    """Return HiGHS with ``max w z``, ``z <= A y`` and the limit, as a minimisation."""
    rows, options = matrix.shape
    cost = sp.csr_array(problem.limits.cost[free][None, :])
    covered = sp.hstack([-matrix.astype(np.float64), sp.eye_array(rows, format="csr")])
    limited = sp.hstack([cost, sp.csr_array((1, rows))])
    table = sp.csr_array(sp.vstack([covered, limited], format="csr"))
    upper = np.zeros(rows + 1)
    upper[rows] = _left_over(problem, state)
    highs = new_highs(
        clock,
        {
            "mip_abs_gap": 0.999 * problem.step,
            "mip_max_nodes": MOST_NODES,
            # HiGHS 1.15 may restart from a given answer and then take a worse one for the best
            "mip_allow_restart": False,
        },
    )
    pass_programme(
        highs,
        np.concatenate([np.zeros(options), -weight]),
        table,
        np.full(rows + 1, -np.inf),
        upper,
        np.ones(options + rows),
        np.arange(options + rows) < options,
    )
    return highs
