"""Greedy placement and annealing of sector stations on a grid, as compiled kernels.

A step takes a station away and puts one back by heat bath over places and kinds, each place with
the best three azimuths for what is open there. The heat bath is drawn as the largest of ``profit +
temperature * Gumbel noise``: places whose full radius cannot reach the largest so far are passed
over, which leaves few whose sectors must be aimed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from siting.location.grid.search import draw
from siting.location.grid.sector_state import SectorField, aim, alone, put

#: Side of the squares that greedy placement keeps the best place of [cells].
_SQUARE = 24
#: Places tried around a hole, in shares of the reach.
_AROUND = 1.5


@nb.njit(cache=True, nogil=True)
def _best_in_square(  # noqa: PLR0917 (compiled code takes plain arguments)
    f: SectorField,
    at: int,
    across: int,
    s: NDArray[np.float64],
    gap: NDArray[np.float64],
    best: NDArray[np.int64],
) -> float:
    """Find the most weight per cost in a square; `best` receives the station."""
    width, height = f.weight.shape
    pick = np.zeros(3, np.int64)
    x0, y0 = (at // across) * _SQUARE, (at % across) * _SQUARE
    rate, first = 0.0, (0, 0, 0)
    for sweep in range(2):  # the most promising place first, so that it rules out most others
        top = 0.0
        for x in range(x0, min(width, x0 + _SQUARE)):
            for y in range(y0, min(height, y0 + _SQUARE)):
                if f.near[x, y] != 0:
                    continue
                for k in range(f.cost.size):
                    ceiling = f.gain[k, x, y] / f.cost[k]
                    if sweep == 0:
                        if ceiling > top:
                            top, first = ceiling, (k, x, y)
                    elif ceiling > rate * (1.0 + 1e-12):
                        v = aim(f, k, x, y, rate * f.cost[k], s, gap, pick) / f.cost[k]
                        if v > rate * (1.0 + 1e-12):
                            rate = v
                            best[0], best[1], best[2] = k, x, y
                            best[3:] = pick
        if sweep == 0:
            if top <= 0.0:
                return 0.0
            k, x, y = first
            rate = aim(f, k, x, y, 0.0, s, gap, pick) / f.cost[k]
            best[0], best[1], best[2] = k, x, y
            best[3:] = pick
    return rate


@nb.njit(cache=True, nogil=True)
def _ceiling(f: SectorField, at: int, across: int) -> float:
    width, height = f.weight.shape
    top = 0.0
    x0, y0 = (at // across) * _SQUARE, (at % across) * _SQUARE
    for x in range(x0, min(width, x0 + _SQUARE)):
        for y in range(y0, min(height, y0 + _SQUARE)):
            if f.near[x, y] == 0:
                for k in range(f.cost.size):
                    top = max(top, f.gain[k, x, y] / f.cost[k])
    return top


class Squares(NamedTuple):
    """What greedy placement knows of each square of the grid.

    Parameters
    ----------
    rate
        Most weight per cost in the square, or more (n,).
    exact
        Whether it is exact (n,).
    best
        The station that has it (n, 6).
    across
        Squares along y (1,).
    """

    rate: NDArray[np.float64]
    exact: NDArray[np.bool_]
    best: NDArray[np.int64]
    across: NDArray[np.int64]


def squares_of(f: SectorField) -> Squares:
    """Begin with the full radius of every place as its ceiling."""
    width, height = f.weight.shape
    across = -(-height // _SQUARE)
    many = -(-width // _SQUARE) * across
    rate = np.array([_ceiling(f, at, across) for at in range(many)])
    return Squares(
        rate, np.zeros(many, np.bool_), np.zeros((many, 6), np.int64), np.array([across])
    )


@nb.njit(cache=True, nogil=True)
def greedy_sectors(  # noqa: PLR0917 (compiled code takes plain arguments)
    f: SectorField,
    squares: Squares,
    required: float,
    covered: float,
    stations: NDArray[np.int64],
    count: int,
    turns: int,
    s: NDArray[np.float64],
    gap: NDArray[np.float64],
) -> tuple[int, float, bool]:
    """Place the most weight per cost until `required` is covered or nothing helps.

    `stations` (capacity, 6) receives kind, x, y and three bins from index `count`; returns the new
    count, the covered weight, and whether `turns` looks at a square were enough to end.
    """
    width, height = f.weight.shape
    across = squares.across[0]
    reach = f.apart.size
    for _ in range(turns):
        at = int(np.argmax(squares.rate))
        if covered >= required or count >= stations.shape[0] or squares.rate[at] <= 0.0:
            return count, covered, True
        if not squares.exact[at]:
            squares.rate[at] = _best_in_square(f, at, across, s, gap, squares.best[at])
            squares.exact[at] = True
            continue
        covered += put(f, squares.best[at], np.int64(1))
        stations[count] = squares.best[at]
        count += 1
        x, y = squares.best[at, 1], squares.best[at, 2]
        for i in range(max(0, x - reach) // _SQUARE, min(width - 1, x + reach) // _SQUARE + 1):
            for j in range(max(0, y - reach) // _SQUARE, min(height - 1, y + reach) // _SQUARE + 1):
                q = i * across + j
                squares.exact[q] = False
                squares.rate[q] = min(squares.rate[q], _ceiling(f, q, across))
    return count, covered, False


@nb.njit(cache=True, nogil=True)
def _sample(  # noqa: PLR0917 (compiled code takes plain arguments)
    f: SectorField,
    x: int,
    y: int,
    reach: int,
    price: float,
    temperature: float,
    rng: NDArray[np.uint64],
    s: NDArray[np.float64],
    gap: NDArray[np.float64],
    above: NDArray[np.float64],
    where: NDArray[np.int64],
    out: NDArray[np.int64],
) -> bool:
    """Draw a station around (x, y) by heat bath into `out`; False is nowhere."""
    width, height = f.weight.shape
    x0, x1 = max(0, x - reach), min(width, x + reach + 1)
    y0, y1 = max(0, y - reach), min(height, y + reach + 1)
    pick = np.zeros(3, np.int64)
    top = -temperature * math.log(-math.log(draw(rng) + 1e-300) + 1e-300)
    found = False
    count = 0
    for k in range(f.cost.size):
        for p in range(x0, x1):
            for q in range(y0, y1):
                if f.near[p, q] == 0:
                    profit = price * f.gain[k, p, q] - f.cost[k]
                    # noise above 8 temperatures has a chance of 1 in 3000
                    if profit + 8.0 * temperature > top:
                        noise = -temperature * math.log(-math.log(draw(rng) + 1e-300) + 1e-300)
                        if profit + noise > top:
                            above[count] = profit + noise
                            where[count, 0], where[count, 1], where[count, 2] = k, p, q
                            count += 1
    while count > 0:
        i = int(np.argmax(above[:count]))
        if above[i] <= top:
            break
        k, p, q = where[i, 0], where[i, 1], where[i, 2]
        bonus = above[i] - (price * f.gain[k, p, q] - f.cost[k])
        floor = (top - bonus + f.cost[k]) / price
        v = aim(f, k, p, q, floor, s, gap, pick)
        if v > floor:
            top = price * v - f.cost[k] + bonus
            out[0], out[1], out[2] = k, p, q
            out[3:] = pick
            found = True
        count -= 1
        above[i] = above[count]
        where[i] = where[count]
    return found


@nb.njit(cache=True, nogil=True)
def anneal_sectors(  # noqa: PLR0917 (compiled code takes plain arguments)
    f: SectorField,
    stations: NDArray[np.int64],
    count: int,
    anchors: NDArray[np.int64],
    rng: NDArray[np.uint64],
    steps: int,
    insertions: float,
    price: float,
    temperature: float,
    s: NDArray[np.float64],
    gap: NDArray[np.float64],
) -> tuple[int, float]:
    """Take `steps` steps over `stations` (changed in place); return their count and the weight won.

    A share `insertions` of the steps tries a new station near one of `anchors` (a, 2) instead of
    moving an old one.
    """
    won = 0.0
    pad = (f.apart.size - 1) // 2
    reach = int(_AROUND * pad)
    room = f.cost.size * (2 * reach + 1) ** 2
    above = np.zeros(room)
    where = np.zeros((room, 3), np.int64)
    new = np.zeros(6, np.int64)
    for _ in range(steps):
        if draw(rng) < insertions or count == 0:
            if anchors.shape[0] == 0:
                break
            a = int(draw(rng) * anchors.shape[0])
            x = anchors[a, 0] + int((draw(rng) - 0.5) * 2 * pad)
            y = anchors[a, 1] + int((draw(rng) - 0.5) * 2 * pad)
            if count < stations.shape[0] and _sample(
                f, x, y, pad, price, temperature, rng, s, gap, above, where, new
            ):
                won += put(f, new, np.int64(1))
                stations[count] = new
                count += 1
            continue
        i = int(draw(rng) * count)
        won -= put(f, stations[i], np.int64(-1))
        x, y = stations[i, 1], stations[i, 2]
        if _sample(f, x, y, reach, price, temperature, rng, s, gap, above, where, new):
            won += put(f, new, np.int64(1))
            stations[i] = new
        else:
            count -= 1
            stations[i] = stations[count]
    return count, won


@nb.njit(cache=True, nogil=True)
def trim_sectors(
    f: SectorField, required: float, covered: float, stations: NDArray[np.int64], count: int
) -> tuple[int, float]:
    """Drop stations, least weight lost per cost first, while `required` stays covered."""
    while count > 0:
        best, rate = -1, np.inf
        for i in range(count):
            lost = alone(f, stations[i])
            if covered - lost >= required and lost / f.cost[stations[i, 0]] < rate:
                best, rate = i, lost / f.cost[stations[i, 0]]
        if best < 0:
            break
        covered -= put(f, stations[best], np.int64(-1))
        count -= 1
        stations[best] = stations[count]
    return count, covered
