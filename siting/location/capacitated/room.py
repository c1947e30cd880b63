"""The cheapest options whose capacities together hold all demand, compiled.

``min sum_j reduced_j y_j,  sum_j c_j y_j >= W,  y binary``: a covering knapsack by dynamic
programming over the capacity, in whole pieces. It says what the knapsacks of single options cannot:
how many must open.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _chain(reduced, flag, piece, need, way, table):
    """Fill ``table[k, r]``, what r pieces or more cost by the first k options, or the last."""
    m = len(piece)
    table[0, :] = np.inf
    table[0, 0] = 0.0
    for k in range(m):
        j = k if way > 0 else m - 1 - k
        cost, amount = reduced[j], piece[j]
        for r in range(need + 1):
            best = table[k, r] if flag[j] <= 0 else np.inf
            if flag[j] >= 0:
                best = min(best, table[k, max(0, r - amount)] + cost)
            table[k + 1, r] = best


@njit(cache=True, nogil=True)
def hold(reduced, flag, piece, need, table, chosen):
    """Choose the cheapest options that hold all demand; return their cost, infinite if none do.

    Parameters
    ----------
    reduced, flag, piece
        Costs, decisions and capacities in pieces, (m,).
    need
        Pieces of all demand.
    table
        Room to work in, (m + 1, need + 1).
    chosen
        Becomes 1 for what is chosen and 0 for the rest, (m,).
    """
    m = len(piece)
    _chain(reduced, flag, piece, need, np.int64(1), table)
    r = need
    for j in range(m - 1, -1, -1):
        chosen[j] = 0.0
        with_it = np.inf
        if flag[j] >= 0:
            with_it = table[j, max(0, r - piece[j])] + reduced[j]
        if flag[j] > 0 or (flag[j] == 0 and with_it < table[j, r]):
            chosen[j] = 1.0
            r = max(0, r - piece[j])
    return table[m, need]


@njit(cache=True, nogil=True)
def _hold_each(reduced, flag, piece, need, inside, outside):
    """Set what the cheapest choice costs with each option chosen, and with it left out."""
    m = len(piece)
    ahead, behind = np.empty((m + 1, need + 1)), np.empty((m + 1, need + 1))
    _chain(reduced, flag, piece, need, np.int64(1), ahead)
    _chain(reduced, flag, piece, need, np.int64(-1), behind)
    for j in range(m):
        rest = max(0, need - piece[j])
        inside[j], outside[j] = np.inf, np.inf
        if flag[j] >= 0:
            for r in range(rest + 1):
                inside[j] = min(inside[j], ahead[j, r] + behind[m - 1 - j, rest - r])
            inside[j] += reduced[j]
        if flag[j] <= 0:
            for r in range(need + 1):
                outside[j] = min(outside[j], ahead[j, r] + behind[m - 1 - j, need - r])


@njit(cache=True, nogil=True)
def hold_lifts(reduced, flag, piece, need, chosen, lift):
    """Return what :func:`hold` does, and set what deciding each free option otherwise adds."""
    m = len(piece)
    part = hold(reduced, flag, piece, need, np.empty((m + 1, need + 1)), chosen)
    inside, outside = np.empty(m), np.empty(m)
    _hold_each(reduced, flag, piece, need, inside, outside)
    for j in range(m):
        if flag[j] == 0:
            lift[j] = (outside[j] if chosen[j] > 0.0 else inside[j]) - part
    return part
