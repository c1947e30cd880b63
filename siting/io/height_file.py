"""One raster of heights from a file, brought onto the planning grid.

A file is opened only as what its name says it is: GDAL looks at content, and some of its formats
are recipes that open *other* files or addresses; those are never tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import rowcol
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform, transform_bounds

from siting.contours import north_up
from siting.errors import FileError, InputError, Problem, raise_if
from siting.grid import Grid
from siting.io.geotiff import PROVENANCE_TAG
from siting.provenance import Provenance

Heights = npt.NDArray[np.float32]

#: Ground of the Earth with a margin [m]; what lies outside is an undeclared void or another unit.
PLAUSIBLE_M = (-500.0, 9000.0)

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
class Declared:
    """What the caller says of files that do not say it themselves, and how large they may be."""

    crs: str | None
    vertical_unit: VerticalUnit | None
    nodata: float | None
    most_pixels: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeightFile:
    """What a file was.

    Parameters
    ----------
    name, driver
        File name and GDAL format.
    crs
        CRS of the file, or what the caller declared.
    bounds_m
        West, south, east, north in the working CRS [m].
    resolution_m
        Size of its pixels east and north, measured in the working CRS [m].
    vertical_unit
        Unit of its heights.
    unit_assumed
        Neither the file nor the caller named the unit; metres were taken.
    provenance
        As the file says, when this library wrote it; otherwise real.
    """

    name: str
    driver: str
    crs: str
    bounds_m: tuple[float, float, float, float]
    resolution_m: tuple[float, float]
    vertical_unit: VerticalUnit
    unit_assumed: bool
    provenance: Provenance


def read_heights(
    path: Path, grid: Grid, declared: Declared, resampling: Resampling
) -> tuple[Heights, HeightFile, npt.NDArray[np.bool_]]:
    """Read one band onto the grid.

    Returns
    -------
    heights, file, covered
        Heights [m], row 0 in the south, NaN where the file has none; what the file was; which
        positions of a lattice over the grid, edges included, the file covers, (k,).

    Raises
    ------
    FileError
        When the file is missing, damaged or of no known format.
    InputError
        With every fault: CRS missing or unknown, several bands, an unknown vertical unit, heights
        no ground of the Earth has, more pixels than are read.
    """
    driver = _DRIVERS.get(path.suffix.lower())
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    if driver is None:
        raise FileError(f"{path}: unknown format; known: {', '.join(_DRIVERS)}")
    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB), rasterio.open(path, driver=driver) as file:
            return _read_open(file, grid, declared, resampling)
    except RasterioError as error:
        raise FileError(f"{path}: cannot be read: {error}") from error


def _read_open(
    file: Any, grid: Grid, declared: Declared, resampling: Resampling
) -> tuple[Heights, HeightFile, npt.NDArray[np.bool_]]:
    problems: list[Problem] = []
    crs = _crs_of(file, declared.crs, problems)
    unit = _unit_of(file, crs, declared.vertical_unit, problems)
    if file.count != 1:
        problems.append(
            Problem("bands", f"{file.count} bands; heights are one", "give a file of one band")
        )
    if declared.most_pixels is not None and file.width * file.height > declared.most_pixels:
        what = f"{file.width:,} x {file.height:,} pixels are more than {declared.most_pixels:,}"
        problems.append(Problem("size", what, "cut it out round the area, or take larger pixels"))
    if crs is None or problems:
        raise InputError(problems)
    heights = _warped(file, crs, grid, declared.nodata, resampling)
    metres = _METRES[unit or VerticalUnit.METRE]
    heights *= np.float32(file.scales[0] * metres)
    heights += np.float32(file.offsets[0] * metres)
    raise_if(_height_problems(heights), InputError)
    west, south, east, north = transform_bounds(crs, grid.crs, *file.bounds)
    tag = file.tags().get(PROVENANCE_TAG)
    return (
        heights,
        HeightFile(
            name=Path(file.name).name,
            driver=file.driver,
            crs=crs.to_string(),
            bounds_m=(west, south, east, north),
            resolution_m=((east - west) / file.width, (north - south) / file.height),
            vertical_unit=unit or VerticalUnit.METRE,
            unit_assumed=unit is None,
            provenance=Provenance(tag) if tag in set(Provenance) else Provenance.REAL,
        ),
        _covered(file, crs, grid),
    )


def _warped(
    file: Any, crs: CRS, grid: Grid, nodata: float | None, resampling: Resampling
) -> Heights:
    """Read the band onto the grid in its own unit, block by block."""
    void = file.nodata if nodata is None else nodata
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
        return np.ascontiguousarray(warped.read(1)[::-1])


def _height_problems(heights: Heights) -> list[Problem]:
    """Tell heights that no ground of the Earth has."""
    known = heights[np.isfinite(heights)]
    if not len(known) or (known.min() >= PLAUSIBLE_M[0] and known.max() <= PLAUSIBLE_M[1]):
        return []
    return [
        Problem(
            "heights",
            f"run from {known.min():,.0f} to {known.max():,.0f} m, outside {PLAUSIBLE_M[0]:,.0f} "
            f"to {PLAUSIBLE_M[1]:,.0f} m",
            "give vertical_unit when they are in feet, nodata when a value stands for none",
        )
    ]


def _crs_of(file: Any, declared: str | None, problems: list[Problem]) -> CRS | None:
    """Return the CRS of a file, as declared or as it says."""
    hint = "give it, e.g. crs='EPSG:4326' for degrees of WGS 84 or crs='EPSG:4547'"
    try:
        crs = file.crs if declared is None else CRS.from_user_input(declared)
    except CRSError:
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


def _covered(file: Any, crs: CRS, grid: Grid) -> npt.NDArray[np.bool_]:
    """Say which positions of a lattice over the grid a file covers."""
    col = np.unique(np.linspace(0, grid.columns - 1, _LATTICE).round())
    row = np.unique(np.linspace(0, grid.rows - 1, _LATTICE).round())
    xy = grid.centres(np.tile(col, len(row)), np.repeat(row, len(col)))
    x, y = transform(grid.crs, crs, xy[:, 0], xy[:, 1])[:2]
    down, across = np.array(rowcol(file.transform, x, y, op=np.asarray))
    return (across >= 0) & (across <= file.width) & (down >= 0) & (down <= file.height)
