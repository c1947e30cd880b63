"""Ground and clutter under radio paths: one raster, profiles through it, and clearance of a ray."""

# ruff: noqa: ANN001, ANN201, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from siting.errors import InputError, Problem, raise_if
from siting.grid import Grid
from siting.radio.propagation.diffraction import EARTH_RADIUS_KM, SPEED_OF_LIGHT_GHZ_M
from siting.radio.propagation.p1812 import FEWEST_POINTS, PathProfile
from siting.radio.propagation.path_loss import Floats, outside
from siting.units import mhz_to_ghz

Heights = npt.NDArray[np.float32]

#: Effective Earth radius over the true one, the usual median of temperate land.
MEDIAN_RADIUS_FACTOR = 4.0 / 3.0
#: Share of the first Fresnel zone that must be free for a path to count as line of sight.
FREE_FRESNEL_SHARE = 0.6

#: What compiled functions take for clutter when there is no data of it.
NO_CLUTTER: Heights = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terrain:
    """Heights on a grid of square cells.

    Parameters
    ----------
    grid
        The cells; values belong to their centres.
    ground_m
        Ground above mean sea level [m], (rows, columns), row 0 in the south.
    clutter_m
        Buildings or trees above the ground [m], likewise; 0 where there is none. None when nothing
        is known of them, which is not the same as open country.

    Raises
    ------
    InputError
        For shapes that do not fit the grid, voids (values that are no numbers) and negative
        clutter, each counted.
    """

    grid: Grid
    ground_m: Heights
    clutter_m: Heights | None = None

    def __post_init__(self) -> None:
        """Check both rasters and bring them into one type."""
        shape = (self.grid.rows, self.grid.columns)
        problems = []
        for name in ("ground_m", "clutter_m"):
            if getattr(self, name) is None and name == "clutter_m":
                continue
            raster = np.ascontiguousarray(getattr(self, name), dtype=np.float32)
            voids = int(np.count_nonzero(~np.isfinite(raster)))
            if raster.shape != shape:
                problems.append(Problem(name, f"has shape {raster.shape}, the grid has {shape}"))
            elif voids:
                problems.append(Problem(name, f"has {voids:,} voids", "fill them first"))
            elif name == "clutter_m" and (raster < 0).any():
                below = int(np.count_nonzero(raster < 0))
                problems.append(Problem(name, f"is negative in {below:,} cells"))
            object.__setattr__(self, name, raster)
        raise_if(problems, InputError)

    def profile(
        self, transmitter_xy: npt.ArrayLike, receiver_xy: npt.ArrayLike, *, step_m: float = 0.0
    ) -> PathProfile:
        """Return the ground along the straight path between two positions.

        Parameters
        ----------
        transmitter_xy, receiver_xy
            Positions in the grid's CRS [m], (2,), inside the raster.
        step_m
            Greatest distance between points [m]; the cell size when left out. A path has at least
            five points however short it is.

        Returns
        -------
        PathProfile
            Ground interpolated between the centres of cells, clutter of the cell a point lies in,
            0 without clutter data.

        Raises
        ------
        InputError
            For positions outside the raster or the same for both ends, and a step <= 0.
        """
        ends = np.array([transmitter_xy, receiver_xy], dtype=np.float64)
        problems = [
            *self.misplaced("transmitter_xy", ends[0]),
            *self.misplaced("receiver_xy", ends[1]),
            *outside("step_m", np.asarray(step_m), 0.0, np.finfo(np.float64).max, "m"),
        ]
        length = float(np.hypot(*(ends[1] - ends[0])))
        if length == 0.0:
            problems.append(Problem("receiver_xy", "is where the transmitter is"))
        raise_if(problems, InputError)
        points = max(FEWEST_POINTS, 1 + math.ceil(length / (step_m or self.grid.cell_size_m)))
        ground, clutter = np.empty(points), np.empty(points)
        sample(
            self.ground_m,
            NO_CLUTTER if self.clutter_m is None else self.clutter_m,
            (ends[0, 0] - self.grid.west_m) / self.grid.cell_size_m,
            (ends[0, 1] - self.grid.south_m) / self.grid.cell_size_m,
            (ends[1, 0] - self.grid.west_m) / self.grid.cell_size_m,
            (ends[1, 1] - self.grid.south_m) / self.grid.cell_size_m,
            ground,
            clutter,
        )
        return PathProfile(
            distance_m=np.linspace(0.0, length, points), terrain_m=ground, clutter_m=clutter
        )

    def misplaced(self, where: str, xy: Floats) -> list[Problem]:
        """Name a position [m], (2,), that is not inside the raster, rim included."""
        grid = self.grid
        cell = (xy - [grid.west_m, grid.south_m]) / grid.cell_size_m
        if (
            np.isfinite(cell).all()
            and (cell >= 0).all()
            and (cell <= [grid.columns, grid.rows]).all()
        ):
            return []
        place = ", ".join(f"{value:.1f}" for value in xy.tolist())
        return [Problem(where, f"({place}) is outside the raster", f"the raster is in {grid.crs}")]


