"""The inner problem of the prices: the best choice of options when demand has a price each."""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0912, PLR0917
# Compiled functions take plain arrays, numba infers their types; one pass is one function.

from __future__ import annotations

import numpy as np
from numba import njit

#: Halvings of the interval of the limit's price where options share sites.
_HALVINGS = 48


@njit(cache=True, nogil=True)
def choose(limits, worth, state, options, left, taken):
    """Choose options of greatest worth within what is left of the limit, in fractions.

    Parameters
    ----------
    limits
        The limits; rivals are not looked at.
    worth
        Worth of each option, (m,).
    state
        1 for options that are in, -1 for out, 0 for free, (m,).
    options
        The free options.
    left
        What the options that are in, and their sites, leave of the limit.
    taken
        Filled with how much of each free option is chosen.

    Returns
    -------
    float
        ``lam`` >= 0, the price of the limit.
    """
    if limits.even:
        return _by_number(worth, options, int(np.floor(left + 1e-9)), taken)
    if not limits.grouped:
        return _by_ratio(limits.cost, worth, options, left, taken)
    return _by_site(limits, worth, state, options, left, taken)


@njit(cache=True, nogil=True)
def _by_number(worth, options, number, taken):
    size = len(options)
    if size <= number:
        for place in range(size):
            o = options[place]
            taken[o] = 1.0 if worth[o] > 0 else 0.0
        return 0.0
    if number <= 0:
        price = 0.0
        for place in range(size):
            o = options[place]
            taken[o] = 0.0
            price = max(price, worth[o])
        return price
    values = np.empty(size)
    for place in range(size):
        values[place] = worth[options[place]]
    price = max(0.0, np.partition(values, size - number)[size - number])
    room = number
    for place in range(size):
        o = options[place]
        taken[o] = 1.0 if worth[o] > price else 0.0
        room -= worth[o] > price
    for place in range(size):
        o = options[place]
        if room > 0 and worth[o] == price and price > 0:
            taken[o] = 1.0
            room -= 1
    return price


@njit(cache=True, nogil=True)
def _by_ratio(cost, worth, options, left, taken):
    size = len(options)
    ratio = np.empty(size)
    for place in range(size):
        o = options[place]
        taken[o] = 0.0
        if worth[o] <= 0:
            ratio[place] = 0.0
        else:
            ratio[place] = -worth[o] / cost[o] if cost[o] > 0 else -np.inf
    for place in np.argsort(ratio):
        if ratio[place] >= 0:
            break
        o = options[place]
        if cost[o] <= left:
            taken[o] = 1.0
            left -= cost[o]
        else:
            taken[o] = max(left, 0.0) / cost[o]
            return -ratio[place]
    return 0.0


@njit(cache=True, nogil=True)
def _by_site(limits, worth, state, options, left, taken):
    """Halve the interval of the limit's price; mix the choices at its ends to fill the limit."""
    for place in range(len(options)):
        taken[options[place]] = 0.0
    used = _site_choice(limits, worth, state, 0.0, 1.0, taken)
    if used <= left:
        return 0.0
    high = 1.0
    for place in range(len(options)):
        o = options[place]
        if limits.cost[o] > 0:
            high = max(high, 2.0 * worth[o] / limits.cost[o])
    for s in range(len(limits.opening)):
        if limits.opening[s] > 0:
            total = 0.0
            for at in range(limits.site_ptr[s], limits.site_ptr[s + 1]):
                o = limits.site_option[at]
                if state[o] == 0 and worth[o] > 0:
                    total += worth[o]
            high = max(high, 2.0 * total / limits.opening[s])
    low = 0.0
    high_used = _site_choice(limits, worth, state, high, 0.0, taken)
    low_used = used
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        used = _site_choice(limits, worth, state, middle, 0.0, taken)
        if used > left:
            low, low_used = middle, used
        else:
            high, high_used = middle, used
        if high - low <= 1e-13 * high:
            break
    for place in range(len(options)):
        taken[options[place]] = 0.0
    share = 0.0
    if low_used > high_used:
        share = min(1.0, max(0.0, (left - high_used) / (low_used - high_used)))
    _site_choice(limits, worth, state, high, 1.0 - share, taken)
    _site_choice(limits, worth, state, low, share, taken)
    return high


@njit(cache=True, nogil=True)
def _site_choice(limits, worth, state, price, share, taken):
    """Add `share` of the best choice at a price to `taken`; return what it takes of the limit."""
    used = 0.0
    for s in range(len(limits.most)):
        picked, value, cost, open_before = best_at_site(limits, worth, state, price, s)
        opening = 0.0 if open_before else limits.opening[s]
        if len(picked) and value > price * opening:
            used += cost + opening
            if share != 0.0:
                for place in range(len(picked)):
                    taken[picked[place]] += share
    return used


@njit(cache=True, nogil=True)
def best_at_site(limits, worth, state, price, s):
    """Return the best free options of a site, their value and cost, and whether it is open."""
    start, stop = limits.site_ptr[s], limits.site_ptr[s + 1]
    room, free, open_before = limits.most[s], 0, False
    picked = np.empty(stop - start, dtype=np.int32)
    values = np.empty(stop - start)
    for at in range(start, stop):
        o = limits.site_option[at]
        if state[o] == 1:
            room -= 1
            open_before = True
        elif state[o] == 0:
            gain = worth[o] - price * limits.cost[o]
            if gain > 0:
                picked[free] = o
                values[free] = gain
                free += 1
    if free > max(room, 0):
        order = np.argsort(-values[:free])[: max(room, 0)]
        picked[: len(order)] = picked[:free][order]
        values[: len(order)] = values[:free][order]
        free = len(order)
    value, cost = 0.0, 0.0
    for place in range(free):
        value += values[place]
        cost += limits.cost[picked[place]]
    return picked[:free], value, cost, open_before
