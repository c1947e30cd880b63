"""Compiled loops of the area prediction: what each pixel receives from the cells of one mast.

Three things are kept per pixel and carrier: the strongest servers in order, the sum of the powers
that disturb, and nothing else. The sum is kept in whole numbers of :data:`QUANTUM_MW`, and equal
levels are ordered by the number of the cell; both make the result independent of the order in
which masts are added, hence bit-equal for any division of the work, and exactly reversible.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.radio.antenna import attenuations, turned
from siting.radio.fast_math import angle_deg, power_ratios
from siting.radio.ground.obstruction import bullington_loss_db
from siting.radio.ground.terrain import MEDIAN_RADIUS_FACTOR
from siting.radio.network.loss_curves import BLOCKED, FREE, UNKNOWN
from siting.radio.propagation.diffraction import CLEAR, EARTH_RADIUS_KM
from siting.radio.propagation.path_loss import NEAR_FIELD_M, USER_HEIGHT_M

#: Unit of the sum of powers [mW]: -170 dBm, 47 dB below the thermal noise of a subcarrier of
#: 15 kHz. 63 bits hold 36 cells of the greatest power allowed, all 10 m away.
QUANTUM_MW = 1e-17

#: Servers kept per pixel.
SERVERS = 4

#: Unit of the edges kept for a mast [sqrt(m)], an error of 0.02 dB at most; the greatest edge kept
#: is 32.767, about 60 dB at 700 MHz.
EDGE_STEP = 1e-3
_EDGE_MOST = 32767
#: Edge of a pixel out of reach.
NO_EDGE = -32768

#: What is done with the cells of a mast.
ADD, REMOVE, REFILL = 1, -1, 0

_ALL = slice(None)
_RADIUS_M = 1e3 * EARTH_RADIUS_KM * MEDIAN_RADIUS_FACTOR


class State(NamedTuple):
    """What pixels receive, by carrier.

    Parameters
    ----------
    level
        Median SS-RSRP of the strongest servers, strongest first [dBm], (carriers, ..., 4); -inf
        where there is none.
    server
        Four times the number of the cell plus what is known of its line of sight, likewise; -1.
    power
        Sum of load times received power over all cells [QUANTUM_MW], (carriers, ...).
    """

    level: npt.NDArray[np.float32]
    server: npt.NDArray[np.int32]
    power: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> State:
        """Return pixels that hear nothing, of shape (carriers, ...)."""
        return cls(
            level=np.full((*shape, SERVERS), -np.inf, dtype=np.float32),
            server=np.full((*shape, SERVERS), -1, dtype=np.int32),
            power=np.zeros(shape, dtype=np.int64),
        )

    def copy(self, rows: slice = _ALL, columns: slice = _ALL) -> State:
        """Return a copy, or one of a box of the raster."""
        return State(
            level=self.level[:, rows, columns].copy(),
            server=self.server[:, rows, columns].copy(),
            power=self.power[:, rows, columns].copy(),
        )

    def by_id(self) -> State:
        """Return the same values by id of pixel, (carriers, pixels, ...)."""
        carriers = len(self.power)
        return State(
            level=self.level.reshape(carriers, -1, SERVERS),
            server=self.server.reshape(carriers, -1, SERVERS),
            power=self.power.reshape(carriers, -1),
        )

    def at(self, pixels: npt.NDArray[np.bool_] | npt.NDArray[np.int64] | slice) -> State:
        """Return the values at some pixels of a state by id, laid out as the whole is."""
        return State(
            level=np.ascontiguousarray(self.level[:, pixels]),
            server=np.ascontiguousarray(self.server[:, pixels]),
            power=np.ascontiguousarray(self.power[:, pixels]),
        )


class CellTable(NamedTuple):
    """The cells for compiled loops, (cells,) each.

    Parameters
    ----------
    x, y
        Position in pixels from the south-west corner of the raster.
    carrier, curve, pattern
        Row of the carrier, of the loss table and of the pattern.
    eirp_dbm
        Power in one subcarrier in the strongest direction [dBm].
    azimuth_deg, tilt_deg, mechanical_deg
        Where the antenna points [degrees].
    weight
        Load over the quantum of power [1/mW].
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    carrier: npt.NDArray[np.int32]
    curve: npt.NDArray[np.int32]
    pattern: npt.NDArray[np.int32]
    eirp_dbm: npt.NDArray[np.float64]
    azimuth_deg: npt.NDArray[np.float64]
    tilt_deg: npt.NDArray[np.float64]
    mechanical_deg: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


