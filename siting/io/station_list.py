"""Lists of base stations: as ``siting plan`` writes them, tables of one's own, or documents."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from siting.errors import InputError, Problem, raise_if
from siting.geo import WGS84, project
from siting.io.table import MOST_NAMED, numbers, read_table
from siting.io.vector import read_vector
from siting.provenance import Provenance, worst
from siting.radio.network.plan_network import Stations
from siting.radio.propagation.path_loss import VALIDITY, Floats
from siting.technology import Technology

log = logging.getLogger(__name__)

#: Columns a list must have, and those that may be missing.
COLUMNS = ("site", "technology", "lon", "lat", "height_m")
DIRECTION = ("turn_deg", "tilt_deg")
#: Permitted directions [degrees], as in a technology's own layout.
_DIRECTIONS_DEG = {"turn_deg": 360.0, "tilt_deg": 30.0}
_LINE = re.compile(r"^line (\d+), (\w+)$")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationList:
    """Stations from a file.

    Parameters
    ----------
    name
        File name.
    stations
        The stations, in the file's order.
    provenance
        The worst origin the file names in its column ``provenance``; real without one.
    """

    name: str
    stations: Stations
    provenance: Provenance


def read_stations(path: Path, *, technologies: Sequence[Technology], crs: str) -> StationList:
    """Read base stations from ``plan.csv``, ``plan.geojson`` or a table with the same columns.

    Parameters
    ----------
    path
        CSV with the columns of :data:`COLUMNS`, coordinates in WGS 84 [deg]; or GeoJSON whose
        points are the positions. ``turn_deg`` (azimuth of the first antenna) and ``tilt_deg`` are
        empty where a station radiates alike in every direction; other columns are left alone.
    technologies
        Equipment that may be named.
    crs
        Working CRS the positions are brought into.

    Raises
    ------
    FileError
        When the file is missing, damaged or no table.
    InputError
        Naming every missing column and every bad row: no site, unknown technology, position or
        height that is no number or out of range for the technology, a direction given by half or
        to a technology without sectors.
    """
    geojson = path.suffix.lower() in {".geojson", ".json"}
    frame = _features(path) if geojson else read_table(path, COLUMNS)
    try:
        found = _stations(frame, tuple(technologies), crs)
    except InputError as error:
        if not geojson:
            raise
        raise InputError(
            [
                Problem(item.where.replace("line ", "feature ", 1), item.what, item.hint)
                for item in error.problems
            ]
        ) from None
    log.info("stations read: file=%s n=%d", path.name, len(found))
    return StationList(name=path.name, stations=found, provenance=_provenance(frame))


def listed_stations(
    rows: Sequence[Mapping[str, object]],
    *,
    technologies: Sequence[Technology],
    crs: str,
    positions: Sequence[int] | None = None,
) -> StationList:
    """Read base stations from documents, one a station, with the same fields and rules.

    Parameters
    ----------
    rows
        Values by the names of :func:`read_stations`' columns, and ``provenance``; None or left
        out: empty.
    technologies, crs
        As for :func:`read_stations`.
    positions
        Number of each row in messages; None: from 0 on.

    Raises
    ------
    InputError
        Naming every bad value as ``stations[3].lon``.
    """
    names = (*COLUMNS, *DIRECTION, "provenance")
    frame = pd.DataFrame(
        [[_text(row.get(name)) for name in names] for row in rows],
        columns=pd.Index(names),
        index=pd.Index(range(len(rows)) if positions is None else positions),
        dtype=object,
    )
    try:
        found = _stations(frame, tuple(technologies), crs)
    except InputError as error:
        raise InputError(
            [
                Problem(_LINE.sub(r"stations[\1].\2", item.where), item.what, item.hint)
                for item in error.problems
            ]
        ) from None
    return StationList(name="stations", stations=found, provenance=_provenance(frame))


def _text(value: object) -> str:
    """Write a value as a table would hold it; a number to the last bit."""
    if value is None:
        return ""
    return repr(float(value)) if isinstance(value, int | float) else str(value)


def _features(path: Path) -> pd.DataFrame:
    """Return the properties of points as text, with their positions; the index counts from 1."""
    layer = read_vector(path, crs=WGS84).frame
    shapes = layer.geometry.to_numpy()
    wrong = np.flatnonzero(shapely.get_type_id(shapes) != shapely.GeometryType.POINT)
    raise_if([Problem(f"feature {row + 1}", "is no point") for row in wrong[:MOST_NAMED]])
    frame = pd.DataFrame(layer.drop(columns="geometry"))
    frame.columns = [str(name).strip().lower() for name in frame]
    missing = [name for name in COLUMNS if name not in {*frame, "lon", "lat"}]
    known = ", ".join(str(name) for name in frame)
    raise_if(
        [
            Problem("features", f"property {name!r} is missing", f"the properties are {known}")
            for name in missing
        ]
    )
    text = frame.map(lambda value: "" if pd.isna(value) else str(value))
    text["lon"], text["lat"] = (
        [repr(float(value)) for value in values]
        for values in (shapely.get_x(shapes), shapely.get_y(shapes))
    )
    text.index = pd.RangeIndex(1, len(text) + 1)
    return text


def _stations(frame: pd.DataFrame, technologies: tuple[Technology, ...], crs: str) -> Stations:
    problems = _named(frame, "site", frame["site"].str.strip() == "", "name the site")
    number = {item.id: index for index, item in enumerate(technologies)}
    index = frame["technology"].str.strip().map(number).fillna(-1).to_numpy(dtype=np.intp)
    problems += _named(
        frame, "technology", index < 0, f"known: {', '.join(sorted(number)) or 'none'}"
    )
    lon, found = numbers(frame, "lon", -180.0, 180.0, unit="deg")
    problems += found
    lat, found = numbers(frame, "lat", -90.0, 90.0, unit="deg")
    problems += found
    height, found = _heights(frame, technologies, index)
    problems += found
    turn, tilt, found = _directions(frame, technologies, index)
    problems += found
    raise_if(problems, InputError)
    return Stations(
        technologies=technologies,
        site=tuple(str(name).strip() for name in frame["site"]),
        technology=np.asarray(index, dtype=np.intp),
        xy=project(lon, lat, crs),
        height_m=height,
        turn_deg=turn,
        tilt_deg=tilt,
    )


def _heights(
    frame: pd.DataFrame, technologies: Sequence[Technology], index: np.ndarray
) -> tuple[Floats, list[Problem]]:
    """Read heights, each within what the model of its technology is valid for."""
    height, problems = np.full(len(frame), np.nan), []
    for number in np.unique(index).tolist():
        mine = index == number
        # A height without a known technology is held against all of them.
        limits = [
            VALIDITY[item.propagation].antenna_height_m
            for item in (technologies if number < 0 else [technologies[number]])
        ]
        least, most = min(low for low, _ in limits), max(high for _, high in limits)
        height[mine], found = numbers(frame[mine], "height_m", least, most, unit="m")
        problems += found
    return height, problems


def _directions(
    frame: pd.DataFrame, technologies: Sequence[Technology], index: np.ndarray
) -> tuple[Floats, Floats, list[Problem]]:
    """Read azimuths and tilts; NaN where both are empty or left out."""
    values = {name: np.full(len(frame), np.nan) for name in DIRECTION}
    given = {name: np.zeros(len(frame), dtype=np.bool_) for name in DIRECTION}
    problems: list[Problem] = []
    for name, most in _DIRECTIONS_DEG.items():
        if name in frame:
            given[name] = (frame[name].str.strip() != "").to_numpy()
            values[name][given[name]], found = numbers(
                frame[given[name]], name, -most, most, unit="deg"
            )
            problems += found
    turn, tilt = (given[name] for name in DIRECTION)
    problems += _named(frame, "tilt_deg", turn & ~tilt, "give turn_deg and tilt_deg, or neither")
    problems += _named(frame, "turn_deg", tilt & ~turn, "give turn_deg and tilt_deg, or neither")
    sectors = np.array([item.sectors is not None for item in technologies] + [True])
    problems += _named(
        frame, "turn_deg", turn & ~sectors[index], "this technology has no sectors: leave it empty"
    )
    return values["turn_deg"], values["tilt_deg"], problems


def _named(
    frame: pd.DataFrame, column: str, wrong: pd.Series | np.ndarray, hint: str
) -> list[Problem]:
    """Name bad rows of a column, at most :data:`MOST_NAMED`, and count the rest."""
    rows = np.flatnonzero(wrong)
    text = frame[column] if column in frame else pd.Series("", index=frame.index)
    problems = [
        Problem(f"line {frame.index[row]}, {column}", f"{text.iloc[row]!r}", hint)
        for row in rows[:MOST_NAMED]
    ]
    if len(rows) > MOST_NAMED:
        more = f"{len(rows) - MOST_NAMED:,} more rows are wrong likewise"
        problems.append(Problem(column, more, hint))
    return problems


def _provenance(frame: pd.DataFrame) -> Provenance:
    """Return the worst origin that rows name; other words count as real."""
    known = {item.value for item in Provenance}
    named = set(frame["provenance"].str.strip()) if "provenance" in frame else set()
    return worst(Provenance(name) for name in named & known)
