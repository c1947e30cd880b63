"""Existing cells from OpenCelliD's lists: that a cell is there, and about where; no levels."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry.base import BaseGeometry

from siting.errors import InputError, Problem, raise_if
from siting.geo import WGS84
from siting.grid import contains
from siting.io.table import numbers, read_table
from siting.provenance import Provenance

log = logging.getLogger(__name__)

#: The columns of a list, in their order; lists of one country come without this line.
HEADER = (
    "radio", "mcc", "net", "area", "cell", "unit", "lon", "lat", "range", "samples", "changeable",
    "created", "updated", "averagesignal",
)  # fmt: skip
REQUIRED = HEADER[:10]
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
    table = read_table(path, REQUIRED, header=HEADER)
    rows = len(table)
    system = table["radio"].str.strip().str.upper()
    strange = ~system.isin(RADIOS)
    if strange.any():
        line, name = table.index[strange][0], table["radio"][strange].iloc[0]
        problems.append(
            Problem(
                f"line {line}, radio",
                f"{name!r} is no radio system; {int(strange.sum()):,} rows are so",
                f"known: {', '.join(sorted(RADIOS))}",
            )
        )
    keep = system.isin(wanted)
    other = int((~keep & ~strange).sum())
    table, system = table[keep], system[keep]
    values: dict[str, np.ndarray] = {}
    for column, least, greatest, unit, whole in (
        ("mcc", 1, 999, "", True),
        ("net", 0, 65_535, "", True),
        ("area", 0, 2**24 - 1, "", True),
        ("cell", 0, 2**36 - 1, "", True),
        ("lon", -180.0, 180.0, "deg", False),
        ("lat", -90.0, 90.0, "deg", False),
        ("range", 0, 1e6, "m", False),
        ("samples", 0, 1e9, "", True),
    ):
        values[column], more = numbers(table, column, least, greatest, unit=unit, whole=whole)
        problems += more
    raise_if(problems, InputError)
    frame = _frame(table, system, values)
    inside = contains(area, np.column_stack([values["lon"], values["lat"]]))
    kept = frame[inside].sort_values("samples", ascending=False, kind="stable")
    unique = kept.drop_duplicates("id").sort_values("id", ignore_index=True)
    found = CellList(
        frame=gpd.GeoDataFrame(unique, geometry="geometry", crs=WGS84),
        rows=rows,
        other_radio=other,
        outside=int((~inside).sum()),
        repeated=len(kept) - len(unique),
    )
    log.info("cell list: %s rows=%d cells=%d", path.name, rows, len(unique))
    return found


def _frame(
    table: pd.DataFrame, system: pd.Series, values: dict[str, np.ndarray]
) -> gpd.GeoDataFrame:
    """Return one row per row of the list."""
    whole = {name: values[name].astype(np.int64) for name in ("mcc", "net", "area", "cell")}
    keys = zip(*(item.tolist() for item in whole.values()), strict=True)
    changeable = (
        table["changeable"] if "changeable" in table.columns else pd.Series("1", table.index)
    )
    return gpd.GeoDataFrame(
        {
            "id": ["-".join(map(str, key)) for key in keys],
            "radio": system.to_numpy(dtype=object),
            **whole,
            "samples": values["samples"].astype(np.int64),
            "exact": (changeable.str.strip() == "0").to_numpy(),
            "provenance": Provenance.REAL.value,
            "source": SOURCE,
            "licence": LICENCE,
            "accuracy_m": np.where(values["range"] > 0, values["range"], UNKNOWN_ACCURACY_M),
        },
        geometry=gpd.points_from_xy(values["lon"], values["lat"]),
        crs=WGS84,
    )