class Mast(NamedTuple):
    """Cells at one position and height, and what stands round it.

    Parameters
    ----------
    x, y
        Position in pixels from the south-west corner of the raster.
    height_m
        Antennas above ground [m].
    cells
        Numbers of the cells, those of one loss curve together.
    directional
        Whether any of them has a direction.
    row, column, rows, columns
        Window of the raster that holds all pixels within reach.
    edge
        Bullington's edge [EDGE_STEP], (rows, columns), or (0, 0) without terrain.
    sight
        1 free, 0 blocked, -1 unknown, likewise; (0, 0): what the sign of the edge says.
    """

    x: float
    y: float
    height_m: float
    cells: npt.NDArray[np.int32]
    directional: bool
    row: int
    column: int
    rows: int
    columns: int
    edge: npt.NDArray[np.int16]
    sight: npt.NDArray[np.int8]


@njit(cache=True, nogil=True)
def encode(edge, out):
    """Write edges in whole steps."""
    for r in range(edge.shape[0]):
        for c in range(edge.shape[1]):
            e = edge[r, c]
            if math.isnan(e):
                out[r, c] = NO_EDGE
            elif e < 0.0:  # the sign says whether the ground blocks, and must stay
                out[r, c] = round(min(max(e / EDGE_STEP, -_EDGE_MOST), -1.0))
            else:
                out[r, c] = round(min(e / EDGE_STEP, _EDGE_MOST))


@njit(cache=True, nogil=True)
def flat_edge(distance, height):
    """Bullington's edge of level ground: the reflection point of the median Earth [sqrt(m)]."""
    u = USER_HEIGHT_M / (height + USER_HEIGHT_M)
    rise = distance * math.sqrt(2.0 * distance * u * (1.0 - u)) / (2.0 * _RADIUS_M)
    return rise - 2.0 * math.sqrt(2.0 * height * USER_HEIGHT_M / distance)


@njit(cache=True, nogil=True)
def terrain_loss(edge, distance, height, wavelength):
    """Bullington loss of the ground beyond that of level ground [dB], 0 at least."""
    clear = CLEAR * math.sqrt(wavelength)
    if edge <= clear:
        return 0.0
    loss = bullington_loss_db(edge, wavelength, distance)
    level = flat_edge(max(distance, NEAR_FIELD_M), height)
    if level > clear:
        loss -= bullington_loss_db(level, wavelength, distance)
    return max(loss, 0.0)


@njit(cache=True, nogil=True)
def median_loss(loss_db, root_nearest, nodes_per_root, curve, sight, distance):
    """Interpolate a table of losses [dB]; within 10 m the loss at 10 m."""
    place = nodes_per_root * (math.sqrt(max(distance, NEAR_FIELD_M)) - root_nearest)
    low = min(max(int(place), 0), loss_db.shape[2] - 2)
    first = loss_db[curve, sight, low]
    return first + (place - low) * (loss_db[curve, sight, low + 1] - first)


