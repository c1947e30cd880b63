"""Existing cells from OpenCelliD's lists: that a cell is there, and about where; no levels."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from shapely.geometry.base import BaseGeometry

from siting.errors import InputError, Problem, raise_if
from siting.geo import WGS84
from siting.grid import contains
from siting.io.table import MOST_NAMED, numbers, table_chunks
from siting.provenance import Provenance

log = logging.getLogger(__name__)

#: The columns of a list, in their order; lists of one country come without this line.
HEADER = (
    "radio", "mcc", "net", "area", "cell", "unit", "lon", "lat", "range", "samples", "changeable",
    "created", "updated", "averagesignal",
)  # fmt: skip
REQUIRED = ("radio", "mcc", "net", "area", "cell", "lon", "lat", "range", "samples")
# Whole numbers, and the greatest each may be: identities by 3GPP TS 23.003, metres, a count.
_GREATEST = {
    "mcc": 999, "net": 65_535, "area": 2**24 - 1, "cell": 2**36 - 1, "range": 10**6,
    "samples": 10**9,
}  # fmt: skip
RADIOS = frozenset({"GSM", "CDMA", "UMTS", "LTE", "NR", "NBIOT"})
SOURCE = "OpenCelliD (opencellid.org)"
LICENCE = "CC BY-SA 4.0"
#: What a position is good for when the list gives no range [m].
UNKNOWN_ACCURACY_M = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellList:
    """Cells of an area, and what was left out.

    Parameters
    ----------
    frame
        A row per cell, EPSG:4326: ``id`` (mcc-net-area-cell), ``radio``, ``mcc``, ``net``,
        ``area``, ``cell``, ``samples``, ``exact`` (position from the operator, not averaged from
        phones), ``provenance``, ``source``, ``licence``, ``accuracy_m``.
    rows
        Rows of the file.
    other_radio
        Rows of radio systems that were not asked for.
    outside
        Rows of those asked for that lie outside the area.
    repeated
        Rows whose cell stands in the list before; the one with most samples is kept.
    """

    frame: gpd.GeoDataFrame
    rows: int
    other_radio: int
    outside: int
    repeated: int


def read_cell_list(
    path: Path, area: BaseGeometry, *, radios: Collection[str] = ("NR", "LTE")
) -> CellList:
    """Read the cells of an area from a list of OpenCelliD.

    Parameters
    ----------
    path
        ``.csv`` or ``.csv.gz`` as downloaded, with or without its header.
    area
        Polygon in WGS 84 [deg]; cells outside are counted and left out.
    radios
        Radio systems that are wanted: NR, LTE, UMTS, GSM, CDMA, NBIOT.

    Raises
    ------
    FileError
        When the file is missing, too large or no table.
    InputError
        With every fault: a wrong header, a radio system nobody knows, numbers that are none or out
        of range, by line (up to 20 a column, the rest counted).

    Notes
    -----
    A position is the mean of where phones saw the cell, so it leans towards the roads, and the
    range is taken as its accuracy; ``changeable`` 0 marks positions from the operator. A cell is a
    sector of one carrier: several cells make a site. What nobody's phone has reported is missing:
    the list shows that cells are there, never that none are.
    """
    wanted = {radio.upper() for radio in radios}
    problems = [
        Problem("radios", f"{name!r} is no radio system", f"known: {', '.join(sorted(RADIOS))}")
        for name in sorted(wanted - RADIOS)
    ]
    raise_if(problems, InputError)
    rows = other = outside = 0
    parts = [_frame(pd.DataFrame(columns=list(REQUIRED), dtype=str), area, [])]
    for table in table_chunks(path, REQUIRED, header=HEADER):
        system = table["radio"].str.strip().str.upper()
        strange = ~system.isin(RADIOS)
        if strange.any():
            problems.append(_strange(table[strange]))
        table["radio"] = system
        asked = table[system.isin(wanted)]
        parts.append(_frame(asked, area, problems))
        rows += len(table)
        other += len(table) - len(asked) - int(strange.sum())
        outside += len(asked) - len(parts[-1])
        if len(problems) > MOST_NAMED:
            break
    raise_if(problems, InputError)
    kept = pd.concat(parts).sort_values("samples", ascending=False, kind="stable")
    unique = kept.drop_duplicates("id").sort_values("id", ignore_index=True)
    found = CellList(
        frame=gpd.GeoDataFrame(unique, geometry="geometry", crs=WGS84),
        rows=rows,
        other_radio=other,
        outside=outside,
        repeated=len(kept) - len(unique),
    )
    log.info("cell list: %s rows=%d cells=%d", path.name, rows, len(unique))
    return found


def _strange(table: pd.DataFrame) -> Problem:
    """Name the first row of a radio system that nobody knows, and count them."""
    return Problem(
        f"line {table.index[0]}, radio",
        f"{table['radio'].iloc[0]!r} is no radio system; {len(table):,} rows are so",
        f"known: {', '.join(sorted(RADIOS))}",
    )


def _frame(table: pd.DataFrame, area: BaseGeometry, problems: list[Problem]) -> gpd.GeoDataFrame:
    """Return the cells of some rows that lie in the area; what lies elsewhere is not looked at."""
    lon, more = numbers(table, "lon", -180.0, 180.0, unit="deg")
    problems += more
    lat, more = numbers(table, "lat", -90.0, 90.0, unit="deg")
    problems += more
    inside = contains(area, np.column_stack([lon, lat]))
    table, lon, lat = table[inside], lon[inside], lat[inside]
    values: dict[str, npt.NDArray[np.int64]] = {}
    for column, greatest in _GREATEST.items():
        found, more = numbers(table, column, 0, greatest, unit="", whole=True)
        problems += more
        values[column] = np.nan_to_num(found).astype(np.int64)
    reach, samples = values.pop("range"), values.pop("samples")
    keys = zip(*(item.tolist() for item in values.values()), strict=True)
    changeable = table["changeable"] if "changeable" in table.columns else None
    return gpd.GeoDataFrame(
        {
            "id": ["-".join(map(str, key)) for key in keys],
            "radio": table["radio"].to_numpy(dtype=object),
            **values,
            "samples": samples,
            "exact": False if changeable is None else (changeable.str.strip() == "0").to_numpy(),
            "provenance": Provenance.REAL.value,
            "source": SOURCE,
            "licence": LICENCE,
            "accuracy_m": np.where(reach > 0, reach, UNKNOWN_ACCURACY_M).astype(np.float64),
        },
        geometry=gpd.points_from_xy(lon, lat),
        crs=WGS84,
    )
