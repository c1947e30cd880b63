"""Levels measured by drive tests and by phones (MDT), from CSV files."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from siting.errors import InputError, raise_if
from siting.geo import (
    Frame,
    bd09_to_wgs84,
    gcj02_offset_check,
    gcj02_to_wgs84,
    position_problems,
    swapped_axes_check,
)
from siting.io.table import numbers, read_table

log = logging.getLogger(__name__)

COLUMNS = ("lat", "lon", "pci", "ss_rsrp")
#: Range in which phones report the level [dBm], by 3GPP TS 38.133, clause 10.1.6.1.
REPORTED_DBM = (-156.0, -31.0)
#: Physical cell identities of NR, by 3GPP TS 38.211, clause 7.4.2.1.
HIGHEST_PCI = 1007


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurements:
    """Measured levels.

    Parameters
    ----------
    lon, lat
        Positions in WGS 84 [deg], (n,).
    pci
        Physical cell identity of the cell measured, 0 to 1007, (n,); cells far apart share one.
    ss_rsrp_dbm
        Level [dBm], (n,).
    line
        Line of the file, (n,).
    notes
        What was changed on the way.
    """

    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    pci: npt.NDArray[np.int64]
    ss_rsrp_dbm: npt.NDArray[np.float64]
    line: npt.NDArray[np.int64]
    notes: tuple[str, ...]


def read_measurements(
    path: Path, *, frame: Frame = Frame.WGS84, districts: Sequence[BaseGeometry] = ()
) -> Measurements:
    """Read a drive test or MDT file.

    Parameters
    ----------
    path
        ``.csv`` or ``.csv.gz`` with the columns ``lat``, ``lon`` [deg], ``pci`` and ``ss_rsrp``
        [dBm]; others are ignored.
    frame
        Frame of the positions; GCJ-02 and BD-09, which phones' map services give, are decoded.
    districts
        District outlines in WGS 84 [deg], against which a hidden offset and exchanged axes are
        looked for.

    Raises
    ------
    FileError
        When the file is missing, too large or no table.
    InputError
        With every fault: columns missing, values that are no number or out of range by line (up to
        20 a column, the rest counted), positions that look exchanged or offset. No row is dropped
        in silence.
    """
    table = read_table(path, COLUMNS)
    lat, problems = numbers(table, "lat", -90.0, 90.0, unit="deg")
    lon, more = numbers(table, "lon", -180.0, 180.0, unit="deg")
    problems += more
    pci, more = numbers(table, "pci", 0, HIGHEST_PCI, unit="", whole=True)
    problems += more
    level, more = numbers(table, "ss_rsrp", *REPORTED_DBM, unit="dBm")
    problems += more
    known = np.isfinite(lon) & np.isfinite(lat)
    outlines = np.array(districts, dtype=object)
    if len(outlines) and known.any():
        west, south, east, north = shapely.total_bounds(outlines)
        problems += swapped_axes_check(
            lon[known], lat[known], (west, south, east, north), where="lon, lat"
        )
    raise_if(problems, InputError)
    notes: tuple[str, ...] = ()
    if frame is not Frame.WGS84:
        decode = gcj02_to_wgs84 if frame is Frame.GCJ02 else bd09_to_wgs84
        lon, lat = decode(lon, lat)
        notes = (f"{frame.value} offset removed from every position",)
        raise_if(position_problems(lon, lat), InputError)
    elif len(outlines):
        points = np.asarray(shapely.points(lon, lat), dtype=object)
        raise_if(gcj02_offset_check(points, outlines, where="lon, lat"), InputError)
    log.info("measurements: %s n=%d cells=%d", path.name, len(table), len(np.unique(pci)))
    return Measurements(
        lon=lon,
        lat=lat,
        pci=pci.astype(np.int64),
        ss_rsrp_dbm=level,
        line=table.index.to_numpy(dtype=np.int64),
        notes=notes,
    )
