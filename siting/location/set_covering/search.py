"""Covers by greedy choice at prices and by a local search that weighs rows, compiled.

The local search keeps a choice cheaper than the best cover known. Each step gives one column up,
takes one for a row that is short, and makes the rows that stay short weigh more.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917, C901, PLR0912, PLR0915
# Compiled functions take plain arrays; numba infers their types. A loop over
# nodes or steps is one function, because its scratch arrays and counters all change together.

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def greedy(row_ptr, row_cols, col_ptr, col_rows, cost, need, u, chosen):
    """Complete `chosen` (flags) to a cover: cheapest at prices `u` first; drop what is idle.

    Returns the cost, infinite when a row cannot be covered.
    """
    rows, columns = len(need), len(cost)
    short = need.copy()
    gain = np.zeros(columns, dtype=np.int32)
    rest = np.empty(columns)
    for j in range(columns):
        rest[j] = cost[j]
        gain[j] = col_ptr[j + 1] - col_ptr[j]
        for e in range(col_ptr[j], col_ptr[j + 1]):
            rest[j] -= u[col_rows[e]]
    left = 0
    for i in range(rows):
        left += need[i]
    pick = np.int64(-1)
    for j in range(columns):
        if chosen[j]:
            left -= _take(row_ptr, row_cols, col_ptr, col_rows, u, short, gain, rest, j)
    while left > 0:
        pick = np.int64(-1)
        best = np.inf
        for j in range(columns):
            if gain[j] > 0 and not chosen[j]:
                score = rest[j] / gain[j] if rest[j] > 0.0 else rest[j] * gain[j]
                if score < best:
                    best = score
                    pick = j
        if pick < 0:
            return np.inf
        chosen[pick] = True
        left -= _take(row_ptr, row_cols, col_ptr, col_rows, u, short, gain, rest, pick)
    return prune(col_ptr, col_rows, cost, short, chosen)


@njit(cache=True, nogil=True)
def _take(row_ptr, row_cols, col_ptr, col_rows, u, short, gain, rest, j):
    """Count column j in; returns how much shortage it removes."""
    served = 0
    for e in range(col_ptr[j], col_ptr[j + 1]):
        i = col_rows[e]
        short[i] -= 1
        if short[i] >= 0:
            served += 1
        if short[i] == 0:
            for f in range(row_ptr[i], row_ptr[i + 1]):
                gain[row_cols[f]] -= 1
                rest[row_cols[f]] += u[i]
    return served


@njit(cache=True, nogil=True)
def prune(col_ptr, col_rows, cost, short, chosen):
    """Give up idle columns of a cover, dearest first; returns the cost left.

    `short` is the shortage of each row, 0 or less.
    """
    while True:
        pick = np.int64(-1)
        for j in range(len(cost)):
            if chosen[j] and (pick < 0 or cost[j] > cost[pick]):
                idle = True
                for e in range(col_ptr[j], col_ptr[j + 1]):
                    if short[col_rows[e]] >= 0:
                        idle = False
                        break
                if idle:
                    pick = j
        if pick < 0:
            break
        chosen[pick] = False
        for e in range(col_ptr[pick], col_ptr[pick + 1]):
            short[col_rows[e]] += 1
    total = 0.0
    for j in range(len(cost)):
        if chosen[j]:
            total += cost[j]
    return total


@njit(cache=True, nogil=True)
def _random(seed):
    """Return the next of a xorshift sequence of 64-bit numbers."""
    z = seed[0]
    z ^= z << np.uint64(13)
    z ^= z >> np.uint64(7)
    z ^= z << np.uint64(17)
    seed[0] = z
    return z


@njit(cache=True, nogil=True)
def _flip(row_ptr, row_cols, col_ptr, col_rows, need, weight, count, score, inside, active, j):
    """Take column j in, or give it up, and keep the scores of all columns right.

    A score is the weight of the shortage a column would remove (outside) or cause (inside).
    """
    entering = not inside[j]
    inside[j] = entering
    score[j] = 0.0
    for e in range(col_ptr[j], col_ptr[j + 1]):
        i = col_rows[e]
        w = weight[i]
        before = count[i]
        if entering:
            count[i] = before + 1
            if before + 1 <= need[i]:
                score[j] += w
            if before + 1 == need[i]:  # no longer short: those outside gain nothing here
                for f in range(row_ptr[i], row_ptr[i + 1]):
                    c = row_cols[f]
                    if not inside[c]:
                        score[c] -= w
            elif before == need[i]:  # those inside are no longer critical
                for f in range(row_ptr[i], row_ptr[i + 1]):
                    c = row_cols[f]
                    if inside[c] and c != j:
                        score[c] -= w
        else:
            count[i] = before - 1
            if before - 1 < need[i]:
                score[j] += w
            if before == need[i]:  # becomes short
                for f in range(row_ptr[i], row_ptr[i + 1]):
                    c = row_cols[f]
                    if not inside[c] and c != j:
                        score[c] += w
            elif before - 1 == need[i]:  # those inside become critical
                for f in range(row_ptr[i], row_ptr[i + 1]):
                    c = row_cols[f]
                    if inside[c]:
                        score[c] += w
        for f in range(row_ptr[i], row_ptr[i + 1]):
            active[row_cols[f]] = True


@njit(cache=True, nogil=True)
def weigh(
    row_ptr, row_cols, col_ptr, col_rows, cost, need, weight, stamp, inside, best, seed, limits,
    steps,
):  # fmt: skip
    """Search for cheaper covers for `steps` steps.

    `inside` is the current choice (flags) and `best` the best cover; `weight` (rows), `stamp`
    (columns, when each last moved) and `seed` go on from call to call. `limits` holds (cost of
    `best`, least improvement, cost at which to stop, step number). Returns the steps taken.
    """
    rows, columns = len(need), len(cost)
    count = np.zeros(rows, dtype=np.int32)
    score = np.zeros(columns)
    active = np.ones(columns, dtype=np.bool_)
    members = np.empty(columns, dtype=np.int32)
    place = np.full(columns, -1, dtype=np.int32)
    size = 0
    total = 0.0
    for j in range(columns):
        if inside[j]:
            members[size] = j
            place[j] = size
            size += 1
            total += cost[j]
            for e in range(col_ptr[j], col_ptr[j + 1]):
                count[col_rows[e]] += 1
    lacking = np.empty(rows, dtype=np.int32)
    where = np.full(rows, -1, dtype=np.int32)
    missing = 0
    for i in range(rows):
        if count[i] < need[i]:
            where[i] = missing
            lacking[missing] = i
            missing += 1
        for e in range(row_ptr[i], row_ptr[i + 1]):
            c = row_cols[e]
            if (inside[c] and count[i] <= need[i]) or (not inside[c] and count[i] < need[i]):
                score[c] += weight[i]
    last_in = -1
    done = 0
    while done < steps:
        done += 1
        limits[3] += 1.0
        if missing == 0 and total < limits[0]:
            limits[0] = total
            best[:] = inside
            if total <= limits[2]:
                return done
        # give up: until the choice could still become a better cover
        rounds = 0
        while size > 0 and (missing == 0 or rounds == 0 or total > limits[0] - limits[1]):
            pick = np.int64(-1)
            low = np.inf
            for t in range(size):
                c = members[t]
                if c == last_in and size > 1:
                    continue
                value = score[c] / cost[c]
                if value < low or (value == low and stamp[c] < stamp[pick]):
                    low = value
                    pick = c
            _flip(
                row_ptr, row_cols, col_ptr, col_rows, need, weight, count, score, inside, active,
                pick,
            )  # fmt: skip
            active[pick] = False
            stamp[pick] = limits[3]
            total -= cost[pick]
            size -= 1
            members[place[pick]] = members[size]
            place[members[size]] = place[pick]
            for e in range(col_ptr[pick], col_ptr[pick + 1]):
                i = col_rows[e]
                if count[i] < need[i] and where[i] < 0:
                    where[i] = missing
                    lacking[missing] = i
                    missing += 1
            rounds += 1
            if missing == 0 and total < limits[0]:
                limits[0] = total
                best[:] = inside
                if total <= limits[2]:
                    return done
        # take columns for short rows as long as the choice stays cheaper than the best cover
        last_in = -1
        while missing > 0:
            row = lacking[np.int64(_random(seed) % np.uint64(missing))]
            pick = np.int64(-1)
            high = -1.0
            for e in range(row_ptr[row], row_ptr[row + 1]):
                c = row_cols[e]
                if inside[c] or not active[c] or total + cost[c] > limits[0] - limits[1]:
                    continue
                value = score[c] / cost[c]
                if value > high or (value == high and stamp[c] < stamp[pick]):
                    high = value
                    pick = c
            if pick < 0:
                break
            _flip(
                row_ptr, row_cols, col_ptr, col_rows, need, weight, count, score, inside, active,
                pick,
            )  # fmt: skip
            stamp[pick] = limits[3]
            last_in = pick
            total += cost[pick]
            members[size] = pick
            place[pick] = size
            size += 1
            for e in range(col_ptr[pick], col_ptr[pick + 1]):
                i = col_rows[e]
                if count[i] >= need[i] and where[i] >= 0:
                    missing -= 1
                    lacking[where[i]] = lacking[missing]
                    where[lacking[missing]] = where[i]
                    where[i] = -1
        for t in range(missing):
            i = lacking[t]
            weight[i] += 1.0
            for e in range(row_ptr[i], row_ptr[i + 1]):
                c = row_cols[e]
                score[c] += 1.0  # a short row's columns: outside to gain, inside to lose
    return done
