"""Lagrangian bound of the p-median problem, raised by subgradient methods.

A deflected subgradient climbs fast and then zigzags; the volume algorithm, whose direction is a
running mean of all subgradients, takes it from there. That mean's weights also make a mean of the
answers, which tends to an answer of the linear relaxation.

With a price ``u_i`` for serving client *i* once, site *j* is worth
``rho_j = f_j + sum_i min(0, c_ij - u_i)`` and ::

    L(u) = sum_i u_i + (sum of the at most q smallest negative rho_j)

is a lower bound for every u. Where some sites are open already, no price above the cost of the
nearest of them, the client's cap, can raise it.

References
----------
Narula, Ogbu, Samuelsson (1977), An algorithm for the p-median problem, Operations Research 25(4).
Camerini, Fratta, Maffioli (1975), On improving relaxation methods by modified gradient techniques,
Mathematical Programming Study 3.
Barahona, Anbil (2000), The volume algorithm: producing primal solutions with a subgradient method,
Mathematical Programming 87. doi:10.1007/s101070050002
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

#: Weight of the last direction in the next; least step scale; progress a step must show.
_DEFLECT = 0.7
_LEAST_SCALE = 1e-3
_PROGRESS = 1e-4
#: Steps between two looks at how far the bound came.
_LOOK = 40
#: Weight of the last answer in the running mean of the answers.
_MEMORY = 0.1
#: Polishing: greatest weight of a new subgradient, first scale, and failures that shrink it.
_MOST_WEIGHT, _POLISH_SCALE, _POLISH_PATIENCE = 0.1, 0.1, 10
#: Polishing ends at this scale; the direction is nothing below this square.
_LEAST_POLISH, _NO_LENGTH = 1e-5, 1e-12
#: Places in the numbers of a state.
BOUND, SCALE, FAILED, LOOKED, TAKEN, DONE, WEIGHT = range(7)


class Ascent:
    """State of one ascent; :meth:`run` may be called again to go on.

    Parameters
    ----------
    start, site, cost
        Neighbour lists, sites numbered 0..m-1.
    opening
        ``f_j`` (m,).
    cap
        Greatest useful price of each client (n,).
    most
        q: sites that may be opened.
    prices
        ``u`` to begin with (n,), cut at the cap.
    scale
        Factor of the first steps.
    patience
        Steps without progress after which steps shrink.
    stall
        The ascent ends when 40 steps close less than this share of what is left to the goal.
    """

    def __init__(
        self,
        start: npt.NDArray[np.int64],
        site: npt.NDArray[np.int32],
        cost: npt.NDArray[np.float64],
        opening: npt.NDArray[np.float64],
        cap: npt.NDArray[np.float64],
        most: int,
        prices: npt.NDArray[np.float64],
        *,
        scale: float,
        patience: int,
        stall: float,
    ) -> None:
        self.lists = (start, site, cost)
        self.opening = opening
        self.cap = cap
        self.most = min(most, len(opening))
        self.patience = patience
        self.stall = stall
        #: Best prices so far (n,), and what the sites are worth at them (m,).
        self.prices = np.minimum(prices, cap)
        self.worth = np.zeros(len(opening))
        #: Running mean of the answers of the steps (m,): near 1 for sites that belong in.
        self.share = np.zeros(len(opening))
        self._trial = self.prices.copy()
        self._direction = np.zeros(len(cap))
        self._numbers = np.array([-np.inf, scale, 0.0, -np.inf, 0.0, 0.0, 0.0])

    @property
    def entries(self) -> int:
        """Entries of the lists."""
        return len(self.lists[1])

    @property
    def bound(self) -> float:
        """Best bound so far, minus infinity before the first step."""
        return float(self._numbers[BOUND])

    @property
    def done(self) -> bool:
        """Whether the goal is reached or more steps would not pay."""
        return bool(self._numbers[DONE])

    def run(self, steps: int, *, goal: float, aim: float) -> None:
        """Take some steps towards `aim`, the value of an answer; end at the bound `goal`."""
        _steps(
            *self.lists,
            self.opening,
            self.cap,
            self.most,
            self.prices,
            self.worth,
            self.share,
            self._trial,
            self._direction,
            self._numbers,
            steps,
            self.patience,
            self.stall,
            goal,
            aim,
        )

    def polish(self, steps: int, *, goal: float, aim: float) -> None:
        """Take some steps of the volume algorithm from the best prices; the first call begins it.

        Parameters as in :meth:`run`.
        """
        if self._numbers[WEIGHT] == 0.0:
            self._numbers[[SCALE, FAILED, DONE, WEIGHT]] = _POLISH_SCALE, 0.0, 0.0, _MOST_WEIGHT
            self._numbers[LOOKED] = self.bound
            self._direction[:] = 0.0
        _polish(
            self.lists,
            self.opening,
            self.cap,
            self.most,
            (self.prices, self.worth, self.share, self._trial, self._direction, self._numbers),
            steps,
            self.stall,
            goal,
            aim,
        )

    def best_sites(self) -> npt.NDArray[np.intp]:
        """Return the sites, those first that the steps took most often, ties by index."""
        return np.argsort(-self.share, kind="stable")


@njit(cache=True, nogil=True)
def smallest(values, place, work):
    """Return the `place`-th smallest value (0 the smallest); `work` is overwritten."""
    work[:] = values
    low = 0
    high = values.size - 1
    while low < high:
        pivot = work[(low + high) >> 1]
        i = low
        j = high
        while i <= j:
            while work[i] < pivot:
                i += 1
            while work[j] > pivot:
                j -= 1
            if i <= j:
                work[i], work[j] = work[j], work[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return work[place]


@njit(cache=True, nogil=True)
def value_sites(start, site, cost, opening, prices, worth, end):
    """Fill what the sites are worth and where each client's useful entries end; return sum u."""
    worth[:] = opening
    total = 0.0
    for i in range(prices.size):
        price = prices[i]
        total += price
        k = start[i]
        stop = start[i + 1]
        while k < stop and cost[k] < price:
            worth[site[k]] += cost[k] - price
            k += 1
        end[i] = k
    return total


