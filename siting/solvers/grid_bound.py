r"""A proven lower bound for covering grid cells with discs, by Lagrangian duality.

Relaxing the covering of each cell (multiplier `u_i`) and the requirement (multiplier `p`, the price)
of the programme in :mod:`siting.models.grid_cover` leaves, for ``0 <= u_i <= p w_i``,

.. math::

    L(p, u) = \sum_i u_i - p \Bigl(\sum_i w_i - Q\Bigr)
              + \min_x \sum_{jk} \Bigl(c_k - \sum_{i: |i-j| \le r_k} u_i\Bigr) x_{jk}

with `Q` the weight required. `L` never exceeds the least cost, whatever `p` and `u` are.

**The last term.** Split the grid into squares of `t` by `t` cells, ``(t - 1) * sqrt(2) <= s``. Two
positions of one square are at most `s` apart, and stations must stand more than `s` apart, so a
square holds at most one station of any kind. Therefore the minimum is at least

.. math:: \sum_{\text{squares}} \min\Bigl(0, \min_{jk \in \text{square}} (c_k - \sum_i u_i)\Bigr),

where positions that existing stations forbid are left out. The value is a true bound for *every*
`u`: nothing rests on the multipliers being optimal or feasible for a linear programme.

**Good multipliers** come from a primal-dual gradient method [1]_ with diagonal steps [2]_ on the
columns whose reduced cost is small; the whole grid is priced again every few iterations.

References
----------
.. [1] A. Chambolle, T. Pock (2011), A first-order primal-dual algorithm for convex problems,
   J. Math. Imaging Vis. 40, algorithm 1. doi:10.1007/s10851-010-0251-1
.. [2] T. Pock, A. Chambolle (2011), Diagonal preconditioning for first order primal-dual
   algorithms, ICCV, lemma 2. doi:10.1109/ICCV.2011.6126441
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from siting.models.grid_cover import GridCertificate, GridCover, half_widths
from siting.solvers.grid_state import disc_sums, stamp

#: Relative error of a float64 sum of fewer than a million terms, with room to spare.
_ROUNDING = 1e-9
#: Over-relaxation of the primal-dual steps, below 2.
_RELAXATION = 1.8


@dataclass(slots=True)
class _Grid:
    """The instance on a padded grid, as the bound needs it."""

    model: GridCover
    pad: int
    shape: tuple[int, int]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    blocked: NDArray[np.bool_]
    half: NDArray[np.int64]
    cost: NDArray[np.float64]
    tile: int
    required: float
    slack: float


@dataclass(slots=True)
class _Columns:
    """Columns in play: flat key (kind, x, y), cells covered (CSR) and primal value."""

    key: NDArray[np.int64]
    start: NDArray[np.int64]
    cell: NDArray[np.int32]
    cost: NDArray[np.float64]
    value: NDArray[np.float64]


def tile_side(min_separation: float) -> int:
    """Largest side of a square of cells in which any two cells are at most `min_separation` apart.

    ``2 * (t - 1)**2 <= min_separation**2``, compared in integers.
    """
    return 1 + math.isqrt(math.floor(min_separation * min_separation) // 2)


def lower_bound(
    model: GridCover,
    *,
    price: float,
    iterations: int,
    stations: NDArray[np.int64],
    stop: Callable[[], bool],
    report: Callable[[float], None] | None = None,
) -> tuple[float, GridCertificate]:
    """Return a proven lower bound of the cost of covering, and the multipliers that prove it.

    Parameters
    ----------
    model
        The instance.
    price
        First guess of the multiplier of the requirement [cost per weight].
    stations
        A good answer to begin from: kind, x, y in cells (p, 3).
    iterations
        Primal-dual steps.
    stop
        Asked between batches of steps; True returns the best bound so far.
    report
        Receives the best bound after each batch.

    Returns
    -------
    tuple
        Bound, rounded up to a whole number where every cost is one, and its certificate.
    """
    grid = _grid(model)
    search = _DualSearch(grid, price, stations)
    batch = 25
    done = 0
    while True:
        search.price_all()
        if report is not None:
            report(search.best)
        if done >= iterations or stop():
            break
        search.run(batch)
        done += batch
        batch = min(100, batch + 5)
    value = max(0.0, search.best)
    if all(float(kind.cost).is_integer() for kind in model.kinds):
        value = float(math.ceil(value))
    return value, GridCertificate(price=search.best_price, cell_price=search.best_u, tile=grid.tile)


def evaluate(
    grid: _Grid, price: float, u: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Value of ``L(p, u)``, rounded down, and the disc sums per kind (k, X, Y)."""
    field = np.zeros(grid.shape)
    field[grid.x, grid.y] = u
    sums = np.zeros((grid.cost.size, *grid.shape))
    worst = np.zeros((-(-grid.shape[0] // grid.tile), -(-grid.shape[1] // grid.tile)))
    for k in range(grid.cost.size):
        disc_sums(field, grid.half[k], grid.pad, sums[k])
        _tile_minima(sums[k], grid.blocked, grid.cost[k], grid.pad, grid.tile, worst)
    gained = math.fsum(u.tolist())
    owed = price * grid.slack
    lost = math.fsum(worst.ravel().tolist())
    error = _ROUNDING * (gained + owed - lost + 1.0)
    return gained - owed + lost - error, sums


class _DualSearch:
    """Multipliers, columns and the best bound so far."""

    def __init__(self, grid: _Grid, price: float, stations: NDArray[np.int64]) -> None:
        self.grid = grid
        self.price = price
        self.cap = price * grid.model.weight
        self.u = self._first_guess()
        self.best = -math.inf
        self.best_u = self.u.copy()
        self.best_price = price
        key = np.unique(
            (stations[:, 0] * grid.shape[0] + stations[:, 1] + grid.pad) * grid.shape[1]
            + stations[:, 2]
            + grid.pad
        )
        self.columns = _Columns(
            key, np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0), np.ones(key.size)
        )
        self.number = np.full(grid.shape, -1, np.int32)
        self.number[grid.x, grid.y] = np.arange(grid.x.size, dtype=np.int32)
        self.margin = 0.3

    def _first_guess(self) -> NDArray[np.float64]:
        """Share each cell's weight price out over the fullest disc that covers it."""
        grid = self.grid
        full = np.ones(grid.shape)
        field = np.zeros(grid.shape)
        field[grid.x, grid.y] = self.cap
        for k in range(grid.cost.size):
            sums = np.zeros(grid.shape)
            disc_sums(field, grid.half[k], grid.pad, sums)
            sums[grid.blocked] = 0.0
            _disc_max(sums / grid.cost[k], grid.half[k], grid.pad, grid.x, grid.y, full)
        return self.cap / full[grid.x, grid.y]

    def price_all(self) -> None:
        """Evaluate the bound over the whole grid and choose the columns for the next batch."""
        grid = self.grid
        self.u = np.clip(self.u, 0.0, self.cap)
        bound, sums = evaluate(grid, self.price, self.u)
        if bound > self.best:
            self.best, self.best_price, self.best_u = bound, self.price, self.u.copy()
        keys = []
        area = grid.shape[0] * grid.shape[1]
        for k in range(grid.cost.size):
            ratio = sums[k] / grid.cost[k]
            ratio[grid.blocked] = 0.0
            keys.append(np.flatnonzero(ratio.ravel() > 1.0 - self.margin) + k * area)
        old = self.columns
        keys.append(old.key[old.value > 0])
        key = np.unique(np.concatenate(keys))
        kind, flat = np.divmod(key, area)
        x, y = np.divmod(flat, grid.shape[1])
        start, cell = _members(kind, x, y, self.number, grid.half, grid.pad)
        value = np.zeros(key.size)
        value[np.searchsorted(key, old.key[old.value > 0])] = old.value[old.value > 0]
        self.columns = _Columns(key, start, cell, grid.cost[kind], value)

    def run(self, steps: int) -> None:
        """Take primal-dual steps on the columns in play, then move the price."""
        grid, columns = self.grid, self.columns
        if columns.key.size == 0:
            return
        covered = _primal_dual(
            columns.start,
            columns.cell,
            columns.cost,
            columns.value,
            self.u,
            self.cap,
            grid.model.weight,
            steps,
        )
        lack = (grid.required - covered) / max(grid.required, 1e-300)
        self.price *= math.exp(min(0.02, max(-0.02, lack)))
        self.cap = self.price * grid.model.weight


def _grid(model: GridCover) -> _Grid:
    pad = 1 + int(max(model.min_separation, *(kind.radius for kind in model.kinds)))
    shape = (model.shape[0] + 2 * pad, model.shape[1] + 2 * pad)
    near = np.ones(shape, np.int16)
    near[pad:-pad, pad:-pad] = 0
    apart = half_widths(model.min_separation, pad)
    for x, y in model.existing_xy + pad:
        stamp(near, x, y, apart, pad, 1)
    total = math.fsum(model.weight.tolist())
    return _Grid(
        model=model,
        pad=pad,
        shape=shape,
        x=model.xy[:, 0] + pad,
        y=model.xy[:, 1] + pad,
        blocked=near > 0,
        half=np.stack([half_widths(kind.radius, pad) for kind in model.kinds]),
        cost=np.array([float(kind.cost) for kind in model.kinds]),
        tile=tile_side(model.min_separation),
        required=model.required_weight,
        slack=total - model.required_weight,
    )


@nb.njit(cache=True, nogil=True)
def _tile_minima(
    sums: NDArray[np.float64],
    blocked: NDArray[np.bool_],
    cost: float,
    pad: int,
    tile: int,
    worst: NDArray[np.float64],
) -> None:
    """Lower `worst` to the least reduced cost of each square of the unpadded grid."""
    for x in range(pad, sums.shape[0] - pad):
        for y in range(pad, sums.shape[1] - pad):
            reduced = cost - sums[x, y]
            if reduced < 0.0 and not blocked[x, y]:
                a, b = (x - pad) // tile, (y - pad) // tile
                worst[a, b] = min(worst[a, b], reduced)


@nb.njit(cache=True, nogil=True)
def _disc_max(
    values: NDArray[np.float64],
    half: NDArray[np.int64],
    pad: int,
    xs: NDArray[np.int64],
    ys: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Raise `out` at each cell to the largest of `values` over the disc around it."""
    for i in range(xs.size):
        x, y = xs[i], ys[i]
        for d in range(-pad, pad + 1):
            h = half[d + pad]
            for q in range(y - h, y + h + 1):
                out[x, y] = max(out[x, y], values[x + d, q])


@nb.njit(cache=True, nogil=True)
def _members(
    kind: NDArray[np.int64],
    xs: NDArray[np.int64],
    ys: NDArray[np.int64],
    number: NDArray[np.int32],
    half: NDArray[np.int64],
    pad: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Weighted cells within each disc, as CSR."""
    start = np.zeros(kind.size + 1, np.int64)
    cell = np.empty(1024, np.int32)
    filled = 0
    for j in range(kind.size):
        if filled + (2 * pad + 1) ** 2 > cell.size:
            grown = np.empty(2 * cell.size + (2 * pad + 1) ** 2, np.int32)
            grown[:filled] = cell[:filled]
            cell = grown
        for d in range(-pad, pad + 1):
            h = half[kind[j], d + pad]
            for q in range(ys[j] - h, ys[j] + h + 1):
                i = number[xs[j] + d, q]
                if i >= 0:
                    cell[filled] = i
                    filled += 1
        start[j + 1] = filled
    return start, cell[:filled].copy()


@nb.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _primal_dual(
    start: NDArray[np.int64],
    cell: NDArray[np.int32],
    cost: NDArray[np.float64],
    value: NDArray[np.float64],
    u: NDArray[np.float64],
    cap: NDArray[np.float64],
    weight: NDArray[np.float64],
    steps: int,
) -> float:
    """Change `value` and `u` in place; return the weight the fractional stations cover."""
    degree = np.zeros(u.size, np.int64)
    for p in range(cell.size):
        degree[cell[p]] += 1
    reach = np.zeros(u.size)
    for _ in range(steps):
        reach[:] = 0.0
        for j in range(cost.size):
            size = start[j + 1] - start[j]
            if size == 0:
                continue
            total = 0.0
            for p in range(start[j], start[j + 1]):
                total += u[cell[p]]
            old = value[j]
            new = max(0.0, old - (cost[j] - total) / size)
            value[j] = old + _RELAXATION * (new - old)
            ahead = 2.0 * new - old
            if ahead != 0.0:
                for p in range(start[j], start[j + 1]):
                    reach[cell[p]] += ahead
        for i in range(u.size):
            step = 1.0 / max(1, degree[i])
            new = min(cap[i], max(0.0, u[i] + step * (1.0 - reach[i])))
            u[i] += _RELAXATION * (new - u[i])
    reach[:] = 0.0
    for j in range(cost.size):
        if value[j] > 0.0:
            for p in range(start[j], start[j + 1]):
                reach[cell[p]] += value[j]
    covered = 0.0
    for i in range(u.size):
        covered += weight[i] * min(1.0, reach[i])
    return covered
