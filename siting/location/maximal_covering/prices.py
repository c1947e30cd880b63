"""Prices of demand that prove how much can be served at most: a Lagrangian bound.

Notes
-----
With prices ``0 <= u_i <= w_i / k_i`` of the rows, ``lam >= 0`` of the limit L and ``nu_q >= 0`` of
the conflicts,

    ``sum_i (w_i - k_i u_i) + lam L + sum_q nu_q + best(c)``,
    ``c_o = sum_i a_io u_i - lam f_o - sum_{q of o} nu_q``,

is no less than any value, where ``best`` adds up positive terms site by site. Prices follow a
subgradient that is smoothed as in the volume algorithm; the same smoothing of the inner choices
estimates the optimum of the linear relaxation.

References
----------
Barahona, Anbil (2000), The volume algorithm: producing primal solutions with a subgradient method,
Mathematical Programming 87. doi:10.1007/s101070050002
"""

# ruff: noqa: ANN001, ANN201, ANN202, C901, PLR0912, PLR0915, PLR0917
# Compiled functions take plain arrays, numba infers their types; one pass is one function.

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.maximal_covering.choice import best_at_site, choose

#: Share of the newest subgradient in the smoothed one.
SMOOTHING = 0.1
#: Step sizes below this end the ascent.
LEAST_STEP = 2e-3
#: Relative error of a bound made of float64 sums, with room for a check that is tighter.
MARGIN = 2.0**-37


class Part(NamedTuple):
    """What is left of a problem when some options are decided.

    ``row`` are the rows still open, ``most`` their greatest prices, ``missing`` how many more
    options each needs; ``option`` the free options and ``ptr, entry`` the open rows of each (local
    numbers); ``pair`` the conflicts between free options; ``served`` the weight of rows served for
    certain, ``left`` what is left of the limit.
    """

    row: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float64]
    most: npt.NDArray[np.float64]
    missing: npt.NDArray[np.float64]
    option: npt.NDArray[np.int32]
    ptr: npt.NDArray[np.int32]
    entry: npt.NDArray[np.int32]
    pair: npt.NDArray[np.int32]
    served: float
    left: float


@njit(cache=True, nogil=True)
def restrict(cover, limits, state):
    """Return what is left when the options of `state` are decided."""
    rows, columns = len(cover.weight), len(state)
    have = np.zeros(rows, dtype=np.int32)
    could = np.zeros(rows, dtype=np.int32)
    left = limits.limit
    opened = np.zeros(len(limits.opening), dtype=np.bool_)
    free, size = 0, 0
    for o in range(columns):
        if state[o] < 0:
            continue
        if state[o] == 0:
            free += 1
            size += cover.col_ptr[o + 1] - cover.col_ptr[o]
        else:
            left -= limits.cost[o]
            if not opened[limits.site[o]]:
                opened[limits.site[o]] = True
                left -= limits.opening[limits.site[o]]
        for at in range(cover.col_ptr[o], cover.col_ptr[o + 1]):
            could[cover.col_row[at]] += 1
            have[cover.col_row[at]] += state[o]
    local = np.full(rows, -1, dtype=np.int32)
    row = np.empty(rows, dtype=np.int32)
    count, served = 0, 0.0
    for i in range(rows):
        need = cover.need[i]
        if have[i] >= need:
            served += cover.weight[i]
        elif could[i] >= need and cover.weight[i] > 0:
            local[i] = count
            row[count] = i
            count += 1
    row = row[:count].copy()
    weight, most, missing = np.empty(count), np.empty(count), np.empty(count)
    for k in range(count):
        i = row[k]
        weight[k] = cover.weight[i]
        most[k] = cover.weight[i] / cover.need[i]
        missing[k] = cover.need[i] - have[i]
    option = np.empty(free, dtype=np.int32)
    ptr = np.zeros(free + 1, dtype=np.int32)
    entry = np.empty(size, dtype=np.int32)
    free, size = 0, 0
    for o in range(columns):
        if state[o] == 0:
            for at in range(cover.col_ptr[o], cover.col_ptr[o + 1]):
                k = local[cover.col_row[at]]
                if k >= 0:
                    entry[size] = k
                    size += 1
            option[free] = o
            free += 1
            ptr[free] = size
    pair = np.empty(len(limits.pair), dtype=np.int32)
    count = 0
    for q in range(len(limits.pair)):
        if state[limits.pair[q, 0]] == 0 and state[limits.pair[q, 1]] == 0:
            pair[count] = q
            count += 1
    return Part(
        row, weight, most, missing, option, ptr, entry[:size], pair[:count].copy(), served, left
    )


