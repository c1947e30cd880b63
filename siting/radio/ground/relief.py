"""A made-up relief for a city whose heights nobody has supplied: plausible, and never true.

It lets terrain effects be shown and tested before a height raster is imported. No hill of it stands
where a real one does.
"""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain numbers and arrays; numba infers their types.

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely
from numba import njit
from rasterio.features import rasterize
from scipy.ndimage import distance_transform_edt
from shapely.geometry.base import BaseGeometry

from siting.contours import north_up
from siting.errors import InputError, Problem, raise_if
from siting.grid import Grid
from siting.provenance import Provenance
from siting.radio.ground.terrain import Terrain
from siting.radio.propagation.path_loss import Floats, outside

#: Ground rises to its full height within about three times this distance from the water [m].
SHORE_M = 300.0
#: Spacing of the positions at which the highest point is sought [m].
_SURVEY_M = 100.0
#: Wavelengths of the hills: the longest [m], and how often it is halved.
_HILLS_M, _HILL_OCTAVES = 6_000.0, 7
#: Wavelengths of the plain and of the patches in which hills stand [m].
_PLAIN_M, _PATCH_M = 2_500.0, 14_000.0
#: Share of the hills' height that is left in the lowest part of the city.
_LEAST_HILLS = 0.06
# Height of the ridges, out of 1, that stays below the plain.
_VALLEYS = 0.3
_EAST = np.cos(np.arange(16) * np.pi / 8.0)
_NORTH = np.sin(np.arange(16) * np.pi / 8.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliefModel:
    """What is known about a city's relief as a whole.

    Parameters
    ----------
    water_m
        Level of lakes and rivers above mean sea level [m].
    plain_m
        Lowest and highest ground of the plain [m].
    highest_m
        Highest point of the city [m].
    rising_towards_deg
        Bearing towards which the land rises, clockwise from north [deg].
    """

    water_m: float
    plain_m: tuple[float, float]
    highest_m: float
    rising_towards_deg: float

    def __post_init__(self) -> None:
        """Refuse heights out of order."""
        low, high = self.plain_m
        heights = (self.water_m, low, high, self.highest_m)
        problems = outside("rising_towards_deg", np.array(self.rising_towards_deg), 0, 360, "deg")
        if not (np.isfinite(heights).all() and self.water_m <= low <= high < self.highest_m):
            what = f"water {self.water_m} m, plain {low} to {high} m, highest {self.highest_m} m"
            problems.append(Problem("heights", what, "give them in rising order"))
        raise_if(problems, InputError)


#: Ezhou as general descriptions of the city (鄂州市概况) have it: river and lake plain of 17-30 m
#: in the west and middle, hills of 50-200 m in the east, higher in the south-east, where the
#: foothills of Mufu begin; the highest point, 四峰山, 485.8 m. The water's level is an assumption.
EZHOU = ReliefModel(water_m=17.0, plain_m=(18.0, 30.0), highest_m=485.8, rising_towards_deg=135.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SyntheticRelief:
    """A made-up terrain with its label.

    Parameters
    ----------
    terrain
        Heights on the grid; no clutter, because where buildings and woods stand is not known.
    model, seed
        What it was made from; equal ones give equal heights.
    provenance
        Always synthetic: every result computed on it is synthetic too, and has to say so.
    """

    terrain: Terrain
    model: ReliefModel
    seed: int
    provenance: Provenance = Provenance.SYNTHETIC


def synthetic_relief(
    grid: Grid,
    model: ReliefModel,
    *,
    area: BaseGeometry,
    water: BaseGeometry | None = None,
    level_xy: npt.ArrayLike = (),
    level_radius_m: npt.ArrayLike = (),
    seed: int = 1,
) -> SyntheticRelief:
    """Make up a relief that agrees with what is known about the city as a whole.

    Parameters
    ----------
    grid
        Where heights are wanted.
    model
        Levels and trend.
    area
        The city's outline in the grid's CRS [m]; the trend runs across it and its highest point
        lies in it.
    water
        Water bodies in the grid's CRS [m]; flat at their level.
    level_xy, level_radius_m
        Places known to be level, such as towns and airports [m], (k, 2), and how far round them
        no hill stands [m], (k,).
    seed
        Another seed, another landscape.

    Returns
    -------
    SyntheticRelief
        Heights depend on the position alone: grids of any extent and cell size agree, but for the
        cell a shore runs through.

    Raises
    ------
    InputError
        For an empty area and level places that do not fit together.

    Notes
    -----
    Gradient noise on a plain, and ridged noise for hills; hills are higher towards
    `rising_towards_deg` and stand in patches. They are scaled so that the highest of positions
    every 100 m in `area` has the highest height; a finer grid may be some metres higher, and hills
    outside the area higher still.

    References
    ----------
    Perlin, K. (1985). An image synthesizer. Computer Graphics 19(3), 287-296.
    Musgrave, F. K., Kolb, C. E., Mace, R. S. (1989). The synthesis and rendering of eroded fractal
    terrains. Computer Graphics 23(3), 41-50.
    """
    places = np.asarray(level_xy, dtype=np.float64).reshape(-1, 2)
    radii = np.asarray(level_radius_m, dtype=np.float64).ravel()
    problems = []
    if area.is_empty:
        problems.append(Problem("area", "is empty", "give the city's outline"))
    if len(places) != len(radii) or not (radii > 0).all() or not np.isfinite(places).all():
        what = f"{len(places)} places and {len(radii)} radii"
        problems.append(Problem("level_xy", what, "give a radius over 0 for every place"))
    raise_if(problems, InputError)
    level = np.column_stack([places, radii])
    axis = _axis(area, model.rising_towards_deg)
    survey = Grid.over(area, crs=grid.crs, cell_size_m=_SURVEY_M)
    row, col = np.divmod(survey.inside(area), survey.columns)
    highest = _landscape(survey, axis, level, water, seed)[0][row, col].max(initial=0.0)
    hills, plain, wet = _landscape(grid, axis, level, water, seed)
    low, high = model.plain_m
    ground = model.water_m + (low - model.water_m + (high - low) * plain[0]) * plain[1]
    # The plain gives way to the hills, so that the summit has the height it should have.
    if highest > 0:
        ground += hills / highest * (model.highest_m - ground)
    ground[wet] = model.water_m
    return SyntheticRelief(
        terrain=Terrain(grid=grid, ground_m=ground.astype(np.float32), clutter_m=None),
        model=model,
        seed=seed,
    )


def _axis(area: BaseGeometry, bearing_deg: float) -> Floats:
    """Return east, north and offset that give 0 at the low end of an area and 1 at the high end."""
    bearing = np.radians(bearing_deg)
    direction = np.array([np.sin(bearing), np.cos(bearing)])
    along = shapely.get_coordinates(area) @ direction
    return np.append(direction, -along.min()) / max(float(np.ptp(along)), 1.0)


def _landscape(
    grid: Grid, axis: Floats, level: Floats, water: BaseGeometry | None, seed: int
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Return relative hills, [relative plain, shore] in 0..1, and which cells are water."""
    hills = np.empty((grid.rows, grid.columns))
    plain = np.empty((2, grid.rows, grid.columns))
    _noise_map(hills, plain[0], grid.west_m, grid.south_m, grid.cell_size_m, axis, level, seed)
    wet = np.zeros(hills.shape, dtype=np.bool_)
    plain[1] = 1.0
    if water is not None and not water.is_empty:
        wet, distance_m = _from_water(grid, water)
        plain[1] = -np.expm1(-distance_m / SHORE_M)
    return hills * plain[1], plain, wet


def _from_water(grid: Grid, water: BaseGeometry) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Return which cells are water and how far the others are from it, up to five shores [m]."""
    far_m = 5.0 * SHORE_M
    margin = int(np.ceil(far_m / grid.cell_size_m))
    wide = replace(
        grid,
        west_m=grid.west_m - margin * grid.cell_size_m,
        south_m=grid.south_m - margin * grid.cell_size_m,
        columns=grid.columns + 2 * margin,
        rows=grid.rows + 2 * margin,
    )
    image = np.zeros((wide.rows, wide.columns), dtype=np.uint8)
    rasterize([water], out=image, transform=north_up(wide))
    wet = image[::-1] > 0
    inner = np.s_[margin : margin + grid.rows, margin : margin + grid.columns]
    if not wet.any():
        return wet[inner], np.full((grid.rows, grid.columns), far_m)
    distance_m = distance_transform_edt(~wet)[inner] * grid.cell_size_m
    return wet[inner], np.minimum(distance_m, far_m)


@njit(cache=True, nogil=True)
def _noise_map(hills, plain, west, south, size, axis, level, seed):
    """Fill relative hills (0 and up) and the relative plain (0..1) at the centres of cells."""
    rows, columns = hills.shape
    for r in range(rows):
        y = south + (r + 0.5) * size
        for c in range(columns):
            x = west + (c + 0.5) * size
            plain[r, c] = min(max(0.5 + 0.7 * _noise(x / _PLAIN_M, y / _PLAIN_M, seed), 0.0), 1.0)
            patch = _noise(x / _PATCH_M, y / _PATCH_M, seed + 1)
            share = axis[0] * x + axis[1] * y + axis[2] + 0.6 * patch
            share = min(max((share - 0.3) / 0.7, 0.0), 1.0)
            strength = _LEAST_HILLS + (1.0 - _LEAST_HILLS) * share * share
            for k in range(len(level)):
                reach = math.hypot(x - level[k, 0], y - level[k, 1]) / level[k, 2]
                strength *= min(max(reach - 1.0, 0.0), 1.0)
            hills[r, c] = strength * _ridges(x, y, seed + 2) if strength > 0.0 else 0.0


@njit(cache=True, nogil=True)
def _ridges(x, y, seed):
    """Ridged noise, 0 in the valleys: every octave is weighted by the ridges of the one before."""
    total, weight, amplitude, scale = 0.0, 1.0, 0.55, 1.0 / _HILLS_M
    x, y = 0.8 * x + 0.6 * y, 0.8 * y - 0.6 * x
    for octave in range(_HILL_OCTAVES):
        ridge = 1.0 - min(1.6 * abs(_noise(x * scale, y * scale, seed + octave)), 1.0)
        ridge *= ridge
        total += amplitude * ridge * weight
        weight, amplitude, scale = ridge, 0.45 * amplitude, 2.0 * scale
        # Turned by a 3-4-5 triangle, so that the lattices of the octaves do not line up.
        x, y = 0.8 * x - 0.6 * y, 0.6 * x + 0.8 * y
    return max(total - _VALLEYS, 0.0)


@njit(cache=True, nogil=True)
def _noise(x, y, seed):
    """Gradient noise of unit wavelength, -0.7 to 0.7, zero at whole numbers."""
    i, j = math.floor(x), math.floor(y)
    u, v = x - i, y - j
    s = u * u * u * (u * (6.0 * u - 15.0) + 10.0)
    t = v * v * v * (v * (6.0 * v - 15.0) + 10.0)
    low = (1.0 - s) * _slope(i, j, seed, u, v) + s * _slope(i + 1, j, seed, u - 1.0, v)
    high = (1.0 - s) * _slope(i, j + 1, seed, u, v - 1.0) + s * _slope(
        i + 1, j + 1, seed, u - 1.0, v - 1.0
    )
    return (1.0 - t) * low + t * high


@njit(cache=True, nogil=True)
def _slope(i, j, seed, u, v):
    """Height at (u, v) of a plane through a lattice point, tilted in one of 16 directions."""
    h = np.uint32(i * 374_761_393 + j * 668_265_263 + seed * 1_274_126_177)
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(1_274_126_177))
    k = (h ^ (h >> np.uint32(16))) & np.uint32(15)
    return _EAST[k] * u + _NORTH[k] * v