@njit(cache=True, nogil=True)
def apply_mast(
    state, dirty, action, first, last, mast, table, losses, patterns, ground, pixel_m, radius_m
):
    """Add the cells of a mast to the pixels of some rows, or take them away.

    Parameters
    ----------
    state
        What the pixels receive; changed.
    dirty
        (rows, columns): REMOVE marks the pixels that lost one of their servers, REFILL looks for
        servers in the marked pixels alone; (0, 0) for ADD.
    action
        ADD, REMOVE, or REFILL (servers only, the powers stay).
    first, last
        Rows of the raster, `last` excluded.
    mast, table, losses, patterns
        The mast and what its cells are made of.
    ground
        Ground above sea level [m], (rows, columns), or (0, 0) for level ground.
    pixel_m, radius_m
        Side of a pixel, and distance to which cells are heard [m].
    """
    most = mast.columns
    at, sight = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    edge, distance, azimuth, below = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    to, work, lost = np.empty((3, most)), np.empty((2, most)), np.zeros(most)
    loss, ratio = np.empty(most), np.empty(most)
    level = np.empty(most, dtype=np.float32)
    for r in range(max(first, mast.row), min(last, mast.row + mast.rows)):
        n = _pixels(mast, dirty, action, r, radius_m / pixel_m, at, edge, sight)
        _directions(mast, ground, pixel_m, r, n, at, to, distance, azimuth, below)
        curve = -1
        for cell in mast.cells:
            g = table.carrier[cell]
            if table.curve[cell] != curve:
                curve = table.curve[cell]
                _losses(losses, curve, mast.height_m, n, edge, sight, distance, loss)
            if mast.directional:
                _attenuations(table, patterns, cell, to, azimuth, below, work, lost[:n])
            for i in range(n):
                level[i] = np.float32(table.eirp_dbm[cell] - lost[i] - loss[i])
            if action != REFILL:
                _disturb(state.power[g, r], n, at, level, action * table.weight[cell], ratio)
            if action != REMOVE:
                _insert(state.level[g, r], state.server[g, r], n, at, sight, level, cell)
            else:
                _mark(state.server[g, r], dirty[r], n, at, sight, cell)


@njit(cache=True, nogil=True)
def _pixels(mast, dirty, action, r, reach, at, edge, sight):
    """List the columns of a row that are within reach; return their number."""
    edges, sights = mast.edge, mast.sight
    rough, known = edges.shape[0] > 0, sights.shape[0] > 0
    dy = r + 0.5 - mast.y
    if abs(dy) > reach:
        return 0
    chord = math.sqrt(reach * reach - dy * dy)
    west = max(mast.column, math.ceil(mast.x - chord - 0.5))
    east = min(mast.column + mast.columns - 1, math.floor(mast.x + chord - 0.5))
    n = 0
    for c in range(west, east + 1):
        if action == REFILL and not dirty[r, c]:
            continue
        at[n], edge[n], sight[n] = c, -math.inf, UNKNOWN
        if rough:
            code = edges[r - mast.row, c - mast.column]
            if code == NO_EDGE:
                continue
            edge[n] = code * EDGE_STEP
            seen = sights[r - mast.row, c - mast.column] if known else -1 if code < 0 else 0
            sight[n] = FREE if seen > 0 else BLOCKED if seen == 0 else UNKNOWN
        n += 1
    return n


@njit(cache=True, nogil=True)
def _directions(mast, ground, pixel_m, r, n, at, to, distance, azimuth, below):
    """Write vectors to the pixels of a row [m], their length on the level, and angles [degrees]."""
    antenna = mast.height_m - USER_HEIGHT_M
    rough = ground.shape[0] > 0
    if rough:
        rows, columns = ground.shape
        antenna += ground[min(int(mast.y), rows - 1), min(int(mast.x), columns - 1)]
    north = pixel_m * (r + 0.5 - mast.y)
    for i in range(n):
        east = pixel_m * (at[i] + 0.5 - mast.x)
        down = antenna - ground[r, at[i]] if rough else antenna
        to[0, i], to[1, i], to[2, i] = east, north, down
        distance[i] = math.sqrt(east * east + north * north)
    if mast.directional:
        for i in range(n):
            azimuth[i] = angle_deg(to[0, i], north)
            below[i] = angle_deg(to[2, i], distance[i])


@njit(cache=True, nogil=True)
def _disturb(power, n, at, level, weight, ratio):
    """Add a weight times levels to the powers of a row, each in whole numbers."""
    power_ratios(level[:n], ratio, ratio.view(np.int64))
    half = math.copysign(0.5, weight)
    for i in range(n):
        power[at[i]] += np.int64(weight * ratio[i] + half)


