"""Rasters as Cloud Optimised GeoTIFF, for any geographic information system."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from siting.contours import north_up
from siting.errors import FileError, InputError, Problem, raise_if
from siting.grid import Grid
from siting.provenance import Provenance

log = logging.getLogger(__name__)

#: Tag under which a file says how far it can be trusted.
PROVENANCE_TAG = "PROVENANCE"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """One raster of a GeoTIFF.

    Parameters
    ----------
    name
        What it shows, e.g. ``"SS-RSRP, 50 % of locations"``.
    unit
        Unit of its values, e.g. ``"dBm"``; empty for a number without one.
    values
        (rows, columns), row 0 in the south; NaN, or a level of nothing (-inf), where there is none.
        Whole numbers up to 2^24 are kept exactly.
    """

    name: str
    unit: str
    values: npt.NDArray[Any]


def write_geotiff(
    path: Path,
    grid: Grid,
    bands: Sequence[Band],
    *,
    title: str,
    provenance: Provenance,
    notes: Mapping[str, str] | None = None,
    classes: bool = False,
) -> None:
    """Write rasters as a Cloud Optimised GeoTIFF.

    Parameters
    ----------
    path
        File to write, ``.tif``; an existing one is replaced.
    grid
        The cells.
    bands
        One or more rasters on it.
    title
        What the file is, stored in it.
    provenance
        How far it can be trusted: the worst of what it was made from, stored in it.
    notes
        Further tags, e.g. assumptions or the version that computed it.
    classes
        The values are classes or indices: the smaller copies for quick display take the most
        frequent value instead of the average.

    Raises
    ------
    InputError
        Without a band, and for every band that does not fit the grid.
    FileError
        When the file cannot be written.

    Notes
    -----
    float32, NaN for "no value", DEFLATE, tiles of 512 x 512, overviews inside.
    """
    shape = (grid.rows, grid.columns)
    problems = [
        Problem(f"bands[{number}]", f"has shape {np.shape(band.values)}, the grid has {shape}")
        for number, band in enumerate(bands)
        if np.shape(band.values) != shape
    ]
    if not bands:
        problems.append(Problem("bands", "there is none", "give at least one"))
    raise_if(problems, InputError)
    with MemoryFile() as memory:
        with memory.open(
            driver="COG",
            width=grid.columns,
            height=grid.rows,
            count=len(bands),
            dtype="float32",
            crs=CRS.from_user_input(grid.crs),
            transform=north_up(grid),
            nodata=np.nan,
            compress="DEFLATE",
            predictor="YES",
            overview_resampling="MODE" if classes else "AVERAGE",
        ) as file:
            for number, band in enumerate(bands, start=1):
                values = np.asarray(band.values, dtype=np.float32)[::-1]
                file.write(np.where(np.isfinite(values), values, np.float32(np.nan)), number)
                file.set_band_description(number, band.name)
                file.set_band_unit(number, band.unit)
            file.update_tags(**{**(notes or {}), "TITLE": title, PROVENANCE_TAG: provenance.value})
        content = memory.read()
    try:
        path.write_bytes(content)
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error
    log.info("raster written: %s bands=%d cells=%d", path.name, len(bands), len(grid))


def read_band(content: bytes) -> npt.NDArray[np.float32]:
    """Return the first band of a GeoTIFF, row 0 in the south, NaN where there is no value.

    Parameters
    ----------
    content
        A file as :func:`write_geotiff` writes it.

    Raises
    ------
    FileError
        When it is no GeoTIFF.
    """
    try:
        with MemoryFile(content) as memory, memory.open(driver="GTiff") as file:
            return np.ascontiguousarray(file.read(1)[::-1], dtype=np.float32)
    except RasterioError as error:
        raise FileError(f"the raster cannot be read: {error}") from error
