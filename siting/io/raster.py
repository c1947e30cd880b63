"""Height rasters from planners, brought onto the planning grid.

A file is opened only as what its name says it is: GDAL looks at content, and some of its formats
are recipes that open *other* files or addresses; those are never tried.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from rasterio.coords import BoundingBox
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.fill import fillnodata
from rasterio.transform import array_bounds, rowcol
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform, transform_bounds
from scipy.ndimage import distance_transform_edt

from siting.contours import north_up
from siting.errors import CrsError, FileError, InputError, Problem, raise_if
from siting.geo import require_projected_metric
from siting.grid import Grid
from siting.io.geotiff import PROVENANCE_TAG
from siting.provenance import Provenance
from siting.radio.terrain import Terrain

log = logging.getLogger(__name__)

Heights = npt.NDArray[np.float32]

#: Most cells of a terrain; 10,000 x 10,000 take 400 MB.
MAX_CELLS = 100_000_000
#: Ground of the Earth with a margin [m]; what lies outside is an undeclared void or another unit.
PLAUSIBLE_M = (-500.0, 9000.0)
#: Share of cells without a height that is filled in when nothing else is said.
MOST_VOIDS = 0.01

_DRIVERS = {
    ".tif": "GTiff", ".tiff": "GTiff", ".img": "HFA", ".asc": "AAIGrid", ".hgt": "SRTMHGT",
    ".dt0": "DTED", ".dt1": "DTED", ".dt2": "DTED", ".bil": "EHdr",
}  # fmt: skip
# Blocks of the source that GDAL may keep [MB]; its own choice is a share of the machine's memory.
_CACHE_MB = 64
# Positions along each side at which cover is judged.
_LATTICE = 201


class VerticalUnit(StrEnum):
    """Unit of the heights in a raster."""

    METRE = "m"
    FOOT = "ft"  #: international, 0.3048 m
    US_SURVEY_FOOT = "ftUS"  #: 1200/3937 m


_METRES = {
    VerticalUnit.METRE: 1.0,
    VerticalUnit.FOOT: 0.3048,
    VerticalUnit.US_SURVEY_FOOT: 1200.0 / 3937.0,
}
_UNIT_NAMES = {
    **dict.fromkeys(("m", "metre", "meter", "metres", "meters"), VerticalUnit.METRE),
    **dict.fromkeys(("ft", "foot", "feet", "international foot"), VerticalUnit.FOOT),
    **dict.fromkeys(
        ("ftus", "us-ft", "us survey foot", "us survey feet", "foot_us"),
        VerticalUnit.US_SURVEY_FOOT,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterSource:
    """What a raster file was, and what was done to it on the way to the grid.

    Parameters
    ----------
    name, driver
        File name and GDAL format.
    crs
        CRS of the file, or what the caller declared.
    resolution_m
        Size of its pixels east and north, measured in the working CRS [m].
    vertical_unit
        Unit of its heights.
    unit_assumed
        Neither the file nor the caller named the unit; metres were taken.
    voids
        Cells without a value in the file, now filled.
    farthest_fill_m
        Greatest distance from a filled cell to a known one [m]; 0 without voids.
    lowest_m, highest_m
        Range of the values on the grid [m].
    provenance
        As the file says, when this library wrote it; otherwise real.
    """

    name: str
    driver: str
    crs: str
    resolution_m: tuple[float, float]
    vertical_unit: VerticalUnit
    unit_assumed: bool
    voids: int
    farthest_fill_m: float
    lowest_m: float
    highest_m: float
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImportedTerrain:
    """A terrain from files, and what the user should be told about it.

    Parameters
    ----------
    terrain
        Heights on the grid.
    ground, clutter
        What the files were; `clutter` is None when none was given.
    """

    terrain: Terrain
    ground: RasterSource
    clutter: RasterSource | None


def read_terrain(
    path: Path,
    *,
    grid: Grid,
    clutter: Path | None = None,
    crs: str | None = None,
    vertical_unit: VerticalUnit | None = None,
    nodata: float | None = None,
    most_voids: float = MOST_VOIDS,
) -> ImportedTerrain:
    """Read ground heights, and heights of buildings and trees, onto a grid.

    Parameters
    ----------
    path
        Ground above mean sea level: GeoTIFF, ERDAS IMG, Esri ASCII or BIL, SRTM HGT or DTED, of one
        band, in any CRS.
    grid
        Where heights are wanted, e.g. ``Grid.over(outline, crs="EPSG:4547", cell_size_m=20.0)``.
    clutter
        Height of buildings and trees above the ground in a second file; None: not known.
    crs
        CRS of the files where they do not say it, e.g. ``"EPSG:4490"``.
    vertical_unit
        Unit of the heights where the files do not say it; taken as metres when nobody does.
    nodata
        Value that stands for "no height" where the files do not say it.
    most_voids
        Share of the cells without ground height that may be filled in, 0..1.

    Returns
    -------
    ImportedTerrain
        With a report on both files.

    Raises
    ------
    FileError
        When a file is missing, damaged or of no known format.
    InputError
        With every fault of both files: CRS missing or unknown, several bands, area not covered
        (with both extents and the share), too many voids, heights no ground of the Earth has, an
        unknown vertical unit, a grid that is too large or not metric.

    Notes
    -----
    Ground is bilinear between pixel centres, and an average over them where the file is finer than
    the grid; clutter takes the nearest pixel, so that roofs keep their height. Voids of the ground
    are filled by inverse distance from the nearest heights in eight directions (GDAL
    ``FillNodata``); voids of the clutter mean that nothing stands there. The source is read block
    by block: memory is that of the grid and a hundred megabytes, however large the file.
    """
    problems = _grid_problems(grid)
    if not 0.0 <= most_voids <= 1.0:
        problems.append(Problem("most_voids", f"is {most_voids}", "give a share, 0..1"))
    raise_if(problems, InputError)
    declared = _Declared(crs=crs, vertical_unit=vertical_unit, nodata=nodata)
    wanted: list[tuple[str, Path, Resampling, float | None]] = [
        ("ground", path, Resampling.bilinear, most_voids)
    ]
    if clutter is not None:
        wanted.append(("clutter", clutter, Resampling.nearest, None))
    read: list[tuple[Heights, RasterSource]] = []
    for where, file, resampling, share in wanted:
        try:
            heights, source = _read(file, grid, declared, resampling)
            read.append(_without_voids(heights, source, grid, share))
        except InputError as error:
            problems += [replace(item, where=f"{where}, {item.where}") for item in error.problems]
    raise_if(problems, InputError)
    ground_m, ground = read[0]
    clutter_m, above = read[1] if clutter is not None else (None, None)
    log.info("terrain: %s cells=%d voids=%d crs=%s", path.name, len(grid), ground.voids, ground.crs)
    return ImportedTerrain(
        terrain=Terrain(grid=grid, ground_m=ground_m, clutter_m=clutter_m),
        ground=ground,
        clutter=above,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    """What the caller says of files that do not say it themselves."""

    crs: str | None
    vertical_unit: VerticalUnit | None
    nodata: float | None


def _grid_problems(grid: Grid) -> list[Problem]:
    """Name what makes a grid useless for terrain."""
    problems = []
    try:
        require_projected_metric(grid.crs)
    except CrsError as error:
        problems += error.problems
    if len(grid) > MAX_CELLS:
        problems.append(
            Problem(
                "grid",
                f"{grid.columns:,} x {grid.rows:,} cells are more than {MAX_CELLS:,}",
                "take larger cells or a smaller area",
            )
        )
    return problems


def _read(
    path: Path, grid: Grid, declared: _Declared, resampling: Resampling
) -> tuple[Heights, RasterSource]:
    """Read one band onto the grid in metres, row 0 in the south; voids are NaN."""
    driver = _DRIVERS.get(path.suffix.lower())
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    if driver is None:
        raise FileError(f"{path}: unknown format; known: {', '.join(_DRIVERS)}")
    try:
        with (
            rasterio.Env(GDAL_CACHEMAX=_CACHE_MB, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
            rasterio.open(path, driver=driver) as file,
        ):
            return _read_open(file, grid, declared, resampling)
    except RasterioError as error:
        raise FileError(f"{path}: cannot be read: {error}") from error


def _read_open(
    file: Any, grid: Grid, declared: _Declared, resampling: Resampling
) -> tuple[Heights, RasterSource]:
    problems: list[Problem] = []
    crs = _crs_of(file, declared.crs, problems)
    unit = _unit_of(file, crs, declared.vertical_unit, problems)
    if file.count != 1:
        problems.append(
            Problem("bands", f"{file.count} bands; heights are one", "give a file of one band")
        )
    if crs is not None:
        problems += _cover_problems(file, crs, grid)
    if crs is None or problems:
        raise InputError(problems)
    void = file.nodata if declared.nodata is None else declared.nodata
    with WarpedVRT(
        file,
        src_crs=crs,
        crs=CRS.from_user_input(grid.crs),
        transform=north_up(grid),
        width=grid.columns,
        height=grid.rows,
        resampling=resampling,
        src_nodata=np.nan if void is None and file.dtypes[0].startswith("float") else void,
        nodata=np.nan,
        dtype="float32",
        warp_mem_limit=_CACHE_MB,
    ) as warped:
        heights = np.ascontiguousarray(warped.read(1)[::-1])
    heights *= np.float32(file.scales[0] * _METRES[unit or VerticalUnit.METRE])
    heights += np.float32(file.offsets[0] * _METRES[unit or VerticalUnit.METRE])
    known = heights[np.isfinite(heights)]
    lowest, highest = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if lowest < PLAUSIBLE_M[0] or highest > PLAUSIBLE_M[1]:
        problems.append(
            Problem(
                "heights",
                f"run from {lowest:,.0f} to {highest:,.0f} m, outside {PLAUSIBLE_M[0]:,.0f} to "
                f"{PLAUSIBLE_M[1]:,.0f} m",
                "give vertical_unit when they are in feet, nodata when a value stands for none",
            )
        )
    raise_if(problems, InputError)
    west, south, east, north = transform_bounds(crs, grid.crs, *file.bounds)
    return heights, RasterSource(
        name=Path(file.name).name,
        driver=file.driver,
        crs=crs.to_string(),
        resolution_m=((east - west) / file.width, (north - south) / file.height),
        vertical_unit=unit or VerticalUnit.METRE,
        unit_assumed=unit is None,
        voids=heights.size - len(known),
        farthest_fill_m=0.0,
        lowest_m=lowest,
        highest_m=highest,
        provenance=Provenance(file.tags().get(PROVENANCE_TAG, Provenance.REAL)),
    )


def _crs_of(file: Any, declared: str | None, problems: list[Problem]) -> CRS | None:
    """Return the CRS of a file, as declared or as it says."""
    hint = "give it, e.g. crs='EPSG:4326' for degrees of WGS 84 or crs='EPSG:4547'"
    try:
        crs = file.crs if declared is None else CRS.from_user_input(declared)
    except RasterioError:
        problems.append(Problem("crs", f"{declared!r} is unknown", hint))
        return None
    if crs is None or not (crs.is_geographic or crs.is_projected):
        problems.append(Problem("crs", "the file does not say where on Earth it lies", hint))
        return None
    return crs


def _unit_of(
    file: Any, crs: CRS | None, declared: VerticalUnit | None, problems: list[Problem]
) -> VerticalUnit | None:
    """Return the unit of the heights, by band or vertical CRS; None when nobody says it."""
    text = (file.units[0] or "").strip()
    if not text and crs is not None:
        parts = pyproj.CRS.from_wkt(crs.to_wkt()).sub_crs_list
        text = next((part.axis_info[0].unit_name for part in parts if part.is_vertical), "")
    if declared is not None or not text:
        return declared
    known = _UNIT_NAMES.get(text.lower())
    if known is None:
        problems.append(
            Problem("unit", f"{text!r} is no known unit of height", "give vertical_unit")
        )
    return known


def _cover_problems(file: Any, crs: CRS, grid: Grid) -> list[Problem]:
    """Say which share of the grid a file covers when that is not all of it."""
    col = np.unique(np.linspace(0, grid.columns - 1, _LATTICE).round())
    row = np.unique(np.linspace(0, grid.rows - 1, _LATTICE).round())
    xy = grid.centres(np.tile(col, len(row)), np.repeat(row, len(col)))
    x, y = transform(grid.crs, crs, xy[:, 0], xy[:, 1])[:2]
    across, down = np.array(rowcol(file.transform, x, y, op=np.asarray))[::-1]
    inside = (across >= 0) & (across <= file.width) & (down >= 0) & (down <= file.height)
    if inside.all():
        return []
    area = array_bounds(grid.rows, grid.columns, north_up(grid))
    given = BoundingBox(*transform_bounds(crs, grid.crs, *file.bounds))
    return [
        Problem(
            "extent",
            f"covers {inside.mean():.1%} of the area: the file has {_extent(given)}, the area "
            f"{_extent(area)} in {grid.crs}",
            "give a file that covers it all; when they lie far apart, check the file's CRS",
        )
    ]


def _extent(bounds: Sequence[float]) -> str:
    west, south, east, north = bounds
    return f"east {west:,.0f} to {east:,.0f}, north {south:,.0f} to {north:,.0f} m"


def _without_voids(
    heights: Heights, source: RasterSource, grid: Grid, most_voids: float | None
) -> tuple[Heights, RasterSource]:
    """Fill the voids of the ground, at most a share; without a share they mean zero."""
    if not source.voids:
        return heights, source
    void = np.isnan(heights)
    if most_voids is None:
        heights[void] = 0.0
        return heights, source
    share = source.voids / heights.size
    if share > most_voids or share == 1.0:
        raise InputError(
            Problem(
                "voids",
                f"{source.voids:,} of {heights.size:,} cells ({share:.2%}) have no height, at most "
                f"{most_voids:.2%} are filled in",
                "complete the file, or allow more with most_voids",
            )
        )
    gap = float(distance_transform_edt(void).max())
    filled = fillnodata(heights, mask=~void, max_search_distance=2.0 * gap + 1.0)
    return filled.astype(np.float32), replace(source, farthest_fill_m=gap * grid.cell_size_m)
