"""What each option would serve at given prices: a continuous knapsack for each, compiled."""

# ruff: noqa: ANN001, ANN201, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def fill(value, weight, count, room):
    """Return the least ``sum value_i weight_i x_i`` over ``sum weight x <= room, 0 <= x <= 1``.

    All values are negative. Also returns the value at which the room ends and the share taken of
    the items of that value; both arrays are permuted.
    """
    total = 0.0
    worth = 0.0
    least = 0.0
    for q in range(count):
        total += weight[q]
        worth += weight[q] * value[q]
        least = min(least, value[q])
    if total <= room:
        return worth, 0.0, 1.0
    if room <= 0.0:
        return 0.0, least, 0.0
    low, high, need, worth = 0, count, room, 0.0
    while True:
        a, b, c = value[low], value[(low + high) // 2], value[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        left, right, q = low, high, low
        below, equal, gain = 0.0, 0.0, 0.0
        while q < right:
            v, w = value[q], weight[q]
            if v < pivot:
                value[q], weight[q] = value[left], weight[left]
                value[left], weight[left] = v, w
                below += w
                gain += w * v
                left += 1
                q += 1
            elif v > pivot:
                right -= 1
                value[q], weight[q] = value[right], weight[right]
                value[right], weight[right] = v, w
            else:
                equal += w
                q += 1
        if below > need:
            high = left
        elif below + equal >= need or right >= high:
            part = need - below
            share = min(1.0, part / equal) if equal > 0 else 0.0
            return worth + gain + pivot * min(part, equal), pivot, share
        else:
            need -= below + equal
            worth += gain + pivot * equal
            low = right


@njit(cache=True, nogil=True)
def reduced_costs(u, flag, weight, capacity, base, arcs, reduced, edge, share):
    """Set ``base_j + V_j(u)`` of every option that is not left out, and where its room ends."""
    start, row, unit = arcs
    longest = 1
    for j in range(len(capacity)):
        longest = max(longest, start[j + 1] - start[j])
    value, size = np.empty(longest), np.empty(longest)
    for j in range(len(capacity)):
        edge[j], share[j], reduced[j] = 0.0, 1.0, base[j]
        if flag[j] < 0:
            continue
        count = np.int64(0)
        for q in range(start[j], start[j + 1]):
            i = row[q]
            e = unit[q] - u[i]
            if e < 0.0:
                value[count], size[count] = e, weight[i]
                count += 1
        worth, edge[j], share[j] = fill(value, size, count, capacity[j])
        reduced[j] += worth


@njit(cache=True, nogil=True)
def supply(u, chosen, edge, share, arcs, cover):
    """Add to `cover` the share of each demand point that the chosen options would serve."""
    start, row, unit = arcs
    for j in range(len(chosen)):
        if chosen[j] <= 0.0:
            continue
        for q in range(start[j], start[j + 1]):
            i = row[q]
            e = unit[q] - u[i]
            if e < edge[j] and e < 0.0:
                cover[i] += chosen[j]
            elif e == edge[j] and e < 0.0:
                cover[i] += chosen[j] * share[j]