@njit(cache=True, nogil=True)
def _worths(part, limits, u, nu, worth):
    """Fill in what each free option is worth at the prices."""
    for place in range(len(part.option)):
        total = 0.0
        for at in range(part.ptr[place], part.ptr[place + 1]):
            total += u[part.entry[at]]
        worth[part.option[place]] = total
    for k in range(len(part.pair)):
        q = part.pair[k]
        worth[limits.pair[q, 0]] -= nu[q]
        worth[limits.pair[q, 1]] -= nu[q]


@njit(cache=True, nogil=True)
def ascend(part, limits, state, u, nu, best_u, best_nu, average, target, memory, steps, patience):
    """Move prices by some subgradient steps; return the best bound so far, in exact arithmetic.

    `u` (local rows) and `nu` (all conflicts) move; `best_u`, `best_nu` are those of the best bound;
    `average` (m,) the smoothed choice; `target` the value aimed at. `memory` (rows + conflicts + 3)
    keeps the step size, the best bound and the steps since, and the smoothed subgradient; all zero
    to begin with but the step size, which is halved after `patience` steps in vain. The ascent
    ends when the bound is at most the target, or when the step size is too small (then it is 0).
    """
    rows, pairs = len(part.row), len(part.pair)
    worth, taken = np.zeros(len(state)), np.zeros(len(state))
    slope = np.empty(rows + pairs)
    if memory[1] == 0.0:
        memory[1] = np.inf
    smooth = memory[3:]
    fresh = memory[1] == np.inf
    for _ in range(steps):
        _worths(part, limits, u, nu, worth)
        choose(limits, worth, state, part.option, part.left, taken)
        value = part.served
        for k in range(rows):
            value += part.weight[k] - part.missing[k] * u[k]
            slope[k] = -part.missing[k]
        for place in range(len(part.option)):
            share = taken[part.option[place]]
            if share > 0.0:
                value += share * worth[part.option[place]]
                for at in range(part.ptr[place], part.ptr[place + 1]):
                    slope[part.entry[at]] += share
        for k in range(pairs):
            q = part.pair[k]
            value += nu[q]
            slope[rows + k] = 1.0 - taken[limits.pair[q, 0]] - taken[limits.pair[q, 1]]
        memory[2] += 1.0
        if value < memory[1] - 1e-7 * abs(value):
            memory[2] = 0.0
        if value < memory[1]:
            memory[1] = value
            best_u[:] = u
            best_nu[:] = nu
        if memory[1] <= target:
            break
        if memory[2] >= patience:
            memory[0] *= 0.5
            memory[2] = 0.0
            fresh = True
            u[:] = best_u
            nu[:] = best_nu
            if memory[0] < LEAST_STEP:
                memory[0] = 0.0
                break
        for place in range(len(part.option)):
            o = part.option[place]
            average[o] += SMOOTHING * (taken[o] - average[o])
        size = 0.0
        newest = 1.0 if fresh else SMOOTHING
        fresh = False
        for k in range(rows):
            push = slope[k]
            if (u[k] <= 0.0 and push > 0.0) or (u[k] >= part.most[k] and push < 0.0):
                push = 0.0
            smooth[k] += newest * (push - smooth[k])
            size += smooth[k] * smooth[k]
        for k in range(rows, rows + pairs):
            push = slope[k]
            if nu[part.pair[k - rows]] <= 0.0 and push > 0.0:
                push = 0.0
            smooth[k] += newest * (push - smooth[k])
            size += smooth[k] * smooth[k]
        if size <= 0.0:
            memory[0] = 0.0
            break
        step = memory[0] * (value - target) / size
        for k in range(rows):
            u[k] = min(max(u[k] - step * smooth[k], 0.0), part.most[k])
        for k in range(pairs):
            q = part.pair[k]
            nu[q] = max(nu[q] - step * smooth[rows + k], 0.0)
    return memory[1]


