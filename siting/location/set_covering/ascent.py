"""Lagrangian prices of covering problems: subgradient steps and safe bounds, compiled.

For prices ``u >= 0`` the bound is ``sum_i need_i u_i + sum_j min(0, f_j - sum_i a_ij u_i)``.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917, C901, PLR0912, PLR2004
# Compiled functions take plain arrays; numba infers their types. A loop over
# nodes or steps is one function, because its scratch arrays and counters all change together.

from __future__ import annotations

import numpy as np
from numba import njit

#: A bound is lowered by this share of the sum of its absolute terms, far above any rounding.
SAFETY = 2.0**-38
#: Steps without a better bound after which the steps become shorter.
PATIENCE = 20.0


@njit(cache=True, nogil=True)
def first_prices(row_ptr, row_cols, col_ptr, cost):
    """Return prices that share each column's cost among its rows, the least share per row."""
    u = np.zeros(len(row_ptr) - 1)
    for i in range(len(u)):
        least = np.inf
        for e in range(row_ptr[i], row_ptr[i + 1]):
            j = row_cols[e]
            least = min(least, cost[j] / (col_ptr[j + 1] - col_ptr[j]))
        u[i] = least
    return u


@njit(cache=True, nogil=True)
def reduced_costs(col_ptr, col_rows, cost, u, rc):
    """Write the reduced costs at prices `u`."""
    for j in range(len(cost)):
        total = cost[j]
        for e in range(col_ptr[j], col_ptr[j + 1]):
            total -= u[col_rows[e]]
        rc[j] = total


@njit(cache=True, nogil=True)
def safe_bound(col_ptr, col_rows, cost, need, u):
    """Return the bound at prices `u`, rounded down beyond any rounding error."""
    bound = 0.0
    terms = 0.0
    for i in range(len(need)):
        bound += need[i] * u[i]
    terms += bound
    for j in range(len(cost)):
        total = cost[j]
        size = abs(cost[j])
        for e in range(col_ptr[j], col_ptr[j + 1]):
            total -= u[col_rows[e]]
            size += u[col_rows[e]]
        terms += size
        if total < 0.0:
            bound += total
    return bound - SAFETY * terms


@njit(cache=True, nogil=True)
def ascend(
    row_ptr, row_cols, col_ptr, col_rows, cost, need, u, best_u, x, state, upper, target, steps
):
    """Take subgradient steps from prices `u`.

    `state` holds (best bound, step scale, bound that counts as progress, steps since progress,
    steps without progress after which the scale shrinks); `x` is the running average of the relaxed
    choice. Ends early when the bound exceeds `target` or the scale has died. Returns the number of
    steps taken.
    """
    rows = len(need)
    columns = len(cost)
    rc = np.empty(columns)
    short = np.empty(rows, dtype=np.float64)
    last = np.zeros(rows)
    for step in range(steps):
        if step % 100 == 0:
            reduced_costs(col_ptr, col_rows, cost, u, rc)
        bound = 0.0
        for i in range(rows):
            bound += need[i] * u[i]
            short[i] = need[i]
        for j in range(columns):
            if rc[j] < 0.0:
                bound += rc[j]
                for e in range(col_ptr[j], col_ptr[j + 1]):
                    short[col_rows[e]] -= 1.0
                x[j] += 0.05 * (1.0 - x[j])
            else:
                x[j] *= 0.95
        if bound > state[0]:
            state[0] = bound
            best_u[:] = u
            if bound > target:
                return step + 1
        _tune(state, bound)
        if state[1] < 1e-3:
            return step + 1
        norm = 0.0
        for i in range(rows):
            d = short[i] + 0.3 * last[i]
            if u[i] <= 0.0 and d < 0.0:
                d = 0.0
            last[i] = d
            norm += d * d
        if norm < 1e-12:
            return step + 1
        length = state[1] * max(upper - bound, 1e-3 * abs(upper)) / norm
        for i in range(rows):
            if last[i] == 0.0:
                continue
            new = max(0.0, u[i] + length * last[i])
            change = new - u[i]
            if change != 0.0:
                u[i] = new
                for e in range(row_ptr[i], row_ptr[i + 1]):
                    rc[row_cols[e]] -= change
    return steps


@njit(cache=True, nogil=True)
def _tune(state, bound):
    """Shorten the steps when the bound has not risen for a while."""
    if bound > state[2] + 1e-5 * abs(state[2]):
        state[2] = bound
        state[3] = 0.0
        return
    state[3] += 1.0
    if state[3] >= state[4]:
        state[1] *= 0.7
        state[3] = 0.0
        state[2] = state[0]
