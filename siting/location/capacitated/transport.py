"""Cheapest service of all demand by a given set of sites: a transportation problem, compiled.

Every demand point starts at its cheapest site; then the excess of each site is sent along shortest
paths in the graph of sites, in which a step from a to b moves the demand point of a that b serves
at least extra cost. Site prices keep all reduced costs non-negative (successive shortest paths).

References
----------
Tomizawa (1971), On some techniques useful for solution of transportation network problems,
Networks 1(2). doi:10.1002/net.3230010206
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit

#: Amounts below this share of the whole demand count as nothing.
NOTHING = 1e-13


@njit(cache=True, nogil=True)
def _refresh(a, cost, flow, step, mover):
    """Find anew, for site a, what moving a demand point to each other site costs."""
    k, n = cost.shape
    for b in range(k):
        step[a, b], mover[a, b] = np.inf, -1
    for i in range(n):
        if flow[a, i] > 0.0:
            here = cost[a, i]
            for b in range(k):
                extra = cost[b, i] - here
                if extra < step[a, b]:
                    step[a, b], mover[a, b] = extra, i


@njit(cache=True, nogil=True)
def _nearest_room(source, step, price, load, capacity, nothing, distance, before):
    """Dijkstra from an overloaded site to the nearest with room; -1 when there is none."""
    k = len(price)
    done = np.zeros(k, dtype=np.bool_)
    for a in range(k):
        distance[a], before[a] = np.inf, -1
    distance[source] = 0.0
    while True:
        a, least = -1, np.inf
        for b in range(k):
            if not done[b] and distance[b] < least:
                a, least = b, distance[b]
        if a < 0:
            return -1
        if a != source and load[a] < capacity[a] - nothing:
            return a
        done[a] = True
        for b in range(k):
            if not done[b] and step[a, b] < np.inf:
                length = least + max(0.0, step[a, b] + price[b] - price[a])
                if length < distance[b]:
                    distance[b], before[b] = length, a


@njit(cache=True, nogil=True)
def transport(cost, weight, capacity, flow, price):
    """Serve all demand at least cost.

    Parameters
    ----------
    cost
        Cost of a unit of demand i from site a, (sites, n); infinite where it cannot.
    weight, capacity
        Demand (n,) and capacities (sites,).
    flow
        Becomes the amounts, (sites, n).
    price
        Becomes the price of a unit of each capacity, (sites,).

    Returns
    -------
    float
        The cost; infinite when not all demand can be served.
    """
    k, n = cost.shape
    load = np.zeros(k)
    if not _cheapest(cost, weight, flow, load):
        return np.inf
    price[:] = 0.0
    nothing = NOTHING * load.sum()
    step, mover = np.empty((k, k)), np.empty((k, k), dtype=np.int32)
    distance, before = np.empty(k), np.empty(k, dtype=np.int32)
    if (load > capacity + nothing).any():
        for a in range(k):
            _refresh(a, cost, flow, step, mover)
    for source in range(k):
        while load[source] > capacity[source] + nothing:
            end = _nearest_room(source, step, price, load, capacity, nothing, distance, before)
            if end < 0:
                return np.inf
            for a in range(k):
                price[a] += max(0.0, distance[end] - distance[a])
            most = min(load[source] - capacity[source], capacity[end] - load[end])
            amount = _send(source, end, most, before, cost, flow, step, mover, nothing)
            load[source] -= amount
            load[end] += amount
    value = 0.0
    for a in range(k):
        for i in range(n):
            if flow[a, i] > 0.0:
                value += flow[a, i] * cost[a, i]
    return value


@njit(cache=True, nogil=True)
def _cheapest(cost, weight, flow, load):
    """Serve all demand where it is cheapest; tell whether every point has a site."""
    k, n = cost.shape
    flow[:] = 0.0
    for i in range(n):
        best, least = -1, np.inf
        for a in range(k):
            if cost[a, i] < least:
                best, least = a, cost[a, i]
        if best < 0:
            return False
        if weight[i] > 0.0:
            flow[best, i] = weight[i]
            load[best] += weight[i]
    return True


@njit(cache=True, nogil=True)
def _send(source, end, most, before, cost, flow, step, mover, nothing):
    """Send at most an amount along the path found; return how much went."""
    amount, b = most, end
    while b != source:
        a = before[b]
        amount = min(amount, flow[a, mover[a, b]])
        b = a
    b = end
    while b != source:
        a = before[b]
        _move(a, b, mover[a, b], amount, cost, flow, step, mover, nothing)
        b = a
    b = end
    while b != source:
        b = before[b]
        _repair(b, cost, flow, step, mover)
    return amount


@njit(cache=True, nogil=True)
def _move(a, b, i, amount, cost, flow, step, mover, nothing):
    """Move an amount of demand i from site a to site b."""
    flow[a, i] -= amount
    if flow[a, i] <= nothing:
        flow[b, i] += flow[a, i]
        flow[a, i] = 0.0
    flow[b, i] += amount
    for c in range(len(step)):
        extra = cost[c, i] - cost[b, i]
        if extra < step[b, c]:
            step[b, c], mover[b, c] = extra, i


@njit(cache=True, nogil=True)
def _repair(a, cost, flow, step, mover):
    """Renew the steps of a site whose demand point has left it."""
    for b in range(len(step)):
        if mover[a, b] >= 0 and flow[a, mover[a, b]] <= 0.0:
            _refresh(np.int64(a), cost, flow, step, mover)
            return


@njit(cache=True, nogil=True)
def demand_prices(cost, price, u):
    """Set ``u_i``, the least of ``cost + price`` over the sites."""
    k, n = cost.shape
    for i in range(n):
        least = np.inf
        for a in range(k):
            least = min(least, cost[a, i] + price[a])
        u[i] = least
