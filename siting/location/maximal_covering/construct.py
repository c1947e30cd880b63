"""Selections that keep every rule: a decremental greedy, and ruin and recreate around a selection.

References
----------
Nemhauser, Wolsey, Fisher (1978), An analysis of approximations for maximizing submodular set
functions, Mathematical Programming 14. doi:10.1007/BF01588971
Schrimpf, Schneider, Stamm-Wilbrandt, Dueck (2000), Record breaking optimization results using the
ruin and recreate principle, Journal of Computational Physics 159. doi:10.1006/jcph.1999.6413
"""

# ruff: noqa: ANN001, ANN201, ANN202, C901, PLR0912, PLR0917
# Compiled functions take plain arrays, numba infers their types; one pass is one function.

from __future__ import annotations

import numpy as np
from numba import njit

from siting.location.maximal_covering.tables import draw, join, leave

#: Most options given up at once.
MOST_RUINED = 4
#: Costs may pass a limit by this share, the rounding of their sum.
ROUNDING = 1e-12


@njit(cache=True, nogil=True)
def room_for(limits, spent, load, blocked, option):
    """Return what an option takes of the limit, -1 when it breaks a rule."""
    site = limits.site[option]
    if blocked[option] > 0 or load[site] >= limits.most[site]:
        return -1.0
    cost = limits.cost[option]
    if load[site] == 0:
        cost += limits.opening[site]
    return cost if spent[0] + cost <= limits.limit * (1.0 + ROUNDING) else -1.0


@njit(cache=True, nogil=True)
def enter(cover, limits, tables, spent, load, blocked, option):
    """Choose an option and keep count of what the rules leave."""
    site = limits.site[option]
    spent[0] += limits.cost[option] + (limits.opening[site] if load[site] == 0 else 0.0)
    load[site] += 1
    for at in range(limits.rival_ptr[option], limits.rival_ptr[option + 1]):
        blocked[limits.rival[at]] += 1
    join(cover, tables, option)


@njit(cache=True, nogil=True)
def quit_option(cover, limits, tables, spent, load, blocked, option):
    """Give up an option and keep count of what the rules leave."""
    site = limits.site[option]
    load[site] -= 1
    spent[0] -= limits.cost[option] + (limits.opening[site] if load[site] == 0 else 0.0)
    for at in range(limits.rival_ptr[option], limits.rival_ptr[option + 1]):
        blocked[limits.rival[at]] -= 1
    leave(cover, tables, option)


@njit(cache=True, nogil=True)
def fill_greedily(cover, limits, tables, spent, load, blocked, free, power):
    """Choose the option of the highest score again and again while one fits.

    The score is the weight gained over the cost to a power. Rows that need several options count
    with the share of one option until they are served.
    """
    columns = len(free)
    partial = np.zeros(columns)
    several = False
    for i in range(len(cover.weight)):
        if cover.need[i] > 1 and tables.covers[i] < cover.need[i]:
            several = True
            for at in range(cover.row_ptr[i], cover.row_ptr[i + 1]):
                partial[cover.row_col[at]] += cover.weight[i] / cover.need[i]
    while True:
        pick, most = np.int64(-1), 0.0
        for o in range(columns):
            gain = tables.gain[o]
            if several:
                gain = max(gain, partial[o])
            if gain <= 0.0 or tables.inside[o] or not free[o]:
                continue
            if power == 0.0 and gain <= most:
                continue
            cost = room_for(limits, spent, load, blocked, o)
            if cost < 0.0:
                continue
            score = gain if power == 0.0 else gain / max(cost, 1e-300) ** power
            if score > most:
                pick, most = o, score
        if pick < 0:
            return
        enter(cover, limits, tables, spent, load, blocked, pick)
        if several:
            for entry in range(cover.col_ptr[pick], cover.col_ptr[pick + 1]):
                i = cover.col_row[entry]
                if cover.need[i] > 1 and tables.covers[i] == cover.need[i]:
                    for at in range(cover.row_ptr[i], cover.row_ptr[i + 1]):
                        partial[cover.row_col[at]] -= cover.weight[i] / cover.need[i]


