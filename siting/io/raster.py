"""Terrain for planning from rasters of heights: any CRS, several tiles, voids counted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rasterio.enums import Resampling
from rasterio.fill import fillnodata
from rasterio.transform import array_bounds
from scipy.ndimage import distance_transform_edt

from siting.contours import north_up
from siting.errors import CrsError, InputError, Problem, raise_if
from siting.geo import require_projected_metric
from siting.grid import Grid
from siting.io.height_file import Declared, HeightFile, Heights, VerticalUnit, read_heights
from siting.provenance import Provenance, worst
from siting.radio.ground.terrain import Terrain

__all__ = ["HeightFile", "ImportedTerrain", "VerticalUnit", "add_clutter", "read_terrain"]

log = logging.getLogger(__name__)

#: Most cells of a terrain; 10,000 x 10,000 take 400 MB.
MAX_CELLS = 100_000_000
#: Share of cells without a height that is filled in when nothing else is said.
MOST_VOIDS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImportedTerrain:
    """A terrain from files, and what the user should be told about it.

    Parameters
    ----------
    terrain
        Heights on the grid.
    ground, clutter
        What the files were; empty where none was given.
    voids
        Cells without ground height in the files, now filled.
    farthest_fill_m
        Greatest distance from a filled cell to a known one [m]; 0 without voids.
    clutter_voids
        Cells without clutter height in the files, taken as free.
    """

    terrain: Terrain
    ground: tuple[HeightFile, ...]
    clutter: tuple[HeightFile, ...]
    voids: int
    farthest_fill_m: float
    clutter_voids: int

    @property
    def provenance(self) -> Provenance:
        """The worst of the files': what every result on this terrain has to say."""
        files = (*self.ground, *self.clutter)
        return worst(file.provenance for file in files)


def read_terrain(
    ground: Path | Sequence[Path],
    *,
    grid: Grid,
    clutter: Path | Sequence[Path] = (),
    crs: str | None = None,
    vertical_unit: VerticalUnit | None = None,
    nodata: float | None = None,
    most_voids: float = MOST_VOIDS,
    most_pixels: int | None = None,
) -> ImportedTerrain:
    """Read ground heights, and heights of buildings and trees, onto a grid.

    Parameters
    ----------
    ground
        Ground above mean sea level: GeoTIFF, ERDAS IMG, Esri ASCII or BIL, SRTM HGT or DTED, of one
        band, in any CRS. Several files are tiles; where they overlap the first counts.
    grid
        Where heights are wanted, e.g. ``Grid.over(outline, crs="EPSG:4547", cell_size_m=20.0)``.
    clutter
        Height of buildings and trees above the ground, likewise; none: not known.
    crs
        CRS of the files where they do not say it, e.g. ``"EPSG:4490"``.
    vertical_unit
        Unit of the heights where the files do not say it; taken as metres when nobody does.
    nodata
        Value that stands for "no height" where the files do not say it.
    most_voids
        Share of the cells without ground height that may be filled in, 0..1.
    most_pixels
        Largest file that is read; None: any, time grows with it.

    Returns
    -------
    ImportedTerrain
        With a report on every file.

    Raises
    ------
    FileError
        When a file is missing, damaged or of no known format.
    InputError
        With every fault of every file: CRS missing or unknown, several bands, area not covered
        (with all extents and the share), too many voids, heights no ground of the Earth has, an
        unknown vertical unit, too many pixels, a grid that is too large or not metric.

    Notes
    -----
    Ground is bilinear between pixel centres, and an average over them where the file is finer than
    the grid; clutter takes the nearest pixel, so that roofs keep their height. Voids of the ground
    are filled by inverse distance from the nearest heights in eight directions (GDAL
    ``FillNodata``); voids of the clutter mean that nothing stands there. Files are read block by
    block: memory is that of two grids and a hundred megabytes, however large they are.
    """
    problems = _grid_problems(grid)
    tiles = {"ground": _listed(ground), "clutter": _listed(clutter)}
    if not tiles["ground"]:
        problems.append(Problem("ground", "there is no file", "give at least one"))
    if not 0.0 <= most_voids <= 1.0:
        problems.append(Problem("most_voids", f"is {most_voids}", "give a share, 0..1"))
    raise_if(problems, InputError)
    declared = Declared(
        crs=crs, vertical_unit=vertical_unit, nodata=nodata, most_pixels=most_pixels
    )
    ground_m, below = _mosaic("ground", tiles["ground"], grid, declared, problems)
    clutter_m, above = _mosaic("clutter", tiles["clutter"], grid, declared, problems)
    if not problems:
        problems += _void_problems(ground_m, most_voids)
    raise_if(problems, InputError)
    ground_m, voids, farthest_m = _filled(ground_m, grid)
    free = np.isnan(clutter_m)
    clutter_m[free] = 0.0
    log.info("terrain: files=%d cells=%d voids=%d", len(below) + len(above), len(grid), voids)
    return ImportedTerrain(
        terrain=Terrain(grid=grid, ground_m=ground_m, clutter_m=clutter_m if above else None),
        ground=below,
        clutter=above,
        voids=voids,
        farthest_fill_m=farthest_m,
        clutter_voids=int(np.count_nonzero(free)) if above else 0,
    )


