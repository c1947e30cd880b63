"""Most demand served by a given set of options: a maximum flow on the arcs, compiled.

The flow grows along shortest augmenting paths from demand that is not served whole. Options from
which nothing more can be reached are never entered again.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit

#: Amounts below this share of the whole demand count as nothing.
NOTHING = 1e-13


@njit(cache=True, nogil=True)
def serve_most(opened, weight, capacity, zone, needed, rows, amounts, served, load):
    """Serve as much as the open options can, beginning with the service there is.

    Parameters
    ----------
    opened
        Which options are open, (m,).
    weight, capacity, zone
        Demand and zone (n,), capacities (m,).
    needed
        Weight each zone needs, (zones,); a zone above its need may lose service to one below.
    rows
        ``(start, row, row_start, option, place)`` of the network.
    amounts, served, load
        Service by arc, by demand point and by option; on arcs of open options only.

    Returns
    -------
    float
        Weight served.
    """
    row_start, option, place = rows[2:]
    n, m = len(weight), len(capacity)
    total = 0.0
    for i in range(n):
        total += weight[i]
    nothing = NOTHING * total
    for i in range(n):
        while weight[i] - served[i] > nothing:
            best, most = -1, nothing
            for q in range(row_start[i], row_start[i + 1]):
                j = option[q]
                if opened[j] and capacity[j] - load[j] > most:
                    best, most = q, capacity[j] - load[j]
            if best < 0:
                break
            amount = min(most, weight[i] - served[i])
            amounts[place[best]] += amount
            served[i] += amount
            load[option[best]] += amount
    dead = np.zeros(m, dtype=np.bool_)
    mark = np.full(m, -1, dtype=np.int32)
    queue = (np.empty(m, np.int32), np.empty(m, np.int32), np.empty(m, np.int32),
             np.empty(m, np.int32))  # fmt: skip
    state = (amounts, served, load)
    facts = (weight, capacity, opened, zone, nothing)
    surplus = np.zeros(len(needed))
    for i in range(n):
        while weight[i] - served[i] > nothing:
            if (
                _augment(i, weight[i] - served[i], facts, rows, surplus, state, dead, mark, queue)
                <= 0.0
            ):
                break
    if needed.max() > 0.0:
        _exchange(needed, facts, rows, surplus, state, mark, queue)
    done = 0.0
    for i in range(n):
        done += served[i]
    return done


@njit(cache=True, nogil=True)
def _exchange(needed, facts, rows, surplus, state, mark, queue):
    """Move service from zones above their need to zones below it."""
    weight, capacity, _, zone, nothing = facts
    served = state[1]
    surplus[:] = -needed
    for i in range(len(weight)):
        surplus[zone[i]] += served[i]
    dead = np.zeros(len(capacity), dtype=np.bool_)
    for i in range(len(weight)):
        while surplus[zone[i]] < 0.0 and weight[i] - served[i] > nothing:
            most = min(-surplus[zone[i]], weight[i] - served[i])
            gained = _augment(i, most, facts, rows, surplus, state, dead, mark, queue)
            if gained <= 0.0:
                break
            surplus[zone[i]] += gained


@njit(cache=True, nogil=True)
def _augment(i, most, facts, rows, surplus, state, dead, mark, queue):
    """Serve up to `most` more of demand i along one path; return how much."""
    _, capacity, opened, zone, nothing = facts
    start, row, row_start, option, place = rows
    amounts, _, load = state
    number, before, taken, given = queue
    head, tail = np.int64(0), np.int64(0)
    found, loser = -1, -1
    for q in range(row_start[i], row_start[i + 1]):
        j = option[q]
        if opened[j] and not dead[j]:
            mark[j] = i
            number[tail], before[j], taken[j], given[j] = j, -1, -1, place[q]
            tail += 1
    while head < tail and found < 0:
        j = number[head]
        head += 1
        if capacity[j] - load[j] > nothing:
            found = j
            break
        for q in range(start[j], start[j + 1]):
            if amounts[q] <= nothing:
                continue
            if surplus[zone[row[q]]] > nothing:
                found, loser = j, q
                break
            tail = _reach(row[q], i, j, q, facts, rows, dead, mark, queue, tail)
    for q in range(tail):
        mark[number[q]] = -1
        if found < 0:
            dead[number[q]] = True
    return _send(i, found, loser, most, facts, row, surplus, state, queue) if found >= 0 else 0.0


@njit(cache=True, nogil=True)
def _reach(r, i, j, q, facts, rows, dead, mark, queue, tail):
    """Append the options that could take demand r over from option j, served on arc q."""
    opened = facts[2]
    row_start, option, place = rows[2:]
    number, before, taken, given = queue
    for p in range(row_start[r], row_start[r + 1]):
        h = option[p]
        if opened[h] and not dead[h] and mark[h] != i:
            mark[h] = i
            number[tail], before[h], taken[h], given[h] = h, j, q, place[p]
            tail += 1
    return tail


@njit(cache=True, nogil=True)
def _send(i, last, loser, most, facts, row, surplus, state, queue):
    """Send what the path to option `last` carries; `loser` is the arc that gives way, if any."""
    _, capacity, _, zone, _ = facts
    amounts, served, load = state
    _, before, taken, given = queue
    amount = most
    if loser >= 0:
        amount = min(amount, amounts[loser], surplus[zone[row[loser]]])
    else:
        amount = min(amount, capacity[last] - load[last])
    j = last
    while before[j] >= 0:
        amount = min(amount, amounts[taken[j]])
        j = before[j]
    if loser >= 0:
        amounts[loser] -= amount
        served[row[loser]] -= amount
        surplus[zone[row[loser]]] -= amount
    else:
        load[last] += amount
    j = last
    while True:
        amounts[given[j]] += amount
        if before[j] < 0:
            break
        amounts[taken[j]] -= amount
        j = before[j]
    served[i] += amount
    return amount


@njit(cache=True, nogil=True)
def cut_prices(opened, weight, needed, zone, rows, amounts, served, price):
    """Set ``price_i`` to 1 where one unit more of room would serve more of what is missing, else 0.

    These are the prices of a minimum cut: what can be reached from demand that is missing.
    """
    start, row, row_start, option, _ = rows
    n, m = len(weight), len(opened)
    total = 0.0
    for i in range(n):
        total += weight[i]
    nothing = NOTHING * total
    missing = needed.copy()
    for i in range(n):
        missing[zone[i]] -= served[i]
    free = needed.max() <= 0.0
    queue, seen, tail = np.empty(n, np.int32), np.zeros(m, dtype=np.bool_), 0
    for i in range(n):
        price[i] = 0.0
        short = free or missing[zone[i]] > nothing
        if short and weight[i] - served[i] > nothing:
            price[i] = 1.0
            queue[tail] = i
            tail += 1
    head = 0
    while head < tail:
        i = queue[head]
        head += 1
        for p in range(row_start[i], row_start[i + 1]):
            j = option[p]
            if not opened[j] or seen[j]:
                continue
            seen[j] = True
            for q in range(start[j], start[j + 1]):
                r = row[q]
                if amounts[q] > nothing and price[r] == 0.0:
                    price[r] = 1.0
                    queue[tail] = r
                    tail += 1
    if not free:  # every point of a zone in want is worth as much as one that is reached
        for i in range(n):
            if missing[zone[i]] > nothing:
                price[i] = 1.0


@njit(cache=True, nogil=True)
def estimate(opened, weight, capacity, rows, amounts, gain, loss):
    """Estimate what each closed option would serve anew, and what closing each open one loses.

    A closed option gains the missing demand in its reach, up to its capacity; an open one loses the
    service that no neighbour with room could take over.
    """
    start, row, row_start, option, _ = rows
    n, m = len(weight), len(opened)
    served, load = np.zeros(n), np.zeros(m)
    for j in range(m):
        for q in range(start[j], start[j + 1]):
            served[row[q]] += amounts[q]
            load[j] += amounts[q]
    for j in range(m):
        gain[j], loss[j] = 0.0, 0.0
        for q in range(start[j], start[j + 1]):
            i = row[q]
            if not opened[j]:
                gain[j] += max(0.0, weight[i] - served[i])
            elif amounts[q] > 0.0:
                best = 0.0
                for p in range(row_start[i], row_start[i + 1]):
                    h = option[p]
                    if opened[h] and h != j:
                        best = max(best, capacity[h] - load[h])
                loss[j] += max(0.0, amounts[q] - best)
        gain[j] = min(gain[j], capacity[j])
