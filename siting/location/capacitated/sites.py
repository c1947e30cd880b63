"""The cheapest options site by site at given reduced costs, and the price of a limit, compiled."""

# ruff: noqa: ANN001, ANN201, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit

#: Halvings of the interval in which the price of the limit lies.
HALVINGS = 40


@njit(cache=True, nogil=True)
def choose(reduced, use, lam, flag, sites, chosen):
    """Choose the cheapest options site by site; return the cost and the amount used."""
    first, option, most, site_cost, site_use = sites
    cost, used = 0.0, 0.0
    for s in range(len(most)):
        total, amount = site_cost[s] + lam * site_use[s], site_use[s]
        kept = 0
        for q in range(first[s], first[s + 1]):
            o = option[q]
            chosen[o] = 0.0
            if flag[o] > 0:
                chosen[o] = 1.0
                total += reduced[o] + lam * use[o]
                amount += use[o]
                kept += 1
        needed = kept > 0
        while kept < most[s]:
            best, least = -1, 0.0
            for q in range(first[s], first[s + 1]):
                o = option[q]
                v = reduced[o] + lam * use[o]
                if flag[o] == 0 and chosen[o] == 0.0 and v < least:
                    best, least = o, v
            if best < 0:
                break
            chosen[best] = 1.0
            total += least
            amount += use[best]
            kept += 1
        if needed or total < 0.0:
            cost += total
            used += amount
        else:
            for q in range(first[s], first[s + 1]):
                chosen[option[q]] = 0.0
    return cost, used


@njit(cache=True, nogil=True)
def price_limit(reduced, use, limit, flag, sites, chosen, other):
    """Find the price of the limit that makes the bound largest.

    Returns the cost less the price of the limit, and the price. `chosen` becomes the mixture of
    the answers on both sides of it that uses the limit up.
    """
    cost, used = choose(reduced, use, 0.0, flag, sites, chosen)
    if used <= limit:
        return cost, 0.0
    low, high = 0.0, 1e-300
    for o in range(len(use)):
        if flag[o] == 0 and use[o] > 0.0:
            high = max(high, -reduced[o] / use[o])
    high *= 1.0 + 1e-9
    below = used
    above_cost, above = choose(reduced, use, high, flag, sites, other)
    if above > limit:  # what is fixed needs more: the bound grows with the price
        for o in range(len(use)):
            chosen[o] = other[o]
        return above_cost - high * limit, high
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        _, used = choose(reduced, use, middle, flag, sites, other)
        if used > limit:
            low, below = middle, used
        else:
            high, above = middle, used
            if used == limit:
                break
    cost, above = choose(reduced, use, high, flag, sites, other)
    _, below = choose(reduced, use, low, flag, sites, chosen)
    part = (limit - above) / (below - above) if below > above else 0.0
    for o in range(len(use)):
        chosen[o] = part * chosen[o] + (1.0 - part) * other[o]
    return cost - high * limit, high


@njit(cache=True, nogil=True)
def site_value(s, reduced, lam, flag, sites, forced, banned):
    """Return the least cost of a site with one option forced in and one left out."""
    first, option, most, site_cost, site_use = sites
    total, kept, room = site_cost[s] + lam * site_use[s], 0, most[s]
    for q in range(first[s], first[s + 1]):
        o = option[q]
        if flag[o] > 0 or o == forced:
            total += reduced[o]
            kept += 1
    if kept > room:
        return np.inf
    needed = kept > 0
    last, tie = -np.inf, -1
    while kept < room:
        best, least = -1, 0.0
        for q in range(first[s], first[s + 1]):
            o = option[q]
            v = reduced[o]
            fresh = v > last or (v == last and o > tie)
            free = flag[o] == 0 and o != forced
            if free and o != banned and fresh and v < least:
                best, least = o, v
        if best < 0:
            break
        total += least
        kept += 1
        last, tie = least, best
    return total if needed or total < 0.0 else 0.0


@njit(cache=True, nogil=True)
def gather_lifts(s, reduced, lam, flag, sites, chosen, lift):
    """Set the lift of every free option of a site."""
    first, option, _, _, _ = sites
    none = np.int64(-1)
    now = site_value(s, reduced, lam, flag, sites, none, none)
    for q in range(first[s], first[s + 1]):
        o = np.int64(option[q])
        if flag[o] != 0:
            continue
        if chosen[o] > 0.0:
            lift[o] = site_value(s, reduced, lam, flag, sites, none, o) - now
        else:
            lift[o] = site_value(s, reduced, lam, flag, sites, o, none) - now
