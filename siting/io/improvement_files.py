"""Improved stations as files: a list to predict or build from, what changes, zones by figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from siting.geo import unproject
from siting.io.plan_files import neutral, write_together
from siting.maps.prediction_map import prediction_facts
from siting.report import synthetic_line

if TYPE_CHECKING:
    from siting.radio.network.improve_stations import ImprovedStations

#: Every file an improvement is written as.
NAMES = ("stations.csv", "changes.csv", "zones.csv")


def write_improvement(improved: ImprovedStations, directory: str | Path) -> dict[str, Path]:
    """Write improved stations into a directory, all files or none.

    Returns
    -------
    dict
        Path per file name, in the order of :data:`NAMES`: the stations with their new directions as
        :func:`siting.io.station_list.read_stations` reads them; the stations that are aimed anew,
        before and after; and the figures of every zone and standard, before and after.

    Raises
    ------
    FileError
        When a file cannot be written; no existing file is changed.
    """
    makers: dict[str, Callable[[Path], None]] = {
        "stations.csv": lambda path: _write(improved, station_frame(improved), path),
        "changes.csv": lambda path: _write(improved, change_frame(improved), path),
        "zones.csv": lambda path: _write(improved, zone_changes(improved), path),
    }
    return write_together(Path(directory), makers)


def station_frame(improved: ImprovedStations) -> pd.DataFrame:
    """Return a row per station as it is aimed afterwards, in the order of the list."""
    stations = improved.after.stations
    lon, lat = unproject(stations.xy, improved.after.data.study_area.crs)
    return pd.DataFrame(
        {
            "site": stations.site,
            "technology": [stations.technologies[number].id for number in stations.technology],
            "lon": lon,
            "lat": lat,
            "height_m": stations.height_m,
            "turn_deg": stations.turn_deg,
            "tilt_deg": stations.tilt_deg,
            "provenance": improved.after.stations_provenance.value,
        }
    )


def change_frame(improved: ImprovedStations) -> pd.DataFrame:
    """Return a row per station that is aimed anew: azimuth of the first antenna, and tilt [deg]."""
    before, after, rows = improved.before.stations, improved.after.stations, improved.changed
    return pd.DataFrame(
        {
            "site": [before.site[row] for row in rows],
            "technology": [before.technologies[before.technology[row]].id for row in rows],
            "turn_before_deg": before.turn_deg[rows],
            "turn_after_deg": after.turn_deg[rows],
            "tilt_before_deg": before.tilt_deg[rows],
            "tilt_after_deg": after.tilt_deg[rows],
        }
    )


def zone_changes(improved: ImprovedStations) -> pd.DataFrame:
    """Return a row per zone and standard, the study area as a whole first."""
    before, after = (item.report.frame() for item in (improved.before, improved.after))
    zones = np.repeat(np.array(improved.before.zones, dtype=object), len(improved.before.standards))
    frame = pd.DataFrame(
        {
            "zone": before["zone"],
            "name_zh": [zone.name_zh for zone in zones],
            "name_en": [zone.name_en for zone in zones],
            "standard": before["standard"],
        }
    )
    for name in ("rsrp_share", "sinr_share", "share", "locations_share", "passes"):
        frame[f"{name}_before"], frame[f"{name}_after"] = before[name], after[name]
    return frame


def _write(improved: ImprovedStations, frame: pd.DataFrame, path: Path) -> None:
    """Write a table with a byte order mark; its last column says what is synthetic."""
    frame = frame.assign(notice=synthetic_line(prediction_facts(improved.after), "zh"))
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    frame = frame.assign(**{str(name): frame[name].map(neutral) for name in texts})
    frame.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")