@njit(cache=True, nogil=True)
def settle(cover, part, limits, state, u, nu):
    """Return what prices prove, as a check will compute it, and what each flip would cost.

    `nu` is completed so that nothing that conflicts with an option that is in can help.

    Returns
    -------
    bound, lam : float
        The bound, rounded up, and the price of the limit.
    joined, left : numpy.ndarray
        How much lower the bound is with each free option in, and with it out, (m,).
    """
    columns = len(state)
    worth, taken = np.zeros(columns), np.zeros(columns)
    _worths(part, limits, u, nu, worth)
    lam = choose(limits, worth, state, part.option, part.left, taken)
    value, terms = part.served, part.served
    for k in range(len(part.row)):
        value += part.weight[k] - part.missing[k] * u[k]
        terms += part.weight[k] + (part.missing[k] + cover.need[part.row[k]]) * u[k]
    for at in range(len(part.entry)):
        terms += u[part.entry[at]]
    for k in range(len(part.pair)):
        value += nu[part.pair[k]]
        terms += 3.0 * nu[part.pair[k]]
    for o in range(columns):
        if state[o] == 1:
            for at in range(limits.rival_ptr[o], limits.rival_ptr[o + 1]):
                if state[limits.rival[at]] != 1:
                    terms += _silence(cover, limits, o, limits.rival[at], nu)
            terms += lam * (limits.cost[o] + limits.opening[limits.site[o]])
    value += lam * part.left
    terms += 2.0 * lam * limits.limit
    joined, left = np.zeros(columns), np.zeros(columns)
    if limits.grouped:
        for s in range(len(limits.most)):
            value += _site_flips(limits, worth, state, lam, s, joined, left)
    else:
        for place in range(len(part.option)):
            o = part.option[place]
            rest = worth[o] - lam * limits.cost[o]
            terms += lam * limits.cost[o]
            value += max(0.0, rest)
            joined[o], left[o] = max(0.0, -rest), max(0.0, rest)
    return value + MARGIN * terms, lam, joined, left


@njit(cache=True, nogil=True)
def _silence(cover, limits, inside, rival, nu):
    """Raise the price of a conflict so that the rival of an option that is in is worth nothing."""
    most = 0.0
    for at in range(cover.col_ptr[rival], cover.col_ptr[rival + 1]):
        i = cover.col_row[at]
        most += cover.weight[i] / cover.need[i]
    first, second = min(inside, rival), max(inside, rival)
    low, high = 0, len(limits.pair)
    while low < high:
        middle = (low + high) // 2
        one = limits.pair[middle, 0]
        if one < first or (one == first and limits.pair[middle, 1] < second):
            low = middle + 1
        else:
            high = middle
    nu[low] = most
    return 4.0 * most


@njit(cache=True, nogil=True)
def _site_flips(limits, worth, state, lam, s, joined, left):
    """Add up what a site is worth at best; fill in what flips at the site would cost."""
    _, value, _, open_before = best_at_site(limits, worth, state, lam, s)
    opening = 0.0 if open_before else lam * limits.opening[s]
    now = max(0.0, value - opening)
    for at in range(limits.site_ptr[s], limits.site_ptr[s + 1]):
        o = limits.site_option[at]
        if state[o] != 0:
            continue
        state[o] = -1
        _, without, _, _ = best_at_site(limits, worth, state, lam, s)
        state[o] = 1
        _, others, _, _ = best_at_site(limits, worth, state, lam, s)
        state[o] = 0
        left[o] = now - max(0.0, without - opening)
        joined[o] = now - (worth[o] - lam * limits.cost[o] + others - opening)
        room = limits.most[s]
        for other in range(limits.site_ptr[s], limits.site_ptr[s + 1]):
            room -= state[limits.site_option[other]] == 1
        if room <= 0:
            joined[o] = np.inf
    return now
