"""The map of a predicted network: level, ratio and best server, stations, zones, assumptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.geo import WGS84, unproject, unproject_geometry
from siting.maps import PlanMap, plan_map
from siting.maps.payload import Pair, pair, said
from siting.maps.raster_layer import SS_RSRP, SS_SINR, level_layer, server_layer
from siting.messages import say
from siting.plan import NEAR_FRACTION, TargetState
from siting.radio.network.busy_hour.traffic import PEOPLE
from siting.report import Facts, Focus, Named, PlanTables, Station
from siting.status import Status
from siting.text import Language, count_text, share_text
from siting.zones import ZoneKind

if TYPE_CHECKING:
    from siting.radio.network.area_report import StandardFigures, ZoneFigures
    from siting.radio.network.assumptions import Assumption
    from siting.radio.network.plan_prediction import NetworkPrediction
    from siting.zones import Zone

#: Standard whose test colours the zones.
TESTED = "covered-outdoor"


def prediction_map(
    predicted: NetworkPrediction,
    *,
    language: Language = "zh",
    assets: str | None = None,
    made_at: datetime | None = None,
) -> PlanMap:
    """Draw what a network delivers.

    Parameters
    ----------
    predicted
        The prediction.
    language, assets, made_at
        As for :func:`siting.maps.plan_map`.

    Returns
    -------
    PlanMap
        Level, ratio and best server, shown one at a time; zones by the 95 % test of the standard
        :data:`TESTED`; stations; every assumption in the legend.
    """
    grid, origin = predicted.grid, predicted.provenance
    layers = [
        level_layer(grid, predicted.ss_rsrp_dbm, SS_RSRP, provenance=origin),
        level_layer(grid, predicted.ss_sinr_db, SS_SINR, provenance=origin),
        server_layer(grid, predicted.server, provenance=origin),
    ]
    listed = said("prediction.listed_only")
    return plan_map(
        prediction_tables(predicted),
        rasters=[replace(layer, notes=(listed, *layer.notes)) for layer in layers],
        summary=summary(predicted),
        assumptions=[(_meaning(item), _figure(item)) for item in predicted.assumed()],
        language=language,
        assets=assets,
        made_at=made_at,
    )


def _meaning(item: Assumption) -> Pair:
    """Say what an assumption is; that of a technology with the technology's id."""
    kind, dot, name = item.name.rpartition(".")
    return [f"{text}{', ' if dot else ''}{kind}" for text in said(f"assumption.{name}")]


def _figure(item: Assumption) -> str:
    unit = "" if item.unit == "1" else f" {item.unit}"
    return f"{item.value:g}{unit} ({item.source})"


def summary(predicted: NetworkPrediction) -> Pair:
    """Say in a sentence what the network comes to."""
    whole, *zones = predicted.report.zones
    tested = [_figures(zone, TESTED) for zone in zones]
    texts = said(
        "prediction.summary",
        stations=count_text(len(predicted.stations)),
        sites=count_text(len(set(predicted.stations.site))),
        cells=count_text(len(predicted.network.cells)),
        passed=sum(item.passes for item in tested),
        zones=sum(item.pixels > 0 for item in tested),
        share="{share}",
    )
    share = _figures(whole, TESTED).share
    texts = [
        text.format(share=share_text(share, language))
        for text, language in zip(texts, cast("list[Language]", ["zh", "en"]), strict=True)
    ]
    if predicted.ground.terrain is None:
        level = said("prediction.level_ground")
        texts = [f"{text} {more}" for text, more in zip(texts, level, strict=True)]
    return texts


def prediction_facts(predicted: NetworkPrediction) -> Facts:
    """Gather what the map's frame says: names, counts, origins; a prediction proves nothing."""
    data, stations = predicted.data, predicted.stations
    counts = Counter(stations.technology.tolist())
    area, scenario = data.study_area, said("prediction.scenario")
    names = [Named(id=item.standard, **_names(item.standard)) for item in _standards(predicted)]
    sources = [zone.source for zone in area.districts] + [area.water_source]
    sources += [zone.source.rpartition("; ")[2] for zone in data.zones]
    sources += [predicted.ground.source]
    whole = _figures(predicted.report.zones[0], TESTED)
    return Facts(
        area=Named(id=area.id, name_zh=area.name_zh, name_en=area.name_en),
        crs=area.crs,
        scenario=" / ".join(scenario),
        scenario_hash="",
        status=Status.FEASIBLE,
        reason="",
        stations=len(stations),
        sites=len(set(stations.site)),
        cost_cny=0,
        technologies=tuple(
            Station(
                id=item.id,
                name_zh=item.name_zh,
                name_en=item.name_en,
                station_class=item.station_class,
                band=item.band,
                count=counts[number],
                cost_cny=counts[number] * item.cost_cny,
            )
            for number, item in enumerate(stations.technologies)
        ),
        standards=tuple(names),
        steps=(),
        targets=(),
        focus=Focus(TESTED, "area_m2"),
        focus_served=whole.share,
        focus_total=1.0,
        zone_names={zone.id: (zone.name_zh, zone.name_en) for zone in predicted.zones},
        provenance=_origins(predicted),
        existing_sites=len(stations),
        credits=tuple(dict.fromkeys(source for source in sources if source)),
        seed=0,
        runtime_s=predicted.runtime_s,
        version="",
    )