@njit(cache=True, nogil=True)
def take_best(worth, most, chosen, work):
    """Mark the at most `most` sites of least negative worth, ties by index; return their sum."""
    chosen[:] = 0.0
    if most == 0 or worth.size == 0:
        return 0.0
    level = smallest(worth, most - 1, work)
    total = 0.0
    count = 0
    for j in range(worth.size):
        if worth[j] < level and worth[j] < 0.0:
            chosen[j] = 1.0
            total += worth[j]
            count += 1
    for j in range(worth.size):
        if count >= most or level >= 0.0:
            break
        if worth[j] == level:
            chosen[j] = 1.0
            total += level
            count += 1
    return total


@njit(cache=True, nogil=True)
def _steps(  # noqa: PLR0912 - one compiled loop
    start,
    site,
    cost,
    opening,
    cap,
    most,
    prices,
    worth,
    share,
    trial,
    direction,
    numbers,
    steps,
    patience,
    stall,
    goal,
    aim,
):
    clients = prices.size
    sites = opening.size
    now = np.empty(sites)
    work = np.empty(sites)
    chosen = np.empty(sites)
    end = np.empty(clients, np.int64)
    for _ in range(steps):
        if numbers[DONE] > 0.0:
            return
        bound = value_sites(start, site, cost, opening, trial, now, end)
        bound += take_best(now, most, chosen, work)
        memory = _MEMORY if numbers[TAKEN] > 0.0 else 1.0
        for j in range(sites):
            share[j] += memory * (chosen[j] - share[j])
        if bound > numbers[BOUND] + _PROGRESS * max(0.0, aim - numbers[BOUND]) or (
            bound > numbers[BOUND] and (bound >= goal or numbers[TAKEN] == 0.0)
        ):
            numbers[BOUND] = bound
            numbers[FAILED] = 0.0
            prices[:] = trial
            worth[:] = now
        else:
            numbers[FAILED] += 1.0
            if numbers[FAILED] >= patience:
                numbers[SCALE] *= 0.6
                numbers[FAILED] = 0.0
                trial[:] = prices
        numbers[TAKEN] += 1.0
        if numbers[BOUND] >= goal or numbers[SCALE] < _LEAST_SCALE:
            numbers[DONE] = 1.0
            return
        if numbers[TAKEN] % _LOOK == 0.0:
            if numbers[BOUND] - numbers[LOOKED] < stall * (goal - numbers[BOUND]):
                numbers[DONE] = 1.0
                return
            numbers[LOOKED] = numbers[BOUND]
        length = 0.0
        for i in range(clients):
            served = 0.0
            for k in range(start[i], end[i]):
                served += chosen[site[k]]
            step = 1.0 - served + _DEFLECT * direction[i]
            if step > 0.0 and trial[i] >= cap[i]:
                step = 0.0
            direction[i] = step
            length += step * step
        if length < _NO_LENGTH:
            numbers[DONE] = 1.0
            return
        factor = numbers[SCALE] * max(aim - bound, 0.0) / length
        for i in range(clients):
            trial[i] = min(cap[i], trial[i] + factor * direction[i])


