"""Solve a :class:`~siting.location.grid.cover.GridCover`: greedy, annealing, and a proven bound.

The search and the bound use each other's by-products: a short annealing finds the price of cover
and the stations from which the bound's primal-dual steps start; the bound then runs on one thread
while the search goes on on the other. Both are counted in rounds and steps, so the answer is a
function of instance, seed and effort; the clock is a safety net, and the solution says whether it
ended the run.

Stations of three sectors are sought and bounded by the same driver with their own kernels: they aim
at what is open (:mod:`siting.location.grid.aim`), and their bound holds for every azimuth
(:mod:`siting.location.grid.sector_bound`).
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from siting.clock import Clock
from siting.location.grid.anneal import DiscMoves, Search, SectorMoves
from siting.location.grid.answers import azimuth_of, covered_weight, has_sectors, in_cells
from siting.location.grid.bound import Dual, DualBound, tile_side
from siting.location.grid.cover import (
    DiscKind,
    GridCertificate,
    GridCover,
    GridCoverSolution,
    SectorKind,
)
from siting.location.grid.sector_bound import SectorBound
from siting.location.grid.sector_state import new_sector_field
from siting.location.grid.state import disc_sums, new_field
from siting.progress import Report, Stop

_log = logging.getLogger(__name__)
#: Temperatures, as shares of the cheapest cost, for discs and sectors.
_HOT, _WARM, _COLD = (0.03, 0.005), (0.022, 0.005), (0.003, 0.0005)
#: What a second cover of a cell counts, at first and later.
_LURES, _SMALL_LURES = (0.06, 0.03, 0.015, 0.0), (0.03, 0.015, 0.007, 0.0)
_WORKERS = 2
#: Bound over cost from which its multipliers tell good places from bad ones.
_TIGHT = 0.97
#: Shares of the weight below this are no measure of a price.
_LEAST_SHARE = 1e-6
#: Nominal speeds of one thread for discs and sectors, and how the time is shared out; the clock
#: corrects what is wrong.
_STEPS_PER_S = 14_000.0, 900.0
_SHARE_FIRST, _SHARE_MIDDLE, _SHARE_LAST = 0.12, 0.3, 0.5
_DUAL_STEPS_PER_S = 10.0, 6.0
_MOST_ROUNDS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GridEffort:
    """How much work is done; the answer depends on this and the seed, not on the clock.

    Parameters
    ----------
    first_rounds, middle_rounds, last_rounds
        Rounds of annealing before, while and after the bound is computed, of one step a station.
    dual_steps
        Primal-dual steps of the bound.
    """

    first_rounds: int
    middle_rounds: int
    last_rounds: int
    dual_steps: int

    @classmethod
    def fitting(cls, stations: int, seconds: float, *, sectors: bool = False) -> GridEffort:
        """Choose what two nominal cores do in `seconds` [s] with so many stations."""
        steps = _STEPS_PER_S[sectors] * seconds / max(1, stations)
        return cls(
            first_rounds=min(_MOST_ROUNDS, max(20, int(_SHARE_FIRST * _WORKERS * steps))),
            middle_rounds=min(_MOST_ROUNDS, max(20, int(_SHARE_MIDDLE * steps))),
            last_rounds=min(_MOST_ROUNDS, max(20, int(_SHARE_LAST * _WORKERS * steps))),
            dual_steps=max(100, int(_DUAL_STEPS_PER_S[sectors] * seconds)),
        )


class _Limits:
    """What ends one run, what ended it, and what its caller is told.

    Parameters
    ----------
    clock
        Joins the caller's `stop`, the time limit and the caller's `progress`.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.limit = "iterations"
        self.bound: float | None = None
        self.value: float | None = None

    def until(self, share: float) -> Stop:
        """Make a stop that is true after `share` of the time, or when the caller asks."""
        part = Clock(
            stop=self.clock.stop, limit_s=share * self.clock.limit_s, began=self.clock.began
        )

        def stop() -> bool:
            if part.expired():
                self.limit = "stop" if part.stopped else "time"
                return True
            return False

        return stop

    def report(self, fraction: float) -> None:
        self.clock.report("targets", fraction, value=self.value, bound=self.bound, unit="cost")