@njit(cache=True, nogil=True)
def reshuffle(cover, limits, tables, spent, load, blocked, free, best, value, heats, span, random):
    """Ruin and recreate, steps ``span[0]`` to ``span[1]`` of ``span[2]``.

    A few options near each other are given up, and others chosen while they fit; the result stays
    when it is not much worse, by a threshold that falls from ``heats[0]`` to ``heats[1]``. ``free``
    marks options that may join and leave; `best` are flags of the best selection, ``value`` holds
    what the current and the best one serve.
    """
    columns = len(free)
    gone = np.empty(MOST_RUINED, dtype=np.int32)
    come = np.empty(columns, dtype=np.int32)
    chosen = np.empty(columns, dtype=np.int32)
    count = np.int64(0)
    for o in range(columns):
        if tables.inside[o] and free[o]:
            chosen[count] = o
            count += 1
    for now in range(span[0], span[1]):
        heat = heats[0] * (heats[1] / heats[0]) ** (now / span[2])
        before = value[0]
        ruined = 0
        if count > 0:
            wanted = 1 + int(draw(random) * min(MOST_RUINED, count))
            o = np.int64(chosen[int(draw(random) * count)])
            while ruined < wanted and o >= 0:
                value[0] -= tables.loss[o]
                quit_option(cover, limits, tables, spent, load, blocked, o)
                gone[ruined] = o
                ruined += 1
                o = np.int64(_near(cover, tables, free, o, random))
                if o < 0:
                    o = np.int64(_any_inside(tables, chosen, count, random))
        added = 0
        power = 0.5 * int(draw(random) * 3.0) if not limits.even else 0.0
        while True:
            pick = _pick(limits, tables, spent, load, blocked, free, power, heat, random)
            if pick < 0:
                break
            value[0] += tables.gain[pick]
            enter(cover, limits, tables, spent, load, blocked, pick)
            come[added] = pick
            added += 1
        if value[0] < before + heat * np.log(draw(random) + 1e-300):
            for place in range(added):
                quit_option(cover, limits, tables, spent, load, blocked, np.int64(come[place]))
            for place in range(ruined):
                enter(cover, limits, tables, spent, load, blocked, np.int64(gone[place]))
            value[0] = before
            continue
        count = 0
        for o in range(columns):
            if tables.inside[o] and free[o]:
                chosen[count] = o
                count += 1
        if value[0] > value[1] * (1.0 + 1e-12):
            value[1] = value[0]
            best[:] = tables.inside


@njit(cache=True, nogil=True)
def _pick(limits, tables, spent, load, blocked, free, power, heat, random):
    """Return the option of the highest score that fits, blurred by the heat; -1 for none."""
    pick, most = -1, 0.0
    for o in range(len(free)):
        gain = tables.gain[o]
        if gain <= 0.0 or tables.inside[o] or not free[o]:
            continue
        if power == 0.0 and gain * (1.0 + 1e-12) + 0.5 * heat <= most:
            continue
        cost = room_for(limits, spent, load, blocked, o)
        if cost < 0.0:
            continue
        score = gain + 0.5 * heat * draw(random)
        if power > 0.0:
            score /= max(cost, 1e-300) ** power
        if score > most:
            pick, most = o, score
    return pick


@njit(cache=True, nogil=True)
def _near(cover, tables, free, option, random):
    """Return a chosen option that shares rows with a neighbour of `option`, -1 when none is met."""
    for _ in range(4):
        span = cover.col_ptr[option + 1] - cover.col_ptr[option]
        if span == 0:
            return -1
        i = cover.col_row[cover.col_ptr[option] + int(draw(random) * span)]
        wide = cover.row_ptr[i + 1] - cover.row_ptr[i]
        neighbour = cover.row_col[cover.row_ptr[i] + int(draw(random) * wide)]
        first, last = cover.col_ptr[neighbour], cover.col_ptr[neighbour + 1]
        i = cover.col_row[first + int(draw(random) * (last - first))]
        for at in range(cover.row_ptr[i], cover.row_ptr[i + 1]):
            o = cover.row_col[at]
            if tables.inside[o] and free[o]:
                return o
    return -1


@njit(cache=True, nogil=True)
def _any_inside(tables, chosen, count, random):
    """Return any chosen option, -1 when none is met."""
    for _ in range(8):
        o = chosen[int(draw(random) * count)]
        if tables.inside[o]:
            return o
    return -1