def add_clutter(
    terrain: Terrain,
    clutter: Path | Sequence[Path],
    *,
    crs: str | None = None,
    vertical_unit: VerticalUnit | None = None,
    nodata: float | None = None,
    most_pixels: int | None = None,
) -> ImportedTerrain:
    """Lay heights of buildings and trees over a terrain; its ground stays as it is.

    Parameters
    ----------
    terrain
        The ground, and the cells the heights are brought onto. Its clutter is replaced.
    clutter, crs, vertical_unit, nodata, most_pixels
        As for :func:`read_terrain`.

    Raises
    ------
    FileError
        When a file is missing, damaged or of no known format.
    InputError
        With every fault of every file, as for :func:`read_terrain`; for heights below zero.
    """
    problems: list[Problem] = []
    declared = Declared(
        crs=crs, vertical_unit=vertical_unit, nodata=nodata, most_pixels=most_pixels
    )
    heights, files = _mosaic("clutter", _listed(clutter), terrain.grid, declared, problems)
    if not files and not problems:
        problems.append(Problem("clutter", "there is no file", "give at least one"))
    raise_if(problems, InputError)
    free = np.isnan(heights)
    heights[free] = 0.0
    return ImportedTerrain(
        terrain=replace(terrain, clutter_m=heights),
        ground=(),
        clutter=files,
        voids=0,
        farthest_fill_m=0.0,
        clutter_voids=int(np.count_nonzero(free)),
    )


def _listed(files: Path | Sequence[Path]) -> list[Path]:
    return [files] if isinstance(files, Path) else list(files)


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


def _mosaic(
    where: str, paths: Sequence[Path], grid: Grid, declared: Declared, problems: list[Problem]
) -> tuple[Heights, tuple[HeightFile, ...]]:
    """Lay tiles side by side; NaN where none has a height."""
    heights = np.full((grid.rows, grid.columns), np.nan, dtype=np.float32)
    resampling = Resampling.bilinear if where == "ground" else Resampling.nearest
    files: list[HeightFile] = []
    covered = np.zeros(0, dtype=np.bool_)
    for path in paths:
        try:
            tile, file, inside = read_heights(path, grid, declared, resampling)
        except InputError as error:
            place = where if len(paths) == 1 else f"{where} {path.name}"
            problems += [replace(item, where=f"{place}, {item.where}") for item in error.problems]
            continue
        np.copyto(heights, tile, where=np.isnan(heights))
        covered = inside | covered if files else inside
        files.append(file)
    if files and len(files) == len(paths) and not covered.all():
        problems.append(_uncovered(where, files, float(covered.mean()), grid))
    return heights, tuple(files)


def _uncovered(where: str, files: Sequence[HeightFile], share: float, grid: Grid) -> Problem:
    """Say which share of the grid the files cover."""
    area = array_bounds(grid.rows, grid.columns, north_up(grid))
    extents = "; ".join(f"{file.name} has {_extent(file.bounds_m)}" for file in files)
    return Problem(
        f"{where}, extent",
        f"{share:.1%} of the area is covered: {extents}, the area {_extent(area)} in {grid.crs}",
        "give files that cover it all; when they lie far apart, check the files' CRS",
    )


def _extent(bounds: Sequence[float]) -> str:
    west, south, east, north = bounds
    return f"east {west:,.0f} to {east:,.0f}, north {south:,.0f} to {north:,.0f} m"


def _void_problems(heights: Heights, most_voids: float) -> list[Problem]:
    """Refuse more voids than permitted, and nothing but voids."""
    voids = int(np.count_nonzero(np.isnan(heights)))
    share = voids / heights.size
    if share <= most_voids and voids < heights.size:
        return []
    return [
        Problem(
            "ground, voids",
            f"{voids:,} of {heights.size:,} cells ({share:.2%}) have no height, at most "
            f"{most_voids:.2%} are filled in",
            "complete the file, or allow more with most_voids",
        )
    ]


def _filled(heights: Heights, grid: Grid) -> tuple[Heights, int, float]:
    """Fill the voids; return also how many they were and how far the farthest was [m]."""
    void = np.isnan(heights)
    if not void.any():
        return heights, 0, 0.0
    gap = float(distance_transform_edt(void).max())
    filled = fillnodata(heights, mask=~void, max_search_distance=2.0 * gap + 1.0)
    return filled.astype(np.float32), int(np.count_nonzero(void)), gap * grid.cell_size_m