@njit(cache=True, nogil=True)
def _attenuations(table, patterns, cell, to, azimuth, below, work, out):
    """Write the attenuation of a cell's antenna towards the pixels of a row [dB]."""
    aim, across, down = table.azimuth_deg[cell], azimuth, below
    if table.mechanical_deg[cell] != 0.0:
        across, down = work[0], work[1]
        turned(to, len(out), aim, table.mechanical_deg[cell], across, down)
        aim = 0.0
    attenuations(
        patterns, np.int64(table.pattern[cell]), across, aim, down, table.tilt_deg[cell], out
    )


@njit(cache=True, nogil=True)
def _losses(losses, curve, height, n, edge, sight, distance, loss):
    """Write median path loss and loss by terrain for the pixels of a row [dB]."""
    loss_db, wavelength = losses.loss_db, losses.wavelength_m[curve]
    root, per_root = losses.root_nearest, losses.nodes_per_root
    for i in range(n):
        loss[i] = median_loss(loss_db, root, per_root, curve, sight[i], distance[i])
        loss[i] += terrain_loss(edge[i], distance[i], height, wavelength)


@njit(cache=True, nogil=True)
def _mark(servers, dirty, n, at, sight, cell):
    """Mark the pixels of a row that a cell is one of the servers of."""
    for i in range(n):
        for k in range(SERVERS):
            if servers[at[i], k] == 4 * cell + sight[i]:
                dirty[at[i]] = True


@njit(cache=True, nogil=True)
def _insert(levels, servers, n, at, sight, level, cell):
    """Put a cell in its place among the strongest of the pixels of a row."""
    for i in range(n):
        c, server, k = at[i], 4 * cell + sight[i], SERVERS
        while k > 0:
            other = levels[c, k - 1]
            if level[i] < other or (level[i] == other and server > servers[c, k - 1]):
                break
            if k < SERVERS:
                levels[c, k] = other
                servers[c, k] = servers[c, k - 1]
            k -= 1
        if k < SERVERS:
            levels[c, k] = level[i]
            servers[c, k] = server


@njit(cache=True, nogil=True)
def sinr(level, server, power, weight, noise_mw, inside, out):
    """Write the SINR of the strongest servers [dB], (pixels,); NaN where there is none.

    `level`, `server` and `power` are of one carrier by id; `noise_mw` is the noise by cell,
    `inside` the power ratio of the loss into a building by cell.
    """
    own = np.empty(len(out))
    power_ratios(level[:, 0].copy(), own, own.view(np.int64))
    for i in range(len(out)):
        if server[i, 0] < 0:
            out[i] = np.nan
            continue
        cell = server[i, 0] >> 2
        others = (power[i] - np.int64(weight[cell] * own[i] + 0.5)) * QUANTUM_MW
        noise = noise_mw[cell] * inside[cell]
        out[i] = level[i, 0] - math.log10(others + noise) * 10.0


@njit(cache=True, nogil=True)
def unfaded(level, server, pixels, columns, table, losses, pixel_m, gain_dbm, distance_m):
    """Write level plus median loss [dBm], and distance [m], of the strongest servers, (pixels,).

    The first is what the cell sends towards the pixel, terrain deducted, whatever the table of
    losses holds: the same figure was subtracted. Pixels without server are left as they are.
    """
    x, y, curves, loss_db = table.x, table.y, table.curve, losses.loss_db
    for i in range(len(pixels)):
        if server[i, 0] < 0:
            continue
        cell, sight = server[i, 0] >> 2, server[i, 0] & 3
        dx = pixels[i] % columns + 0.5 - x[cell]
        dy = pixels[i] // columns + 0.5 - y[cell]
        distance_m[i] = pixel_m * math.sqrt(dx * dx + dy * dy)
        loss = median_loss(
            loss_db, losses.root_nearest, losses.nodes_per_root, curves[cell], sight, distance_m[i]
        )
        gain_dbm[i] = level[i, 0] + loss