def clearance(
    profile: PathProfile,
    *,
    transmitter_height_m: float,
    receiver_height_m: float,
    frequency_mhz: float,
    radius_factor: float = MEDIAN_RADIUS_FACTOR,
) -> float:
    """Return the least clearance of the direct ray, in radii of the first Fresnel zone.

    Parameters
    ----------
    profile
        Ground and clutter between both ends; clutter at the ends themselves does not count.
    transmitter_height_m, receiver_height_m
        Antennas above ground [m].
    frequency_mhz
        Carrier [MHz].
    radius_factor
        Effective Earth radius over the true one.

    Returns
    -------
    float
        Negative where the ray is obstructed; a path is line of sight from about 0.6 on.

    Raises
    ------
    InputError
        Naming every argument out of range.

    References
    ----------
    ITU-R P.526-15, section 2; ITU-R P.530-18, section 2.2.2.
    """
    given = {
        "transmitter_height_m": (transmitter_height_m, 0.0, 3_000.0, "m"),
        "receiver_height_m": (receiver_height_m, 0.0, 3_000.0, "m"),
        "frequency_mhz": (frequency_mhz, 30.0, 100_000.0, "MHz"),
        "radius_factor": (radius_factor, 0.1, 100.0, ""),
    }
    problems = []
    for name, (value, least, most, unit) in given.items():
        problems += outside(name, np.asarray(value, dtype=np.float64), least, most, unit)
    raise_if(problems, InputError)
    return float(
        least_clearance(
            profile.distance_m,
            profile.terrain_m + profile.clutter_m,
            profile.terrain_m[0] + transmitter_height_m,
            profile.terrain_m[-1] + receiver_height_m,
            SPEED_OF_LIGHT_GHZ_M / float(mhz_to_ghz(frequency_mhz)),
            1e3 * EARTH_RADIUS_KM * radius_factor,
        )
    )


@njit(cache=True, nogil=True)
def sample(ground, clutter, x0, y0, x1, y1, ground_out, clutter_out):
    """Sample both rasters along a line given in cells from the south-west corner.

    Ground is bilinear between centres and constant beyond the outermost ones. Clutter without
    cells is no clutter.
    """
    rows, columns = ground.shape
    n = len(ground_out)
    known = clutter.size > 0
    for i in range(n):
        share = i / (n - 1)
        x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        clutter_out[i] = clutter[min(int(y), rows - 1), min(int(x), columns - 1)] if known else 0.0
        u = min(max(x - 0.5, 0.0), columns - 1.0)
        v = min(max(y - 0.5, 0.0), rows - 1.0)
        c, r = min(int(u), max(columns - 2, 0)), min(int(v), max(rows - 2, 0))
        a, b = u - c, v - r
        d, s = min(c + 1, columns - 1), min(r + 1, rows - 1)
        low = (1.0 - a) * ground[r, c] + a * ground[r, d]
        high = (1.0 - a) * ground[s, c] + a * ground[s, d]
        ground_out[i] = (1.0 - b) * low + b * high


@njit(cache=True, nogil=True)
def least_clearance(d, g, hts, hrs, wavelength, radius):
    """Least clearance over radius of the first Fresnel zone; everything in metres."""
    total, least = d[-1], math.inf
    for i in range(1, len(d) - 1):
        rest = total - d[i]
        ray = (hts * rest + hrs * d[i]) / total
        free = ray - g[i] - d[i] * rest / (2.0 * radius)
        least = min(least, free / math.sqrt(wavelength * d[i] * rest / total))
    return least
