"""Loads of cells that disturb each other: the more one sends, the longer its neighbours need."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.spatial import cKDTree

from siting.radio.network.accumulate import QUANTUM_MW, SERVERS, State
from siting.radio.network.area_prediction import Prediction, accumulate_masts
from siting.radio.network.busy_hour.loops import (
    INDOORS,
    OUTDOORS,
    Places,
    Rates,
    add_loads,
    mark_usable,
    share_out,
)
from siting.radio.network.busy_hour.traffic import Traffic
from siting.radio.network.masts import places_of
from siting.radio.network.throughput import downlink_width_mhz
from siting.radio.propagation.path_loss import Floats
from siting.technology import Penetration
from siting.units import db_to_ratio

#: Loads that still change by less than this count as settled, and iterations at most.
TOLERANCE, MOST_ITERATIONS = 1e-4, 500
#: Steps in which traffic is steered away from overloaded cells, and the least bias of a cell.
BALANCE_STEPS, _LEAST_BIAS = 8, 1e-4
#: Users indoors are behind this wall.
WALL = Penetration.LOW_LOSS

#: Neighbours whose mean stands for the cells beyond the strongest four of a place; their weight
#: falls with the power of the distance that path loss has, from a distance of first rings on [m].
_AROUND, _EXPONENT, _NEAR_M = 40, 3.5, 300.0
#: Places per piece of work; sums are in the order of pieces, so threads do not change the result.
_PIECE = 1 << 14


#: Axis of the pixels in each array of :class:`~siting.radio.network.busy_hour.loops.Places`.
_AXIS_OF_PLACES = {
    "traffic_mbps": 1,
    "server": 1,
    "own_mw": 1,
    "other": 1,
    "other_mw": 1,
    "rest_mw": 1,
    "usable": 2,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shares:
    """Traffic divided among cells.

    Parameters
    ----------
    offered_mbps, kept
        Traffic offered to each cell [Mbit/s], and the share of it that is carried, (cells,).
    carried_mbps, main
        Traffic of each pixel that is carried [Mbit/s], and the cell offered most of it, -1: none,
        (n,).
    """

    offered_mbps: Floats
    kept: Floats
    carried_mbps: Floats
    main: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coupling:
    """Traffic on a network, ready for its loads to be found.

    Parameters
    ----------
    prediction, traffic
        Network and traffic.
    places, rates
        The same for compiled loops.
    around
        Weights of the neighbours of each cell, rows sum to 1, (cells, cells).
    bias
        How attractive each cell is, up to 1, (cells,): places divide their traffic among carriers
        by rate times bias.
    fixed
        Load by places that are not looked at here, (cells,).
    """

    prediction: Prediction
    traffic: Traffic
    places: Places
    rates: Rates
    around: sp.csr_array
    bias: Floats
    fixed: Floats

    def loads(self, activity: Floats) -> Floats:
        """Return the share of time that its traffic takes of each cell, (cells,).

        Parameters
        ----------
        activity
            Share of its power each cell sends, 0 to 1, (cells,).
        """

        def piece(first: int, last: int) -> Floats:
            load = np.zeros(len(activity))
            where = (first, last, self.places, self.rates)
            add_loads(*where, activity, around, self.bias, load)
            return load

        around = self.around @ activity
        return sum(self._pieces(piece), self.fixed)

    def settled(
        self, start: Floats | None = None, tolerance: float = TOLERANCE
    ) -> tuple[Floats, int]:
        """Return the loads at which every cell has the time it needs, and the iterations.

        Parameters
        ----------
        start
            Loads to begin with, (cells,); None: nothing on air, from where loads only rise.
        tolerance
            Change of a load that no longer counts.

        Notes
        -----
        A load above 1 asks for more time than there is; such a cell sends without pause.
        """
        load = np.zeros(len(self.prediction.cells)) if start is None else start
        iterations, change = 0, np.inf
        while change >= tolerance and iterations < MOST_ITERATIONS:
            after = self.loads(np.minimum(load, 1.0))
            change = float(np.abs(after - load).max(initial=0.0))
            load, iterations = after, iterations + 1
        return load, iterations

    def shares(self, load: Floats) -> Shares:
        """Divide the traffic among cells of these loads, (cells,)."""
        activity = np.minimum(load, 1.0)
        around = self.around @ activity
        greatest = self.prediction.model.assumptions.greatest_load
        kept = np.minimum(1.0, greatest / np.maximum(load, 1e-300))
        carried = np.zeros(len(self.traffic))
        main = np.full(len(self.traffic), -1, dtype=np.int64)

        def piece(first: int, last: int) -> Floats:
            offered = np.zeros(len(load))
            where = (first, last, self.places, self.rates, activity, around, self.bias)
            share_out(*where, kept, offered, carried, main)
            return offered

        offered = sum(self._pieces(piece), np.zeros(len(load)))
        return Shares(offered_mbps=offered, kept=kept, carried_mbps=carried, main=main)

    def served_mbps(self) -> Floats:
        """Return the traffic of each pixel that has any usable cell [Mbit/s], (n,)."""
        usable = self.places.usable.any(axis=1)
        return np.asarray(np.where(usable, self.places.traffic_mbps, 0.0).sum(axis=0))

    def balanced(
        self, load: Floats, steps: int = BALANCE_STEPS, tolerance: float = TOLERANCE
    ) -> tuple[Coupling, Floats, int]:
        """Steer traffic away from overloaded cells while more of it is carried for that.

        Parameters
        ----------
        load
            Settled loads, (cells,).
        steps, tolerance
            Steps that are tried, and change of a load that no longer counts in each.

        Returns
        -------
        coupling, load, iterations
            The coupling with other biases, its settled loads and what they took.

        Notes
        -----
        Each step multiplies the bias of a cell by greatest load / load, up to 1, which brings cells
        to the greatest load where other carriers have room. The best step is kept. For Ezhou's plan
        further steps carry 0.3 % more each.
        """
        greatest = self.prediction.model.assumptions.greatest_load
        if len(self.places.server) == 1 or not (load > greatest).any():
            return self, load, 0
        best, most, total = (self, load), self.shares(load).carried_mbps.sum(), 0
        now = self
        for _ in range(steps):
            step = greatest / np.maximum(load, 1e-6)
            now = replace(now, bias=np.clip(now.bias * step, _LEAST_BIAS, 1.0))
            load, iterations = now.settled(load, tolerance)
            carried, total = now.shares(load).carried_mbps.sum(), total + iterations
            if carried > most:
                best, most = (now, load), carried
        return *best, total

    def with_more_cells(self, prediction: Prediction) -> Coupling:
        """Return the same traffic on a network that has more cells after those known."""
        anew = coupling(prediction, self.traffic)
        more = len(prediction.cells) - len(self.bias)
        return replace(
            anew,
            bias=np.concatenate([self.bias, np.ones(more)]),
            fixed=np.concatenate([self.fixed, np.zeros(more)]),
        )

    def part(self, chosen: npt.NDArray[np.bool_], load: Floats) -> Coupling:
        """Return some of the pixels with traffic, the others as they load the cells now.

        Parameters
        ----------
        chosen
            Whether to look at each pixel, (n,).
        load
            Settled loads, (cells,).
        """
        places = self.places
        few = places._replace(
            **{
                name: np.ascontiguousarray(np.compress(chosen, getattr(places, name), axis=axis))
                for name, axis in _AXIS_OF_PLACES.items()
            }
        )
        all_of_it = self.traffic
        traffic = replace(
            all_of_it,
            pixels=all_of_it.pixels[chosen],
            mbps=all_of_it.mbps[chosen],
            people=all_of_it.people[chosen],
        )
        part = replace(self, places=few, traffic=traffic, fixed=np.zeros(len(load)))
        rest = load - part.loads(np.minimum(load, 1.0))
        return replace(part, fixed=np.maximum(rest, 0.0))

    def with_rest_of(self, load: Floats) -> Coupling:
        """Return the coupling whose cells beyond the strongest four are summed up anew.

        Near `load`, (cells,), nothing is approximate then: every cell is heard at its own load.
        """
        activity = np.minimum(load, 1.0)
        power = power_with_loads(self.prediction, activity).reshape(len(self.places.server), -1)
        power = power[:, self.traffic.pixels] * QUANTUM_MW
        places = self.places
        power -= np.where(places.server >= 0, activity[places.server], 0.0) * places.own_mw
        power -= (np.where(places.other >= 0, activity[places.other], 0.0) * places.other_mw).sum(
            axis=2
        )
        mean = (self.around @ activity)[places.server]
        rest = np.where(mean > 0.0, np.maximum(power, 0.0) / np.maximum(mean, 1e-300), 0.0)
        return replace(
            self, places=places._replace(rest_mw=np.where(mean > 0.0, rest, places.rest_mw))
        )

    def _pieces(self, one: Callable[[int, int], Floats]) -> list[Floats]:
        """Take pieces of the places by threads."""
        count = len(self.traffic)
        firsts = list(range(0, count, _PIECE))
        lasts = [min(first + _PIECE, count) for first in firsts]
        if len(firsts) == 1:
            return [one(firsts[0], lasts[0])]
        with ThreadPoolExecutor(self.prediction.threads) as pool:
            return list(pool.map(one, firsts, lasts))


def coupling(prediction: Prediction, traffic: Traffic) -> Coupling:
    """Lay traffic over a network."""
    model = prediction.model
    assumed = model.assumptions
    walls = {OUTDOORS: Penetration.OUTDOOR, INDOORS: WALL}
    loss = [model.by_cell([b.mean_db for b in model.building(walls[i])]) for i in sorted(walls)]
    rates = Rates(
        noise_mw=model.noise_mw * db_to_ratio(np.array(loss)),
        width_mhz=model.by_cell([downlink_width_mhz(t, assumed) for t in model.cells.technologies]),
        gain=float(db_to_ratio(assumed.traffic_gain_db)),
        efficiency=assumed.downlink_efficiency,
        cap_bit_s_hz=assumed.downlink_cap_bit_s_hz,
    )
    places = _places(prediction, traffic)
    least = float(db_to_ratio(assumed.least_snr_db))
    mark_usable(0, len(traffic), places, rates, least)
    return Coupling(
        prediction=prediction,
        traffic=traffic,
        places=places,
        rates=rates,
        around=_neighbours(prediction),
        bias=np.ones(len(prediction.cells)),
        fixed=np.zeros(len(prediction.cells)),
    )


def _places(prediction: Prediction, traffic: Traffic) -> Places:
    """Return what the pixels with traffic receive."""
    received = prediction.received(traffic.pixels)
    carriers, n = len(prediction.frequencies_mhz), len(traffic)
    server = received.state.server >> 2
    power = np.where(server >= 0, db_to_ratio(received.state.level), 0.0)
    total = _full_power_mw(prediction, traffic.pixels)
    indoors = prediction.model.assumptions.indoor_share
    return Places(
        traffic_mbps=np.array([1.0 - indoors, indoors])[:, np.newaxis] * traffic.mbps,
        server=np.ascontiguousarray(server[:, :, 0]),
        own_mw=np.ascontiguousarray(power[:, :, 0]),
        other=np.ascontiguousarray(server[:, :, 1:SERVERS]),
        other_mw=np.ascontiguousarray(power[:, :, 1:SERVERS]),
        rest_mw=np.ascontiguousarray(np.maximum(total - power.sum(axis=2), 0.0)),
        usable=np.zeros((2, carriers, n), dtype=np.bool_),
    )


def _full_power_mw(prediction: Prediction, pixels: npt.NDArray[np.int64]) -> Floats:
    """Return the power of all cells sending without pause [mW], (carriers, pixels)."""
    load = prediction.model.table.weight * QUANTUM_MW
    heard = load[prediction.cells.active]
    power = prediction.state.power
    if not len(heard) or heard.min() < max(0.01, heard.max()):
        power, one = power_with_loads(prediction, np.ones(len(load))), 1.0
    else:
        one = float(heard[0])
    some = power.reshape(len(power), -1)[:, pixels].astype(np.float64)
    return some * (QUANTUM_MW / one)


def power_with_loads(prediction: Prediction, load: Floats) -> npt.NDArray[np.int64]:
    """Sum up what every pixel receives when cells send other shares of their power.

    Parameters
    ----------
    prediction
        The network.
    load
        Share each cell sends, 0 to 1, (cells,).

    Returns
    -------
    array
        Loads times received powers [QUANTUM_MW], (carriers, rows, columns).
    """
    cells = prediction.cells.with_values(np.arange(len(load)), load=load)
    model = prediction.model.with_cells(cells)
    state = State.empty(prediction.state.power.shape)
    heard = np.flatnonzero(cells.within(prediction.grid) & cells.active)
    work = (model, prediction.surroundings, places_of(cells, heard), state, prediction.threads)
    for _ in accumulate_masts(*work):
        pass
    return state.power


def _neighbours(prediction: Prediction) -> sp.csr_array:
    """Return the weights of the neighbours of each cell on its carrier, (cells, cells)."""
    cells, carrier = prediction.cells, prediction.model.table.carrier
    rows, columns, values = [], [], []
    for number in range(len(prediction.frequencies_mhz)):
        mine = np.flatnonzero((carrier == number) & cells.active)
        if len(mine) <= 1:
            continue
        near = min(len(mine), _AROUND + 1)
        distance, other = cKDTree(cells.xy[mine]).query(cells.xy[mine], k=near)
        weight = np.hypot(distance, _NEAR_M) ** -_EXPONENT
        weight[other == np.arange(len(mine))[:, np.newaxis]] = 0.0
        weight /= weight.sum(axis=1, keepdims=True)
        rows.append(np.repeat(mine, near))
        columns.append(mine[other].ravel())
        values.append(weight.ravel())
    shape = (len(cells), len(cells))
    if not rows:
        return sp.csr_array(shape, dtype=np.float64)
    place = (np.concatenate(rows), np.concatenate(columns))
    return sp.csr_array(sp.coo_array((np.concatenate(values), place), shape=shape))