def solve_grid_cover(
    model: GridCover,
    *,
    seed: int = 0,
    max_runtime_s: float = 60.0,
    effort: GridEffort | None = None,
    stop: Stop | None = None,
    progress: Report | None = None,
) -> GridCoverSolution:
    """Cover the required weight at low cost, and prove how low the cost could be at most.

    Parameters
    ----------
    model
        The instance.
    seed
        Of every random draw.
    max_runtime_s
        Wall time allowed [s], not counting the compilation of kernels on their first use.
    effort
        Rounds and steps; None: what fits into `max_runtime_s` on two cores.
    stop
        Asked often; True returns the best answer so far.
    progress
        Receives reports with the best cost and the proven bound.

    Returns
    -------
    GridCoverSolution
        Status ``optimal`` when cost and bound meet, ``feasible`` otherwise; ``infeasible`` when
        even stations everywhere would not cover enough; ``unknown`` when nothing that is enough was
        found within the separation rule.

    Notes
    -----
    Weights are rounded up by less than 2**-50 of their total for the search, the permitted
    uncovered weight is not; the covered weight of the answer is summed anew with
    :func:`math.fsum` from the given weights.
    """
    sectors = has_sectors(model)
    _compile_kernels(sectors)
    limits = _Limits(Clock(stop=stop, progress=progress, limit_s=max_runtime_s))
    if model.required_weight <= 0.0:
        nobody = np.zeros((0, 6 if has_sectors(model) else 3), np.int64)
        return _solution(model, nobody, None, seed=seed, limits=limits)
    limits.report(0.0)
    search, kinds = _begin(model, seed, limits.until(0.5))
    if search.best is None:
        return _nothing(model, search, kinds, seed, limits)
    history = [(limits.clock.elapsed_s, search.best_value)]
    _log.info("greedy: %d stations, cost %g", len(search.stations), search.best_value)

    def note(_: float) -> None:
        if search.best_value < history[-1][1]:
            history.append((limits.clock.elapsed_s, search.best_value))
        limits.value = search.best_value
        limits.report(min(1.0, limits.clock.elapsed_s / max_runtime_s))

    work = effort or GridEffort.fitting(len(search.stations), max_runtime_s, sectors=sectors)
    search.cool(
        rounds=work.first_rounds,
        hot=_HOT[sectors],
        cold=_COLD[sectors],
        lures=_LURES if sectors else (),
        workers=_WORKERS,
        stop=limits.until(0.3),
        report=note,
    )
    search.fill()
    note(0.0)
    if limits.limit == "stop":
        stations = _settled(model, search, kinds)
        return _solution(model, stations, None, seed=seed, limits=limits, history=tuple(history))
    dual = _bounded(model, search, kinds, work=work, limits=limits, note=note)
    stopped = limits.until(0.9)
    tight = not stopped() and dual.bound >= _TIGHT * search.best_value
    guided = search.only(dual.worthwhile(kinds, search.grid.pad)) if tight else nullcontext()
    with guided:
        search.cool(
            rounds=work.last_rounds,
            hot=_WARM[sectors],
            cold=_COLD[sectors],
            lures=_SMALL_LURES if sectors else (),
            workers=_WORKERS,
            stop=lambda: stopped() or search.best_value <= dual.bound,
            report=note,
        )
    search.fill()
    stations = _settled(model, search, kinds)
    note(0.0)
    return _solution(model, stations, dual, seed=seed, limits=limits, history=tuple(history))


@functools.cache
def _compile_kernels(sectors: bool) -> None:  # noqa: FBT001 (a key of the cache)
    """Run every kernel once on four cells, so that no deadline pays for compilation."""
    kind = SectorKind if sectors else DiscKind
    model = GridCover(
        shape=(2, 2),
        xy=np.array([[0, 0], [1, 1]]),
        weight=np.ones(2),
        existing_xy=np.zeros((0, 2), np.int64),
        kinds=(kind(name="any", radius=1, cost=1),),
        min_separation=0,
        required_fraction=1.0,
    )
    search = _search(model, (0,), 0)
    search.start()
    search.cool(
        rounds=1,
        hot=_HOT[0],
        cold=_COLD[0],
        workers=1,
        stop=lambda: False,
        lures=_LURES[:1] if sectors else (),
    )
    search.restore()
    dual = _dual(model, search, (0,))
    dual.improve(1, lambda: False, lambda _: None)


def _begin(model: GridCover, seed: int, stop: Stop) -> tuple[Search, tuple[int, ...]]:
    """Place greedily with every kind, then keep only the kinds it used."""
    search = _search(model, tuple(range(len(model.kinds))), seed)
    search.start(stop)
    used = tuple(np.unique(search.stations[:, 0]).tolist())
    if search.best is None or len(used) == len(model.kinds) or stop():
        return search, tuple(range(len(model.kinds)))
    lean = _search(model, used, seed)
    stations = search.stations.copy()
    stations[:, 0] = np.searchsorted(used, stations[:, 0])
    stations[:, 1:3] += lean.grid.pad - search.grid.pad
    lean.adopt(stations)
    return lean, used


def _search(model: GridCover, kinds: tuple[int, ...], seed: int) -> Search:
    moves: DiscMoves | SectorMoves
    if has_sectors(model):
        moves = SectorMoves(new_sector_field(model, kinds))
    else:
        moves = DiscMoves(new_field(model, kinds))
    weight = moves.grid.weight
    total = math.fsum(weight[weight > 0].tolist())
    allowed = math.fsum(model.weight.tolist()) - model.required_weight
    required = max(total - allowed, model.required_weight)
    return Search(moves=moves, required=required, seed=seed)


