"""Fast interchange: swap one open site for a closed one as long as that lowers the cost.

For clients with nearest open site ``r1`` at cost ``c1`` and second nearest cost ``c2``, closing
slot r and opening site j gains ``gain[j] - loss[r] + extra[j, r]``. The three are kept up to date
from the clients that a swap touches, so a swap costs one look at all pairs and little more.

References
----------
Whitaker (1983), A fast algorithm for the greedy interchange for large-scale clustering and median
location problems, INFOR 21(2).
Resende, Werneck (2007), A fast swap-based local search procedure for location problems, Annals of
Operations Research 150. doi:10.1007/s10479-006-0154-0
"""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.clock import Clock
from siting.location.medians.lists import Lists
from siting.location.medians.problem import Problem

#: Pairs of sites looked at between two looks at the clock.
_CHUNK = 20_000_000
#: Share of the cost that a move must gain.
_LEAST_GAIN = 1e-10


class Interchange:
    """Local search among the sets of sites that keep the rules.

    Parameters
    ----------
    problem
        The question.
    lists
        Neighbour lists of the candidates.
    clock
        Ends the search early.
    """

    def __init__(self, problem: Problem, lists: Lists, clock: Clock) -> None:
        self._problem = problem
        self._lists = lists
        self._clock = clock
        sites = len(problem.candidates)
        self._gain = np.empty(sites)
        self._extra = np.empty((sites, problem.p))

    def greedy(self) -> npt.NDArray[np.intp]:
        """Return the fixed sites and as many more as lower the cost, the best first."""
        problem, lists = self._problem, self._lists
        length = np.diff(lists.start)
        every = int(problem.candidates.sum())
        worst = np.full(len(length), problem.penalty)
        listed = (length == every) | np.isfinite(lists.limit)
        listed &= length > 0
        worst[listed] = lists.cost[lists.start[1:][listed] - 1]
        if len(problem.fixed):
            worst = np.minimum(worst, problem.nearest(problem.fixed))
        slots, load, near = self._empty()
        count = _greedy(
            problem.cost,
            lists.start,
            lists.site,
            lists.cost,
            self._rules(),
            worst,
            slots,
            len(problem.fixed),
            load,
            near,
        )
        return np.sort(slots[:count]).astype(np.intp)

    def improve(self, chosen: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return a set, no worse, that no swap, addition or removal of one site improves.

        `chosen` holds the fixed sites and keeps the rules.
        """
        problem, lists = self._problem, self._lists
        slots, load, near = self._empty()
        held = len(problem.fixed)
        slots[held : len(chosen)] = chosen[np.isin(chosen, problem.fixed, invert=True)]
        count = np.array([len(chosen), held], dtype=np.int64)
        clients = len(problem.cost)
        order, cost = np.empty((clients, 2), dtype=np.int64), np.empty((clients, 2))
        state = (slots, count, order, cost, self._gain, np.empty(problem.p), self._extra)
        turns = max(1, _CHUNK // (len(self._gain) * problem.p + clients * 8))
        fresh = True
        while not self._clock.expired():
            if _moves(
                problem.cost,
                (lists.start, lists.site, lists.cost, lists.limit),
                problem.penalty,
                self._rules(),
                load,
                near,
                state,
                turns,
                fresh,
            ):
                break
            fresh = False
        return np.sort(slots[: count[0]]).astype(np.intp)

    def _empty(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Return slots that hold the fixed sites, options per site and conflicts per option."""
        problem = self._problem
        slots = np.full(problem.p, -1, dtype=np.int64)
        slots[: len(problem.fixed)] = problem.fixed
        load = np.zeros(len(problem.site_cost), dtype=np.int64)
        near = np.zeros(len(problem.candidates), dtype=np.int64)
        return slots, load, near

    def _rules(self) -> tuple[npt.NDArray[np.generic], ...]:
        problem = self._problem
        return (
            problem.candidates,
            problem.site,
            problem.site_cost,
            problem.site_most,
            problem.enemy_start,
            problem.enemy,
        )


@njit(cache=True, nogil=True)
def _place(rules, load, near, j, sign):
    """Count a site in (sign 1) or out (sign -1): options at its place, conflicts it causes."""
    load[rules[1][j]] += sign
    for k in range(rules[4][j], rules[4][j + 1]):
        near[rules[5][k]] += sign


@njit(cache=True, nogil=True)
def _greedy(  # noqa: PLR0912 - one compiled loop
    full, start, site, cost, rules, worst, slots, count, load, near
):
    """Fill the slots with the sites that gain most; return how many are taken."""
    candidates, place, place_cost, place_most = rules[0], rules[1], rules[2], rules[3]
    gain = np.zeros(candidates.size)
    taken = np.zeros(candidates.size, np.bool_)
    for r in range(count):
        _place(rules, load, near, slots[r], np.int64(1))
    for i in range(worst.size):
        for k in range(start[i], start[i + 1]):
            if cost[k] >= worst[i]:
                break
            gain[site[k]] += worst[i] - cost[k]
    while count < slots.size:
        best = np.int64(-1)
        most = 0.0
        for j in range(candidates.size):
            s = place[j]
            if not candidates[j] or taken[j] or near[j] > 0 or load[s] >= place_most[s]:
                continue
            paid = place_cost[s] if load[s] == 0 else 0.0
            if (best < 0 and (gain[j] > paid or paid == 0.0)) or gain[j] - paid > most:
                best = j
                most = gain[j] - paid
        if best < 0:
            break
        taken[best] = True
        _place(rules, load, near, best, np.int64(1))
        slots[count] = best
        count += 1
        for i in range(worst.size):
            new = full[i, best]
            old = worst[i]
            if new >= old:
                continue
            worst[i] = new
            for k in range(start[i], start[i + 1]):
                if cost[k] >= old:
                    break
                gain[site[k]] -= old - max(cost[k], new)
    return count


@njit(cache=True, nogil=True)
def _nearest_two(full, i, slots, count, penalty, order, near_cost):
    """Find the two nearest open sites of a client; slot -1 at the penalty where there is none."""
    one = penalty
    two = penalty
    first = -1
    second = -1
    for r in range(count):
        c = full[i, slots[r]]
        if c < one:
            two = one
            second = first
            one = c
            first = r
        elif c < two:
            two = c
            second = r
    order[i, 0] = first
    order[i, 1] = second
    near_cost[i, 0] = one
    near_cost[i, 1] = two


@njit(cache=True, nogil=True)
def _add(full, lists, i, order, near_cost, gain, loss, extra, sign):
    """Add (sign 1) or take back (sign -1) what a client contributes."""
    start, site, cost, limit = lists
    one = near_cost[i, 0]
    two = near_cost[i, 1]
    slot = order[i, 0]
    if slot >= 0:
        loss[slot] += sign * (two - one)
    if two <= limit[i]:
        for k in range(start[i], start[i + 1]):
            c = cost[k]
            if c >= two:
                break
            j = site[k]
            if c < one:
                gain[j] += sign * (one - c)
            if slot >= 0:
                extra[j, slot] += sign * (two - max(c, one))
        return
    for j in range(gain.size):
        c = full[i, j]
        if c < two:
            if c < one:
                gain[j] += sign * (one - c)
            if slot >= 0:
                extra[j, slot] += sign * (two - max(c, one))


@njit(cache=True, nogil=True)
def _restart(full, lists, penalty, rules, load, near, state):
    """Compute the state from the open sites."""
    slots, count, order, near_cost, gain, loss, extra = state
    gain[:] = 0.0
    loss[:] = 0.0
    extra[:] = 0.0
    load[:] = 0
    near[:] = 0
    for r in range(count[0]):
        _place(rules, load, near, slots[r], np.int64(1))
    for i in range(full.shape[0]):
        _nearest_two(full, i, slots, count[0], penalty, order, near_cost)
        _add(full, lists, i, order, near_cost, gain, loss, extra, 1.0)


@njit(cache=True, nogil=True)
def _may_swap(rules, load, near, j, out):
    """Tell whether site j may open when site `out` (-1: none) closes."""
    s = rules[1][j]
    room = load[s] < rules[3][s] or (out >= 0 and rules[1][out] == s)
    enemies = near[j]
    if enemies > 0 and out >= 0:
        for k in range(rules[4][out], rules[4][out + 1]):
            if rules[5][k] == j:
                enemies -= 1
    return room and enemies == 0


@njit(cache=True, nogil=True)
def _best_move(rules, load, near, state):
    """Return (profit, site or -1, slot or -1) of the best swap, addition or removal."""
    candidates, place, place_cost = rules[0], rules[1], rules[2]
    slots, count, _order, _near_cost, gain, loss, extra = state
    used = count[0]
    open_ = np.zeros(gain.size, np.bool_)
    saved = np.zeros(slots.size)
    most_saved = 0.0
    best = 0.0
    best_site = -1
    best_slot = -1
    for r in range(used):
        open_[slots[r]] = True
        s = place[slots[r]]
        saved[r] = place_cost[s] if load[s] == 1 else 0.0
        most_saved = max(most_saved, saved[r])
        if r >= count[1] and saved[r] - loss[r] > best:
            best = saved[r] - loss[r]
            best_slot = r
    for j in range(gain.size):
        if not candidates[j] or open_[j]:
            continue
        s = place[j]
        base = gain[j] - (place_cost[s] if load[s] == 0 else 0.0)
        if base + most_saved <= best:
            continue  # no swap gains more: extra makes good at most what closing loses
        if used < slots.size and base > best and _may_swap(rules, load, near, j, np.int64(-1)):
            best = base
            best_site = j
            best_slot = -1
        for r in range(count[1], used):
            profit = base + saved[r] - loss[r] + extra[j, r]
            if place[slots[r]] == s:
                profit -= saved[r]
            if profit > best and _may_swap(rules, load, near, j, slots[r]):
                best = profit
                best_site = j
                best_slot = r
    return best, best_site, best_slot


@njit(cache=True, nogil=True)
def _swap(full, lists, penalty, rules, load, near, state, slot, new):
    """Open a site in the slot of another."""
    slots, count, order, near_cost, gain, loss, extra = state
    touched = np.zeros(full.shape[0], np.bool_)
    for i in range(full.shape[0]):
        served = order[i, 0] == slot or order[i, 1] == slot
        if served or full[i, new] < near_cost[i, 1]:
            _add(full, lists, i, order, near_cost, gain, loss, extra, -1.0)
            touched[i] = True
    _place(rules, load, near, slots[slot], np.int64(-1))
    _place(rules, load, near, new, np.int64(1))
    slots[slot] = new
    for i in range(full.shape[0]):
        if touched[i]:
            _nearest_two(full, i, slots, count[0], penalty, order, near_cost)
            _add(full, lists, i, order, near_cost, gain, loss, extra, 1.0)


@njit(cache=True, nogil=True)
def _total(rules, load, near_cost):
    """Return what the open sites cost, service and places."""
    total = 0.0
    for i in range(near_cost.shape[0]):
        total += near_cost[i, 0]
    for s in range(load.size):
        if load[s] > 0:
            total += rules[2][s]
    return total


@njit(cache=True, nogil=True)
def _moves(full, lists, penalty, rules, load, near, state, turns, fresh):
    """Make up to `turns` moves; return whether none is left that gains.

    What a move gains carries the rounding of all moves before it, so its cost is summed anew, and a
    move that gained nothing is taken back and ends the search.
    """
    slots, count, _order, near_cost, _gain, _loss, _extra = state
    if fresh:
        _restart(full, lists, penalty, rules, load, near, state)
    before = _total(rules, load, near_cost)
    for _ in range(turns):
        profit, new, slot = _best_move(rules, load, near, state)
        if profit <= _LEAST_GAIN * before:
            return True
        used = count[0]
        old = slots[slot] if slot >= 0 else -1
        if new >= 0 and slot >= 0:
            _swap(full, lists, penalty, rules, load, near, state, slot, new)
        else:
            if new < 0:
                count[0] -= 1
                slots[slot] = slots[count[0]]
            else:
                slots[count[0]] = new
                count[0] += 1
            _restart(full, lists, penalty, rules, load, near, state)
        after = _total(rules, load, near_cost)
        if after >= before:
            count[0] = used
            if slot >= 0:
                if new < 0:
                    slots[used - 1] = slots[slot]
                slots[slot] = old
            return True
        before = after
    return False