def prediction_tables(predicted: NetworkPrediction) -> PlanTables:
    """Lay a prediction out as the tables that maps are drawn from."""
    area = predicted.data.study_area
    water = None if area.water is None else unproject_geometry(area.water, area.crs)
    sites = _sites(predicted)
    return PlanTables(
        facts=prediction_facts(predicted),
        water=water,
        sites=sites,
        zones=_zones(predicted),
        districts=_districts(predicted),
        unserved=gpd.GeoDataFrame({"geometry": []}, geometry="geometry", crs=WGS84),
    )


def _sites(predicted: NetworkPrediction) -> gpd.GeoDataFrame:
    stations = predicted.stations
    lon, lat = unproject(stations.xy, predicted.data.study_area.crs)
    kinds = [stations.technologies[number] for number in stations.technology.tolist()]
    frame = pd.DataFrame(
        {
            "site": stations.site,
            "technology": [kind.id for kind in kinds],
            "technology_zh": [kind.name_zh for kind in kinds],
            "technology_en": [kind.name_en for kind in kinds],
            "lon": lon,
            "lat": lat,
            "height_m": stations.height_m,
            "turn_deg": stations.turn_deg,
            "tilt_deg": stations.tilt_deg,
            "provenance": predicted.stations_provenance.value,
            "accuracy_m": np.nan,
        }
    )
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(lon, lat), crs=WGS84)


def _zones(predicted: NetworkPrediction) -> gpd.GeoDataFrame:
    """Return a row per zone and standard; the standard :data:`TESTED` alone has a target."""
    rows = []
    for zone, figures in zip(predicted.zones[1:], predicted.report.zones[1:], strict=True):
        for item in figures.standards:
            required, state = float("nan"), "none"
            share = item.share
            if item.standard == TESTED:
                required = _required(predicted)
                share = min(item.share, item.locations_share)
                state = _state(item, share, required)
            rows.append(
                {
                    "zone": zone.id,
                    "name_zh": zone.name_zh,
                    "name_en": zone.name_en,
                    "kind": zone.kind.value,
                    "tier": zone.tier,
                    "standard": item.standard,
                    "weight": "area_m2",
                    "share": share,
                    "required_fraction": required,
                    "min_ss_sinr_db": float("nan"),
                    "clear_share": float("nan"),
                    "shortfall": max(0.0, required - share) * figures.area_m2
                    if state not in {"none", "not_assessable"}
                    else 0.0,
                    "state": state,
                    "provenance": zone.provenance.value,
                }
            )
    repeats = len(_standards(predicted))
    outlines = np.repeat(_lonlat(predicted.zones[1:], predicted.data.study_area.crs), repeats)
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=outlines, crs=WGS84)


def _districts(predicted: NetworkPrediction) -> gpd.GeoDataFrame:
    districts = predicted.data.study_area.districts
    places = shapely.points(predicted.stations.xy)
    frame = pd.DataFrame(
        {
            "district": [zone.id for zone in districts],
            "name_zh": [zone.name_zh for zone in districts],
            "name_en": [zone.name_en for zone in districts],
            "stations": [
                int(np.count_nonzero(shapely.covers(zone.geometry, places))) for zone in districts
            ],
        }
    )
    outlines = _lonlat(districts, predicted.data.study_area.crs)
    return gpd.GeoDataFrame(frame, geometry=outlines, crs=WGS84)


def _lonlat(zones: Sequence[Zone], crs: str) -> np.ndarray:
    shapes = np.empty(len(zones), dtype=object)
    shapes[:] = [zone.geometry for zone in zones]
    return np.asarray(shapely.force_2d(unproject_geometry(shapes, crs)), dtype=object)


def capacity_facts(predicted: NetworkPrediction) -> Facts:
    """Return the facts of figures that rest on where people are as well."""
    facts, origin = prediction_facts(predicted), predicted.data.demand.provenance.get(PEOPLE)
    if origin is None:
        return facts
    people = {f"demand_{PEOPLE}": {origin.value: 1.0}}
    return replace(facts, provenance={**facts.provenance, **people})


def _origins(predicted: NetworkPrediction) -> dict[str, dict[str, float]]:
    """Return the share of each origin per input of the prediction."""
    layers = {
        "stations": [predicted.stations_provenance],
        "terrain": [predicted.ground.provenance],
        "districts": [zone.provenance for zone in predicted.data.study_area.districts],
        "zones": [
            zone.provenance for zone in predicted.data.zones if zone.kind is not ZoneKind.DISTRICT
        ],
    }
    return {
        layer: {origin.value: count / len(origins) for origin, count in Counter(origins).items()}
        for layer, origins in layers.items()
        if origins
    }


def _state(item: StandardFigures, share: float, required: float) -> str:
    """Say how a zone stands in the test, in the words of targets."""
    if not item.pixels:
        return TargetState.NOT_ASSESSABLE.value
    if item.passes:
        return TargetState.MET.value
    near = share >= required - NEAR_FRACTION
    return (TargetState.NEAR if near else TargetState.MISSED).value


def _standards(predicted: NetworkPrediction) -> Sequence[StandardFigures]:
    return predicted.report.zones[0].standards


def _figures(zone: ZoneFigures, standard: str) -> StandardFigures:
    return next(item for item in zone.standards if item.standard == standard)


def _names(standard: str) -> dict[str, str]:
    key = f"prediction.{standard}"
    return dict(zip(("name_zh", "name_en"), pair(lambda at: say(key, at)), strict=True))


def _required(predicted: NetworkPrediction) -> float:
    return next(item.required_share for item in predicted.standards if item.id == TESTED)