@njit(cache=True, nogil=True)
def _short(start, site, end, chosen, short):
    """Fill how much of each client the chosen sites do not serve: the subgradient."""
    for i in range(short.size):
        served = 0.0
        for k in range(start[i], end[i]):
            served += chosen[site[k]]
        short[i] = 1.0 - served


@njit(cache=True, nogil=True)
def _mix(direction, short, most):
    """Return the weight of the new subgradient that makes the mean shortest, within limits."""
    new = 0.0
    old = 0.0
    both = 0.0
    for i in range(short.size):
        new += short[i] * short[i]
        old += direction[i] * direction[i]
        both += short[i] * direction[i]
    apart = new - 2.0 * both + old
    weight = (old - both) / apart if apart > _NO_LENGTH else most
    return min(most, max(0.1 * most, weight)), both


@njit(cache=True, nogil=True)
def _polish(lists, opening, cap, most, state, steps, stall, goal, aim):
    start, site, cost = lists
    prices, worth, share, trial, direction, numbers = state
    now = np.empty(opening.size)
    work = np.empty(opening.size)
    chosen = np.empty(opening.size)
    short = np.empty(prices.size)
    end = np.empty(prices.size, np.int64)
    if not direction.any():
        value_sites(start, site, cost, opening, prices, now, end)
        take_best(now, most, chosen, work)
        _short(start, site, end, chosen, direction)
        share[:] = chosen
    for _ in range(steps):
        length = 0.0
        for i in range(prices.size):
            if direction[i] < 0.0 or prices[i] < cap[i]:
                length += direction[i] * direction[i]
        if length < _NO_LENGTH or numbers[SCALE] < _LEAST_POLISH or numbers[BOUND] >= goal:
            numbers[DONE] = 1.0
            return
        factor = numbers[SCALE] * (aim - numbers[BOUND]) / length
        for i in range(prices.size):
            trial[i] = min(cap[i], prices[i] + factor * direction[i])
        bound = value_sites(start, site, cost, opening, trial, now, end)
        bound += take_best(now, most, chosen, work)
        _short(start, site, end, chosen, short)
        weight, along = _mix(direction, short, numbers[WEIGHT])
        direction += weight * (short - direction)
        share += weight * (chosen - share)
        numbers[TAKEN] += 1.0
        if bound > numbers[BOUND]:
            numbers[BOUND] = bound
            numbers[FAILED] = 0.0
            numbers[SCALE] = min(2.0, numbers[SCALE] * (1.5 if along > 0.0 else 1.1))
            prices[:] = trial
            worth[:] = now
        else:
            numbers[FAILED] += 1.0
            if numbers[FAILED] >= _POLISH_PATIENCE:
                numbers[SCALE] *= 0.66
                numbers[FAILED] = 0.0
        if numbers[TAKEN] % _LOOK == 0.0:
            if numbers[BOUND] - numbers[LOOKED] < stall * (goal - numbers[BOUND]):
                numbers[WEIGHT] *= 0.5
                if numbers[WEIGHT] < 0.1 * _MOST_WEIGHT:
                    numbers[DONE] = 1.0
            numbers[LOOKED] = numbers[BOUND]
