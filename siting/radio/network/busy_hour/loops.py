"""Compiled loops of the busy hour: what places ask of cells while neighbours are on air."""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.radio.propagation.path_loss import Floats

#: Places of users: in the street, and behind a wall.
OUTDOORS, INDOORS = 0, 1


class Places(NamedTuple):
    """Places with traffic and what they receive, in the terms of compiled loops.

    Parameters
    ----------
    traffic_mbps
        Traffic outdoors and indoors [Mbit/s], (2, n).
    server
        Strongest cell of each carrier, -1: none, (carriers, n).
    own_mw
        Power received from it in one subcarrier [mW], likewise.
    other, other_mw
        The next strongest cells, -1: none, and their powers, (carriers, n, 3).
    rest_mw
        Power of all cells beyond, were they all on air without pause [mW], (carriers, n).
    usable
        Whether the carrier serves the place, (2, carriers, n).
    """

    traffic_mbps: Floats
    server: npt.NDArray[np.int32]
    own_mw: Floats
    other: npt.NDArray[np.int32]
    other_mw: Floats
    rest_mw: Floats
    usable: npt.NDArray[np.bool_]


class Rates(NamedTuple):
    """What turns powers into rates.

    Parameters
    ----------
    noise_mw
        Noise in one subcarrier, raised by the loss of the wall, (2, cells).
    width_mhz
        Bandwidth times the downlink's share of time, (cells,).
    gain
        Ratio of traffic beams to the beams of the synchronisation signal.
    efficiency, cap_bit_s_hz
        As for :func:`siting.radio.network.throughput.truncated_shannon`.
    """

    noise_mw: Floats
    width_mhz: Floats
    gain: float
    efficiency: float
    cap_bit_s_hz: float


@njit(cache=True, nogil=True)
def _interference(places, c, i, activity, around):
    """Return the power of all other cells of a carrier at a place [mW]."""
    power = places.rest_mw[c, i] * around[places.server[c, i]]
    for k in range(places.other.shape[2]):
        if places.other[c, i, k] >= 0:
            power += places.other_mw[c, i, k] * activity[places.other[c, i, k]]
    return power


@njit(cache=True, nogil=True)
def _rates(places, rates, i, activity, around, out):
    """Write the rate of every carrier outdoors and indoors [Mbit/s], (2, carriers); 0: unusable."""
    for c in range(len(places.server)):
        out[0, c] = out[1, c] = 0.0
        if not (places.usable[0, c, i] or places.usable[1, c, i]):
            continue
        cell = places.server[c, i]
        power = _interference(places, c, i, activity, around)
        for wall in range(2):
            if places.usable[wall, c, i]:
                sinr = rates.gain * places.own_mw[c, i] / (power + rates.noise_mw[wall, cell])
                rate = min(rates.efficiency * math.log2(1.0 + sinr), rates.cap_bit_s_hz)
                out[wall, c] = rate * rates.width_mhz[cell]


@njit(cache=True, nogil=True)
def mark_usable(first, last, places, rates, least):
    """Mark the carriers whose ratio reaches a least one while all neighbours send without pause."""
    for i in range(first, last):
        for c in range(len(places.server)):
            cell = places.server[c, i]
            if cell < 0:
                continue
            power = places.rest_mw[c, i]
            for k in range(places.other.shape[2]):
                if places.other[c, i, k] >= 0:
                    power += places.other_mw[c, i, k]
            for wall in range(2):
                sinr = rates.gain * places.own_mw[c, i] / (power + rates.noise_mw[wall, cell])
                places.usable[wall, c, i] = sinr >= least


@njit(cache=True, nogil=True)
def add_loads(first, last, places, rates, activity, around, bias, load):
    """Add the time that places take of cells to the cells' loads.

    Parameters
    ----------
    first, last
        Places, `last` excluded.
    places, rates
        Who asks, and what turns powers into rates.
    activity, around
        Share of power each cell sends, and the mean of its neighbours, (cells,).
    bias
        How attractive each cell is, (cells,): traffic is divided by rate times bias.
    load
        Shares of time, (cells,); changed.
    """
    rate = np.empty((2, len(places.server)))
    for i in range(first, last):
        _rates(places, rates, i, activity, around, rate)
        for wall in range(2):
            total = _attraction(places, i, rate[wall], bias)
            if total > 0.0:
                for c in range(len(places.server)):
                    cell = places.server[c, i]
                    if rate[wall, c] > 0.0:
                        load[cell] += places.traffic_mbps[wall, i] * bias[cell] / total


@njit(cache=True, nogil=True)
def _attraction(places, i, rate, bias):
    """Return the sum of rates times biases of the carriers at a place."""
    total = 0.0
    for c in range(len(rate)):
        if rate[c] > 0.0:
            total += rate[c] * bias[places.server[c, i]]
    return total


@njit(cache=True, nogil=True)
def share_out(first, last, places, rates, activity, around, bias, kept, offered, carried, main):
    """Divide the traffic of places among cells.

    Parameters
    ----------
    first, last, places, rates, activity, around, bias
        As for :func:`add_loads`.
    kept
        Share of its traffic each cell carries, (cells,).
    offered
        Traffic offered to each cell [Mbit/s], (cells,); changed.
    carried
        Traffic of each place that is carried [Mbit/s], (n,); changed.
    main
        Cell that is offered most of each place, (n,); changed, -1: none.
    """
    carriers = len(places.server)
    rate = np.empty((2, carriers))
    part = np.empty(carriers)
    for i in range(first, last):
        _rates(places, rates, i, activity, around, rate)
        part[:] = 0.0
        for wall in range(2):
            total = _attraction(places, i, rate[wall], bias)
            if total > 0.0:
                for c in range(carriers):
                    if rate[wall, c] > 0.0:
                        weight = rate[wall, c] * bias[places.server[c, i]] / total
                        part[c] += places.traffic_mbps[wall, i] * weight
        most = 0.0
        main[i] = -1
        for c in range(carriers):
            if part[c] > 0.0:
                cell = places.server[c, i]
                offered[cell] += part[c]
                carried[i] += part[c] * kept[cell]
                if part[c] > most:
                    most = part[c]
                    main[i] = cell
