"""Greedy placement and annealing of discs on a grid, as compiled kernels.

One annealing step takes a station away and puts it back by heat bath: among every permitted
position and kind within reach of the hole, and 'nowhere', with probability proportional to
``exp(profit / temperature)``, where ``profit = price * newly covered weight - cost``. The price is
the multiplier of the covering requirement, so that the sum of profits is the Lagrangian of the
instance, and a step costs only the cells whose cover really changes.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

from siting.location.grid.state import Field, lift, loss, place

#: A position this many temperatures below the best one is never drawn.
_CUTOFF = 25.0


@nb.njit(cache=True, nogil=True)
def draw(rng: NDArray[np.uint64]) -> float:
    """Return the next number of a splitmix64 stream, uniform in 0..1."""
    rng[0] += np.uint64(0x9E3779B97F4A7C15)
    z = rng[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) / 9007199254740992.0


@nb.njit(cache=True, nogil=True)
def greedy(
    f: Field, required: float, covered: float, stations: NDArray[np.int64], count: int
) -> tuple[int, float]:
    """Place the most weight per cost until `required` is covered or nothing helps.

    Ties go to the smaller row, column, then kind. `stations` (capacity, 3) receives kind, x, y
    from index `count`; returns the new count and the covered weight.
    """
    width, height = f.weight.shape
    reach = f.apart.size
    best = np.zeros(width)
    where = np.zeros((width, 2), np.int64)
    dirty = np.ones(width, np.bool_)
    while covered < required and count < stations.shape[0]:
        for x in range(width):
            if dirty[x]:
                best[x] = 0.0
                dirty[x] = False
                for y in range(height):
                    if f.near[x, y] == 0:
                        for k in range(f.cost.size):
                            rate = f.gain[k, x, y] / f.cost[k]
                            if rate > best[x]:
                                best[x] = rate
                                where[x, 0] = k
                                where[x, 1] = y
        x = int(np.argmax(best))
        if best[x] <= 0.0:
            break
        k, y = where[x, 0], where[x, 1]
        covered += place(f, k, x, y)
        stations[count, 0], stations[count, 1], stations[count, 2] = k, x, y
        count += 1
        dirty[max(0, x - reach) : x + reach + 1] = True
    return count, covered


@nb.njit(cache=True, nogil=True)
def _sample(  # noqa: PLR0917 (compiled code takes plain arguments)
    f: Field,
    x: int,
    y: int,
    reach: int,
    price: float,
    temperature: float,
    rng: NDArray[np.uint64],
) -> tuple[int, int, int]:
    """Draw kind, x, y around (x, y) by heat bath; kind -1 is nowhere."""
    width, height = f.weight.shape
    x0, x1 = max(0, x - reach), min(width, x + reach + 1)
    y0, y1 = max(0, y - reach), min(height, y + reach + 1)
    top = 0.0
    for k in range(f.cost.size):
        for p in range(x0, x1):
            for q in range(y0, y1):
                if f.near[p, q] == 0:
                    profit = price * f.gain[k, p, q] - f.cost[k]
                    top = max(top, profit)
    floor = top - _CUTOFF * temperature
    total = math.exp(-top / temperature) if floor <= 0.0 else 0.0
    kind, px, py = -1, x, y
    for k in range(f.cost.size):
        for p in range(x0, x1):
            for q in range(y0, y1):
                if f.near[p, q] == 0:
                    profit = price * f.gain[k, p, q] - f.cost[k]
                    if profit >= floor:
                        share = math.exp((profit - top) / temperature)
                        total += share
                        if draw(rng) * total < share:
                            kind, px, py = k, p, q
    return kind, px, py


@nb.njit(cache=True, nogil=True)
def anneal(  # noqa: PLR0917 (compiled code takes plain arguments)
    f: Field,
    stations: NDArray[np.int64],
    count: int,
    anchors: NDArray[np.int64],
    rng: NDArray[np.uint64],
    steps: int,
    insertions: float,
    price: float,
    temperature: float,
) -> tuple[int, float]:
    """Take `steps` steps over `stations` (changed in place); return their count and the weight won.

    A share `insertions` of the steps tries a new station near one of `anchors` (a, 2) instead of
    moving an old one.
    """
    won = 0.0
    pad = (f.apart.size - 1) // 2
    reach = 2 * pad
    for _ in range(steps):
        if draw(rng) < insertions or count == 0:
            if anchors.shape[0] == 0:
                break
            a = int(draw(rng) * anchors.shape[0])
            x = anchors[a, 0] + int((draw(rng) - 0.5) * reach)
            y = anchors[a, 1] + int((draw(rng) - 0.5) * reach)
            k, p, q = _sample(f, x, y, pad, price, temperature, rng)
            if k >= 0 and count < stations.shape[0]:
                won += place(f, k, p, q)
                stations[count, 0], stations[count, 1], stations[count, 2] = k, p, q
                count += 1
            continue
        s = int(draw(rng) * count)
        kind, x, y = stations[s, 0], stations[s, 1], stations[s, 2]
        won -= lift(f, kind, x, y)
        k, p, q = _sample(f, x, y, reach, price, temperature, rng)
        if k < 0:
            count -= 1
            stations[s] = stations[count]
        else:
            won += place(f, k, p, q)
            stations[s, 0], stations[s, 1], stations[s, 2] = k, p, q
    return count, won


@nb.njit(cache=True, nogil=True)
def trim(
    f: Field, required: float, covered: float, stations: NDArray[np.int64], count: int
) -> tuple[int, float]:
    """Drop stations, least weight lost per cost first, while `required` stays covered."""
    while count > 0:
        best, rate = -1, np.inf
        for s in range(count):
            lost = loss(f, stations[s, 0], stations[s, 1], stations[s, 2])
            if covered - lost >= required and lost / f.cost[stations[s, 0]] < rate:
                best, rate = s, lost / f.cost[stations[s, 0]]
        if best < 0:
            break
        covered -= lift(f, stations[best, 0], stations[best, 1], stations[best, 2])
        count -= 1
        stations[best] = stations[count]
    return count, covered