def _dual(
    model: GridCover,
    search: Search,
    kinds: tuple[int, ...],
    stop: Stop = lambda: False,
) -> Dual:
    """Begin the bound from the search's stations and its price of cover, if that proves anything.

    Else from what the weight costs on average, which the last of it costs at least.
    """
    stations = in_cells(search.stations, kinds, search.grid.pad)
    average = search.best_value / max(search.required, _LEAST_SHARE * math.fsum(model.weight))
    duals: list[Dual] = []
    for price in (search.price, average):
        if has_sectors(model):
            azimuth = azimuth_of(model, stations)
            duals.append(SectorBound(model, price, stations[:, :3], azimuth, stop))
        else:
            duals.append(DualBound(model, price, stations, stop))
        if duals[-1].best > 0.0 or stop():
            break
    return duals[-1]


def _bounded(
    model: GridCover,
    search: Search,
    kinds: tuple[int, ...],
    *,
    work: GridEffort,
    limits: _Limits,
    note: Callable[[float], None],
) -> Dual:
    """Compute the bound on one thread while the search goes on on another."""
    sectors = has_sectors(model)
    stopped = limits.until(0.75)
    dual = _dual(model, search, kinds, stopped)

    def closed() -> bool:
        return stopped() or search.best_value <= dual.bound

    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(
            dual.improve, work.dual_steps, closed, lambda bound: setattr(limits, "bound", bound)
        )
        search.cool(
            rounds=work.middle_rounds,
            hot=_WARM[sectors],
            cold=_COLD[sectors],
            lures=_SMALL_LURES if sectors else (),
            workers=1,
            stop=closed,
            report=note,
        )
        task.result()
    dual.sharpen(limits.until(0.95))
    limits.bound = dual.bound
    search.fill()
    note(0.0)
    return dual


def _settled(model: GridCover, search: Search, kinds: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the best stations, adding one more where the last bit of a sum decides."""
    while True:
        search.restore()
        stations = in_cells(search.stations, kinds, search.grid.pad)
        if covered_weight(model, stations) >= model.required_weight:
            return stations
        search.required = math.nextafter(search.covered, math.inf)
        search.best, search.best_value = None, math.inf
        search.fill()
        if search.best is None:
            return in_cells(search.stations, kinds, search.grid.pad)


def _no_proof(model: GridCover) -> GridCertificate:
    return GridCertificate(
        price=0.0, cell_price=np.zeros(len(model.weight)), tile=tile_side(model.min_separation)
    )


def _nothing(
    model: GridCover, search: Search, kinds: tuple[int, ...], seed: int, limits: _Limits
) -> GridCoverSolution:
    """Report the most that was covered, and whether covering enough is impossible.

    A search that was stopped, or out of time, says no more than that it found nothing.
    """
    stations = in_cells(search.stations, kinds, search.grid.pad)
    solution = _solution(model, stations, None, seed=seed, limits=limits)
    if limits.limit != "iterations":
        return solution
    fresh = new_field(model, tuple(range(len(model.kinds))))
    reach = np.zeros(fresh.weight.shape)
    for k in range(len(model.kinds)):
        disc_sums((fresh.near == 0).astype(np.float64), fresh.half[k], fresh.pad, reach)
    within = reach[model.xy[:, 0] + fresh.pad, model.xy[:, 1] + fresh.pad] > 0.0
    most = math.fsum(model.weight[within].tolist())
    return replace(solution, status="infeasible") if most < model.required_weight else solution


def _solution(
    model: GridCover,
    stations: NDArray[np.int64],
    dual: Dual | None,
    *,
    seed: int,
    limits: _Limits,
    history: tuple[tuple[float, float], ...] = (),
) -> GridCoverSolution:
    bound = dual.bound if dual is not None else 0.0
    value = math.fsum(float(model.kinds[k].cost) for k in stations[:, 0])
    covered = covered_weight(model, stations)
    total = math.fsum(model.weight.tolist())
    status = "optimal" if value <= bound else "feasible"
    if covered < model.required_weight:
        status, value = "unknown", math.inf
    gap = max(0.0, 1.0 - bound / value) if value > 0.0 else 0.0
    solution = GridCoverSolution(
        status=status,
        kind=stations[:, 0],
        xy=stations[:, 1:3],
        azimuth=azimuth_of(model, stations),
        value=value,
        covered=covered,
        share=covered / total if total > 0.0 else 1.0,
        bound=bound,
        gap=gap,
        certificate=_no_proof(model) if dual is None else dual.certificate,
        seed=seed,
        seconds=limits.clock.elapsed_s,
        limit=limits.limit,
        history=history,
    )
    _log.info(
        "grid cover: %d stations, cost %g, bound %g, gap %.4f, %.1f s, ended by %s",
        len(stations),
        value,
        bound,
        gap,
        solution.seconds,
        solution.limit,
    )
    return solution
