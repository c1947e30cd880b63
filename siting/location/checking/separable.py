"""The least sum of reduced costs, site by site, and what each opposite decision would add."""

# ruff: noqa: ANN001, ANN201, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.location.checking.sums import TERM_ERROR, TOP_ERROR, add


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sites:
    """Sites with their options.

    Parameters
    ----------
    pointers, options
        Options of each site, (sites + 1,) and (m,).
    most
        Options that may be chosen at each site, (sites,).
    """

    pointers: npt.NDArray[np.int64]
    options: npt.NDArray[np.int64]
    most: npt.NDArray[np.int64]


def sites_of(site: npt.NDArray[np.intp], most: npt.NDArray[np.intp]) -> Sites:
    """Group options by their site."""
    hosted = np.bincount(site, minlength=len(most))
    pointers = np.concatenate([[0], np.cumsum(hosted)]).astype(np.int64)
    order = np.argsort(site, kind="stable").astype(np.int64)
    return Sites(pointers=pointers, options=order, most=most.astype(np.int64))


@njit(cache=True, nogil=True)
def least(pointers, members, most, decided, reduced, size, opening, skip):  # noqa: PLR0917
    """Return the separable minimum of reduced costs, its margins, and every flip.

    Parameters
    ----------
    pointers, members, most
        As in :class:`Sites`.
    decided
        1 chosen, -1 left out, 0 free, (m,).
    reduced, size
        Reduced costs and the sums of the absolute terms behind them, (m,).
    opening
        Price of opening each site, (sites,).
    skip
        Options that are counted elsewhere, (m,).

    Returns
    -------
    total, top, terms : float
        The minimum; the sum of absolute values added up for it; the sizes of all options that are
        not left out, since rounding may hide that one of them would be taken.
    taken, left : numpy.ndarray
        How much taking a free option in, or leaving it out, adds to the minimum at least, (m,).
    """
    taken, left = np.zeros(len(decided)), np.zeros(len(decided))
    total, carry, top, terms = 0.0, 0.0, 0.0, 0.0
    for site in range(len(most)):
        here = members[pointers[site] : pointers[site + 1]]
        if len(here) == 1 and most[site] > 0:
            value, tops, sizes = _lonely(here[0], decided, reduced, size, opening[site], skip)
            error = TOP_ERROR * tops + TERM_ERROR * sizes
            if value > 0.0 and decided[here[0]] == 0:
                taken[here[0]] = value - error
                value, tops = 0.0, 0.0
            else:
                left[here[0]] = -value - error
        else:
            value, tops, sizes = _shared(
                here, most[site], decided, reduced, size, opening[site], skip, taken, left
            )
        total, carry = add(total, carry, value)
        top += tops
        terms += sizes
    return total + carry, top, terms, taken, left


@njit(cache=True, nogil=True)
def _lonely(option, decided, reduced, size, cost, skip):  # noqa: PLR0917
    """Return what the one option of a site costs when taken, and the margins."""
    if skip[option] or decided[option] < 0:
        return 0.0, 0.0, 0.0
    return cost + reduced[option], abs(cost) + abs(reduced[option]), size[option]


@njit(cache=True, nogil=True)
def _shared(here, most, decided, reduced, size, cost, skip, taken, left):  # noqa: PLR0917
    """Return the minimum of one site and its margins; write the flips of its options."""
    base, fixed, free, top, terms = 0.0, 0, 0, 0.0, 0.0
    chosen = np.empty(len(here), dtype=np.int64)
    for option in here:
        if skip[option] or decided[option] < 0:
            continue
        terms += size[option]
        if decided[option] > 0:
            base += reduced[option]
            fixed += 1
            top += abs(reduced[option])
        else:
            chosen[free] = option
            free += 1
    if fixed == 0 and free == 0:
        return 0.0, 0.0, 0.0
    room = most - fixed
    if room < 0:
        return np.inf, top, terms
    chosen = chosen[:free][np.argsort(reduced[chosen[:free]], kind="mergesort")]
    best = np.zeros(free + 1)  # best[q]: at most q of the smallest, where they help
    for place in range(free):
        best[place + 1] = best[place] + min(0.0, reduced[chosen[place]])
    now = cost + base + best[min(room, free)]
    if fixed == 0:
        now = min(0.0, now)
    top += abs(cost) - best[free]
    error = TOP_ERROR * top + TERM_ERROR * terms
    for place in range(free):
        option, value = chosen[place], reduced[chosen[place]]
        without = cost + base + _others(best, place, value, room)
        if fixed == 0:
            without = min(0.0, without)
        left[option] = without - now - error
        taken[option] = np.inf
        if room > 0:
            inside = cost + base + value + _others(best, place, value, room - 1)
            taken[option] = inside - now - error - TOP_ERROR * abs(value)
    if now == 0.0 and fixed == 0:
        top = 0.0
    return now, top, terms


@njit(cache=True, nogil=True)
def _others(best, place, value, room):
    """Return the best sum of at most `room` values without the one at a place of the order."""
    free = len(best) - 1
    if place >= room:
        return best[min(room, free)]
    return best[min(room + 1, free)] - min(0.0, value)
