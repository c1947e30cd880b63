"""Fast interchange: swap one open site for a closed one as long as that lowers the cost.

For clients with nearest open site ``r1`` at cost ``c1`` and second nearest cost ``c2``, closing
slot r and opening site f gains ``gain[f] - loss[r] + extra[f, r]``. The three are kept up to date
from the clients that a swap touches, so a swap costs one look at all pairs and little more.

References
----------
Whitaker (1983), A fast algorithm for the greedy interchange for large-scale clustering and median
location problems, INFOR 21(2).
Resende, Werneck (2007), A fast swap-based local search procedure for location problems, Annals of
Operations Research 150. doi:10.1007/s10479-006-0154-0
"""

# ruff: noqa: ANN001, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.clock import Clock
from siting.location.medians.lists import Lists

#: Pairs of sites looked at between two looks at the clock.
_CHUNK = 20_000_000


class Interchange:
    """Local search among sets of open sites.

    Parameters
    ----------
    cost
        Cost of serving each client from each site, infinite where it cannot (n, m).
    lists
        Neighbour lists of the candidates.
    candidates
        Sites that may be opened, fixed ones not among them (m,) bool.
    opening
        Cost of opening each site (m,).
    fixed
        Sites that stay open, ascending.
    most
        Most sites open, fixed ones included.
    penalty
        Cost of a client that no open site can serve.
    clock
        Ends the search early.
    """

    def __init__(
        self,
        cost: npt.NDArray[np.float64],
        lists: Lists,
        *,
        candidates: npt.NDArray[np.bool_],
        opening: npt.NDArray[np.float64],
        fixed: npt.NDArray[np.intp],
        most: int,
        penalty: float,
        clock: Clock,
    ) -> None:
        self._cost = cost
        self._lists = (lists.start, lists.site, lists.cost, lists.limit)
        self._candidates = candidates
        self._opening = opening
        self._fixed = fixed
        self._most = most
        self._penalty = penalty
        self._clock = clock
        sites = len(opening)
        self._gain = np.empty(sites)
        self._extra = np.empty((sites, most))

    def value(self, chosen: npt.NDArray[np.intp]) -> float:
        """Return the cost of a set of sites, with the penalty for each client out of reach."""
        if not len(chosen):
            return self._penalty * len(self._cost)
        nearest = np.minimum(self._cost[:, chosen].min(axis=1), self._penalty)
        return float(nearest.sum() + self._opening[chosen].sum())

    def greedy(self) -> npt.NDArray[np.intp]:
        """Return the fixed sites and as many more as lower the cost, the best first."""
        start, site, cost, limit = self._lists
        length = np.diff(start)
        worst = np.full(len(limit), self._penalty)
        listed = (length > 0) & ((length == self._candidates.sum()) | np.isfinite(limit))
        worst[listed] = cost[start[1:][listed] - 1]
        if len(self._fixed):
            worst = np.minimum(worst, self._cost[:, self._fixed].min(axis=1))
        picked = _greedy(
            start,
            site,
            cost,
            self._opening,
            self._candidates,
            worst,
            self._most - len(self._fixed),
            self._cost,
        )
        return np.sort(np.concatenate([self._fixed, picked]))

    def improve(self, chosen: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return a set, no worse, that no swap, addition or removal of one site improves."""
        held = np.isin(chosen, self._fixed)
        slots = np.full(self._most, -1, dtype=np.int64)
        slots[: len(chosen)] = np.concatenate([chosen[held], chosen[~held]])
        count = np.array([len(chosen), held.sum()], dtype=np.int64)
        state = _State(self, slots, count)
        sites = len(self._opening)
        turns = max(1, _CHUNK // max(1, sites * self._most + len(self._cost) * 8))
        while not self._clock.expired():
            if state.run(turns):
                break
        return np.sort(slots[: count[0]]).astype(np.intp)


class _State:
    """Nearest and second nearest open site of each client, and what each move would gain."""

    def __init__(
        self,
        search: Interchange,
        slots: npt.NDArray[np.int64],
        count: npt.NDArray[np.int64],
    ) -> None:
        clients = len(search._cost)  # noqa: SLF001 - one module, two halves of one search
        self._arrays = (
            search._cost,  # noqa: SLF001
            *search._lists,  # noqa: SLF001
            search._opening,  # noqa: SLF001
            search._candidates.copy(),  # noqa: SLF001
            search._penalty,  # noqa: SLF001
            slots,
            count,
            np.empty((clients, 2), dtype=np.int64),
            np.empty((clients, 2)),
            search._gain,  # noqa: SLF001
            np.empty(len(slots)),
            search._extra,  # noqa: SLF001
        )
        _restart(*self._arrays)

    def run(self, turns: int) -> bool:
        """Make some moves; return whether none is left."""
        return _moves(*self._arrays, turns)


@njit(cache=True, nogil=True)
def _greedy(start, site, cost, opening, candidates, worst, most, full):
    clients = worst.size
    sites = opening.size
    gain = -opening
    for i in range(clients):
        for k in range(start[i], start[i + 1]):
            if cost[k] >= worst[i]:
                break
            gain[site[k]] += worst[i] - cost[k]
    open_ = np.zeros(sites, np.bool_)
    picked = np.empty(most, np.int64)
    count = 0
    while count < most:
        best = -1
        for j in range(sites):
            if candidates[j] and not open_[j] and (best < 0 or gain[j] > gain[best]):
                best = j
        if best < 0 or (gain[best] <= 0.0 and opening[best] > 0.0):
            break
        open_[best] = True
        picked[count] = best
        count += 1
        for i in range(clients):
            new = full[i, best]
            old = worst[i]
            if new >= old:
                continue
            worst[i] = new
            for k in range(start[i], start[i + 1]):
                if cost[k] >= old:
                    break
                gain[site[k]] -= old - max(cost[k], new)
    return picked[:count]


@njit(cache=True, nogil=True)
def _nearest_two(full, i, slots, count, penalty, nearest, near):
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
    nearest[i, 0] = first
    nearest[i, 1] = second
    near[i, 0] = one
    near[i, 1] = two


@njit(cache=True, nogil=True)
def _add(full, start, site, cost, limit, i, nearest, near, gain, loss, extra, sign):
    """Add (sign 1) or take back (sign -1) what a client contributes."""
    one = near[i, 0]
    two = near[i, 1]
    slot = nearest[i, 0]
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
    else:
        for j in range(gain.size):
            c = full[i, j]
            if c < two:
                if c < one:
                    gain[j] += sign * (one - c)
                if slot >= 0:
                    extra[j, slot] += sign * (two - max(c, one))


@njit(cache=True, nogil=True)
def _restart(
    full,
    start,
    site,
    cost,
    limit,
    opening,
    candidates,
    penalty,
    slots,
    count,
    nearest,
    near,
    gain,
    loss,
    extra,
):
    """Compute the state from the open sites; a candidate that is open is none for now."""
    gain[:] = 0.0
    loss[:] = 0.0
    extra[:] = 0.0
    for r in range(count[0]):
        candidates[slots[r]] = False
    for i in range(full.shape[0]):
        _nearest_two(full, i, slots, count[0], penalty, nearest, near)
        _add(full, start, site, cost, limit, i, nearest, near, gain, loss, extra, 1.0)


@njit(cache=True, nogil=True)
def _best_move(opening, candidates, slots, count, gain, loss, extra):
    """Return (profit, site or -1, slot or -1) of the best swap, addition or removal."""
    best = 0.0
    best_site = -1
    best_slot = -1
    used = count[0]
    saved = 0.0
    for r in range(count[1], used):
        loss[r] -= opening[slots[r]]
        saved = max(saved, opening[slots[r]])
        if -loss[r] > best:
            best = -loss[r]
            best_slot = r
    for j in range(gain.size):
        if not candidates[j]:
            continue
        base = gain[j] - opening[j]
        if used < slots.size and base > best:
            best = base
            best_site = j
            best_slot = -1
        if base + saved <= best:
            continue  # no swap gains more: extra makes good at most what closing loses
        for r in range(count[1], used):
            profit = base - loss[r] + extra[j, r]
            if profit > best:
                best = profit
                best_site = j
                best_slot = r
    for r in range(count[1], used):
        loss[r] += opening[slots[r]]
    return best, best_site, best_slot


@njit(cache=True, nogil=True)
def _moves(
    full,
    start,
    site,
    cost,
    limit,
    opening,
    candidates,
    penalty,
    slots,
    count,
    nearest,
    near,
    gain,
    loss,
    extra,
    turns,
):
    for _ in range(turns):
        profit, new, slot = _best_move(opening, candidates, slots, count, gain, loss, extra)
        total = 0.0
        for i in range(full.shape[0]):
            total += near[i, 0]
        if profit <= 1e-10 * total:
            return True
        if new < 0 or slot < 0:
            if new < 0:
                candidates[slots[slot]] = True
                count[0] -= 1
                slots[slot] = slots[count[0]]
            else:
                slots[count[0]] = new
                count[0] += 1
            _restart(
                full,
                start,
                site,
                cost,
                limit,
                opening,
                candidates,
                penalty,
                slots,
                count,
                nearest,
                near,
                gain,
                loss,
                extra,
            )
            continue
        for i in range(full.shape[0]):
            touched = nearest[i, 0] == slot or nearest[i, 1] == slot
            if touched or full[i, new] < near[i, 1]:
                _add(full, start, site, cost, limit, i, nearest, near, gain, loss, extra, -1.0)
                nearest[i, 0] = -2
        candidates[slots[slot]] = True
        candidates[new] = False
        slots[slot] = new
        for i in range(full.shape[0]):
            if nearest[i, 0] == -2:  # noqa: PLR2004 - marks the clients taken back
                _nearest_two(full, i, slots, count[0], penalty, nearest, near)
                _add(full, start, site, cost, limit, i, nearest, near, gain, loss, extra, 1.0)
    return False
