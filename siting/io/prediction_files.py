"""A predicted network as files: rasters, outlines, tables and a map, together or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyogrio

from siting.geo import unproject
from siting.io.geotiff import Band, write_geotiff
from siting.io.plan_files import neutral, write_together
from siting.maps import map_html
from siting.maps.prediction_map import capacity_facts, prediction_facts, prediction_map
from siting.report import synthetic_line
from siting.text import Language, time_text

if TYPE_CHECKING:
    from siting.radio.network.plan_prediction import NetworkPrediction

log = logging.getLogger(__name__)

#: Every file a prediction is written as.
NAMES = ("ss_rsrp.tif", "ss_sinr.tif", "best_server.tif", "coverage.gpkg", "zones.csv",
         "cells.csv", "capacity.csv", "assumptions.csv", "prediction.html")  # fmt: skip


def write_prediction(
    predicted: NetworkPrediction,
    directory: str | Path,
    *,
    language: Language = "zh",
    made_at: datetime | None = None,
) -> dict[str, Path]:
    """Write every output of a prediction into a directory.

    Parameters
    ----------
    predicted
        The prediction.
    directory
        Where to write; made when missing, its parent must exist.
    language
        Language of the map at the start.
    made_at
        Moment printed as time of making; None: now.

    Returns
    -------
    dict
        Path per file name, in the order of :data:`NAMES`: level, ratio and best server as Cloud
        Optimised GeoTIFF; outlines at -105 and -95 dBm; figures by zone and standard; the cells
        that the best server counts; their load and traffic in the busiest hour; every assumption;
        and the map. Without people in the demand there is no ``capacity.csv``.

    Raises
    ------
    FileError
        When a file cannot be written; no existing file is changed.
    """
    began = time.perf_counter()
    moment = made_at or datetime.now(UTC)
    makers: dict[str, Callable[[Path], None]] = {
        "ss_rsrp.tif": lambda path: _raster(
            path, predicted, Band(name="SS-RSRP, median outdoors", unit="dBm",
                                  values=predicted.ss_rsrp_dbm), moment
        ),
        "ss_sinr.tif": lambda path: _raster(
            path, predicted, Band(name="SS-SINR of the strongest server outdoors", unit="dB",
                                  values=predicted.ss_sinr_db), moment
        ),
        "best_server.tif": lambda path: _raster(
            path, predicted, Band(name="strongest cell, by its number in cells.csv", unit="",
                                  values=_numbered(predicted)), moment, classes=True
        ),
        "coverage.gpkg": lambda path: _write_outlines(predicted, path),
        "zones.csv": lambda path: _write_csv(predicted, zone_frame(predicted), path),
        "cells.csv": lambda path: _write_csv(predicted, cell_frame(predicted), path),
        "capacity.csv": lambda path: _write_csv(predicted, capacity_frame(predicted), path),
        "assumptions.csv": lambda path: _write_csv(predicted, assumption_frame(predicted), path),
        "prediction.html": lambda path: _write_map(predicted, path, language, moment),
    }  # fmt: skip
    if predicted.capacity is None:
        del makers["capacity.csv"]
    written = write_together(Path(directory), makers)
    log.info("prediction: %d files in %.2f s", len(written), time.perf_counter() - began)
    return written


#: Columns of the busiest hour in the table of zones, as of
#: :class:`siting.radio.network.busy_hour.capacity.ZoneCapacity`.
_OF_ZONE = ("traffic_mbps", "served_mbps", "carried_mbps", "carried_share", "people_short",
            "overloaded_cells")  # fmt: skip


def zone_frame(predicted: NetworkPrediction) -> pd.DataFrame:
    """Return a row per zone and standard, the study area as a whole first.

    Columns beside those of `AreaReport.frame` (:mod:`siting.radio.network.area_report`): the zone's
    names, kind and origin, the figures of the standard, and what is carried in the busiest hour.
    """
    frame = predicted.report.frame()
    count = len(predicted.standards)
    for place, name in enumerate(("name_zh", "name_en", "kind"), start=1):
        values = [str(getattr(zone, name)) for zone in predicted.zones]
        frame.insert(place, name, np.repeat(np.array(values, dtype=object), count))
    at = list(frame.columns).index("standard") + 1
    for place, name in enumerate(
        ("min_ss_rsrp_dbm", "min_ss_sinr_db", "penetration", "required_share"), start=at
    ):
        values = [getattr(item, name) for item in predicted.standards]
        frame.insert(place, name, values * len(predicted.zones))
    if predicted.capacity is not None:
        by_zone = predicted.capacity.zone_frame()
        for name in _OF_ZONE:
            frame[name] = np.repeat(by_zone[name].to_numpy(), count)
    origins = [zone.provenance.value for zone in predicted.zones]
    return frame.assign(zone_provenance=np.repeat(np.array(origins, dtype=object), count))


def cell_frame(predicted: NetworkPrediction) -> pd.DataFrame:
    """Return the cells of the network; `cell` is the number in ``best_server.tif``, from 1."""
    cells, stations = predicted.network.cells, predicted.stations
    lon, lat = unproject(cells.xy, predicted.grid.crs)
    aimed = np.isfinite(stations.turn_deg[predicted.station])
    kinds = [cells.technologies[number] for number in cells.technology.tolist()]
    return pd.DataFrame(
        {
            "cell": np.arange(1, len(cells) + 1),
            "site": [stations.site[number] for number in predicted.station.tolist()],
            "technology": [kind.id for kind in kinds],
            "frequency_mhz": [kind.frequency_mhz for kind in kinds],
            "lon": lon,
            "lat": lat,
            "height_m": cells.height_m,
            "azimuth_deg": np.where(aimed, cells.azimuth_deg, np.nan),
            "tilt_deg": np.where(aimed, cells.tilt_deg, np.nan),
        }
    )


def capacity_frame(predicted: NetworkPrediction) -> pd.DataFrame:
    """Return load and traffic of the cells in the busiest hour, numbered as in ``cells.csv``.

    Columns as of :meth:`siting.radio.network.busy_hour.capacity.CapacityReport.frame`; no row where
    the demand counts no people.
    """
    cells = cell_frame(predicted)[["cell", "site", "technology"]]
    if predicted.capacity is None:
        return cells.iloc[:0]
    return pd.concat([cells, predicted.capacity.frame()], axis=1)


def assumption_frame(predicted: NetworkPrediction) -> pd.DataFrame:
    """Return every figure that rests on no measurement, with unit and source."""
    rows = [
        (item.name, item.meaning, item.value, item.unit, item.source, item.changed)
        for item in predicted.assumed()
    ]
    names = ["name", "meaning", "value", "unit", "source", "changed"]
    return pd.DataFrame(rows, columns=pd.Index(names))


def _numbered(predicted: NetworkPrediction) -> np.ndarray:
    """Return the best server as the number of cells.csv, NaN where there is none."""
    return np.where(predicted.server >= 0, predicted.server + 1.0, np.nan)


def _notes(predicted: NetworkPrediction, made_at: datetime) -> dict[str, str]:
    """Return the tags of a raster: what was assumed, on what it rests, what made it."""
    figures = "; ".join(f"{item.name}={item.value:g}" for item in predicted.assumed())
    return {
        "NOTICE": synthetic_line(prediction_facts(predicted), "en"),
        "NOTICE_ZH": synthetic_line(prediction_facts(predicted), "zh"),
        "ASSUMPTIONS": figures,
        "TERRAIN": predicted.ground.source or "none: level ground",
        "TERRAIN_PROVENANCE": predicted.ground.provenance.value,
        "STATIONS_PROVENANCE": predicted.stations_provenance.value,
        "SOFTWARE": f"siting {version('siting')}",
        "MADE_AT": time_text(made_at),
    }


def _raster(
    path: Path,
    predicted: NetworkPrediction,
    band: Band,
    made_at: datetime,
    *,
    classes: bool = False,
) -> None:
    write_geotiff(
        path,
        predicted.grid,
        [band],
        title=band.name,
        provenance=predicted.provenance,
        notes=_notes(predicted, made_at),
        classes=classes,
    )


def _write_outlines(predicted: NetworkPrediction, path: Path) -> None:
    notice = synthetic_line(prediction_facts(predicted), "en")
    frame = predicted.coverage.rename(columns={"level": "min_ss_rsrp_dbm"})
    pyogrio.write_dataframe(
        frame.assign(provenance=predicted.provenance.value),
        path,
        layer="coverage",
        driver="GPKG",
        geometry_type="MultiPolygon",
        layer_options={"DESCRIPTION": f"Median SS-RSRP outdoors at or above the level. {notice}"},
    )
    table = assumption_frame(predicted)
    pyogrio.write_dataframe(table, path, layer="assumptions", driver="GPKG", append=True)


def _write_csv(predicted: NetworkPrediction, frame: pd.DataFrame, path: Path) -> None:
    """Write a table with a byte order mark; its last column says what is synthetic."""
    counted = {"traffic_mbps", "offered_mbps"} & set(frame)
    facts = capacity_facts(predicted) if counted else prediction_facts(predicted)
    frame = frame.assign(notice=synthetic_line(facts, "zh"))
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    frame = frame.assign(**{str(name): frame[name].map(neutral) for name in texts})
    frame.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")


def _write_map(
    predicted: NetworkPrediction, path: Path, language: Language, made_at: datetime
) -> None:
    page = map_html(prediction_map(predicted, language=language, made_at=made_at))
    path.write_text(page, encoding="utf-8", newline="\n")
