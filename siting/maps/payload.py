"""The one object the map's script draws: geometry, symbols and finished texts in both languages."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from siting import map_style
from siting.messages import say
from siting.text import (
    LANGUAGES,
    UNKNOWN,
    Language,
    length_text,
    money_text,
    share_text,
    sinr_text,
    weight_text,
)

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from siting.maps.raster_layer import RasterLayer
    from siting.report import Facts, PlanTables

Pair = list[str]
Record = dict[str, Any]

# Outlines are simplified to this for display [deg], about 10 m; tables keep them whole.
_SIMPLIFY_DEG = 1e-4
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandLayer:
    """Who is served by one standard, as an image or as vector tiles.

    Parameters
    ----------
    standard_id, name_zh, name_en
        The service standard.
    served, total
        Weight served, and in all.
    weight
        Name of that weight.
    image, bounds
        PNG as a data URI, and its south, west, north, east [deg].
    tiles
        Address template of vector tiles with ``{z}``, ``{x}``, ``{y}``, instead of an image.
    """

    standard_id: str
    name_zh: str
    name_en: str
    served: float
    total: float
    weight: str
    image: str | None = None
    bounds: tuple[float, float, float, float] | None = None
    tiles: str | None = None

    def below(self, prefix: str) -> DemandLayer:
        """Return the layer with its tiles served below a path prefix."""
        return self if self.tiles is None else replace(self, tiles=prefix + self.tiles)


def pair(make: Callable[[Language], str]) -> Pair:
    """Make a text in both languages, Chinese first."""
    return [make(language) for language in LANGUAGES]


def said(key: str, **values: object) -> Pair:
    """Look a text up in both languages."""
    return pair(lambda language: say(key, language, **values))


def map_payload(
    tables: PlanTables, demand: Sequence[DemandLayer], rasters: Sequence[RasterLayer] = ()
) -> Record:
    """Return everything the map draws, ready for JSON."""
    facts = tables.facts
    west, south, east, north = tables.districts.total_bounds
    zones = list(zone_records(tables.zones, facts))
    return {
        "bounds": [[south, west], [north, east]],
        "colours": {
            "land": map_style.LAND,
            "water": map_style.WATER,
            "outline": map_style.OUTLINE,
            "served": map_style.SERVED,
            "unserved": map_style.UNSERVED,
        },
        "core": map_style.EXISTING_CORE,
        "texts": {
            "no_demand": said("map.no_image" if rasters else "map.no_demand"),
            "districts": said("map.districts"),
            "north": said("map.north"),
            "whole": said("map.whole"),
        },
        "districts": list(_districts(tables.districts)),
        "water": None if tables.water is None else _geojson(tables.water),
        "zones": zones,
        "zone_styles": {name: asdict(style) for name, style in map_style.ZONE_STYLES.items()},
        "pattern_defs": map_style.pattern_defs(),
        "states": [
            {"id": state, "name": said(f"state.{state}")}
            for state in reversed(map_style.STATE_ORDER)
            if any(zone["state"] == state for zone in zones)
        ],
        "symbols": [
            asdict(map_style.station_symbol(item.station_class, item.band))
            | {"id": item.id, "name": [item.name_zh, item.name_en], "count": item.count}
            for item in facts.technologies
        ],
        "stations": _stations(tables.sites, facts),
        # One of them is shown at a time, the first at the start.
        "demand": [*map(_raster, rasters), *map(_demand, demand)],
    }


def zone_records(zones: gpd.GeoDataFrame, facts: Facts) -> Iterable[Record]:
    """Gather the targets of each zone into one record, worst state first in the drawing order."""
    for zone_id, rows in zones.groupby("zone", sort=False):
        first = rows.iloc[0]
        state = map_style.worst_state([str(value) for value in rows["state"]])
        lead = rows[rows["state"] == state].iloc[0]
        yield {
            "id": str(zone_id),
            "kind": str(first["kind"]),
            "state": state,
            "name": [str(first["name_zh"]), str(first["name_en"])],
            "label": _zone_label(lead),
            "lines": _zone_lines(rows, facts),
            "geometry": _geojson(cast("BaseGeometry", first["geometry"])),
        }


def _zone_label(row: Any) -> Pair:
    sign = map_style.ZONE_STYLES[row["state"]].sign
    return pair(
        lambda language: (
            f"{sign} {row[f'name_{language}']} "
            f"{share_text(float(row['share']), language)} / "
            f"{share_text(float(row['required_fraction']), language, 'up')}"
        )
    )


def _zone_lines(rows: pd.DataFrame, facts: Facts) -> list[list[Pair]]:
    first = rows.iloc[0]
    kind, tier = f"zone_kind.{first['kind']}", first["tier"]
    lines = [
        [said("kind"), pair(lambda at: f"{say(kind, at)}, {say('tier', at)} {tier}")],
        *([_target_head(row, facts), _target_text(row)] for _, row in rows.iterrows()),
    ]
    lines.append([said("provenance"), said(f"provenance.{first['provenance']}")])
    return lines


def _target_head(row: Any, facts: Facts) -> Pair:
    weight = f"weight.{row['weight']}"
    return pair(lambda at: f"{facts.standard_short(row['standard'], at)} ({say(weight, at)})")


def _target_text(row: Any) -> Pair:
    state = f"state.{row['state']}"

    def text(language: Language) -> str:
        share = share_text(float(row["share"]), language)
        required = share_text(float(row["required_fraction"]), language, "up")
        told = f"{share} / {required} {say(state, language)}"
        if math.isfinite(float(row["min_ss_sinr_db"])):
            clear = share_text(float(row["clear_share"]), language)
            told += f", SINR ≥ {sinr_text(float(row['min_ss_sinr_db']))}: {clear}"
        if float(row["shortfall"]) > 0:
            missing = weight_text(float(row["shortfall"]), str(row["weight"]), language, "up")
            told += f", {say('shortfall', language)} {missing}"
        return told

    return pair(text)


def _districts(districts: gpd.GeoDataFrame) -> Iterable[Record]:
    for _, row in districts.iterrows():
        shape = cast("BaseGeometry", row["geometry"])
        seat = shape.representative_point()
        count = f"{int(row['stations']):,}"
        yield {
            "id": str(row["district"]),
            "label": [f"{row['name_zh']} {count}", f"{row['name_en']} {count}"],
            "centre": [round(seat.x, _DIGITS), round(seat.y, _DIGITS)],
            "geometry": _geojson(shape),
        }


def _stations(sites: gpd.GeoDataFrame, facts: Facts) -> Record:
    position = {item.id: index for index, item in enumerate(facts.technologies)}
    return {
        "lonlat": np.round(sites[["lon", "lat"]].to_numpy(dtype=float), _DIGITS).tolist(),
        "site": [str(value) for value in sites["site"]],
        "technology": [position[str(value)] for value in sites["technology"]],
        "existing": [int(value) for value in sites["existing"]]
        if "existing" in sites
        else [0] * len(sites),
        "lines": [
            {"head": head} | _coded(list(values)) for head, values in _station_lines(sites, facts)
        ],
    }


def _station_lines(
    sites: gpd.GeoDataFrame, facts: Facts
) -> Iterable[tuple[Pair, Iterable[tuple[str, str]]]]:
    """Yield the pop-up's lines: head and a text pair per station; at most eight with the name.

    What a table of stations does not hold has no line.
    """
    rows: list[Record] = [
        {str(key): value for key, value in row.items()} for row in sites.to_dict("records")
    ]

    def column(make: Callable[[Record, Language], str]) -> Iterable[tuple[str, str]]:
        return [(make(row, "zh"), make(row, "en")) for row in rows]

    def equipment(row: Record, language: Language) -> str:
        name = str(row[f"technology_{language}"])
        if "existing" not in row:
            return name
        return f"{name}, {say('existing' if row['existing'] else 'new', language)}"

    yield said("technology"), column(equipment)
    if "district_zh" in sites:
        yield said("district"), column(lambda row, language: str(row[f"district_{language}"]))
    yield said("host" if "host" in sites else "mounting"), column(_host)
    if "served" in sites and not sites["served"].isna().all():
        yield said("served_by"), column(lambda row, language: _served(row, facts, language))
    if "cost_cny" in sites:
        yield (
            said("cost"),
            column(
                lambda row, language: money_text(
                    int(row["cost_cny"] + row["site_cost_cny"]), language
                )
            ),
        )
    if "step" in sites:
        yield said("reason"), column(lambda row, language: say(f"chosen.{row['step']}", language))
    yield said("provenance"), column(_provenance)


def _host(row: Record, language: Language) -> str:
    parts = [say(f"site_kind.{row['host']}", language)] if "host" in row else []
    if row.get("owner"):
        parts.append(str(row["owner"]))
    parts.append(f"{say('height', language)} {length_text(float(row['height_m']), language)}")
    turn, tilt = row.get("turn_deg"), row.get("tilt_deg")
    if turn is not None and tilt is not None and not math.isnan(float(turn)):
        parts.append(say("direction", language, turn=f"{turn:.0f}", tilt=f"{tilt:.0f}"))
    return ", ".join(parts)


def _served(row: Record, facts: Facts, language: Language) -> str:
    served = weight_text(float(row["served"]), facts.focus.weight, language, "down")
    alone = weight_text(float(row["served_alone"]), facts.focus.weight, language, "down")
    return f"{served} ({say('served_alone', language)} {alone})"


def _provenance(row: Record, language: Language) -> str:
    text = say(f"provenance.{row['provenance']}", language)
    accuracy = float(row.get("accuracy_m", math.nan))
    shown = UNKNOWN if math.isnan(accuracy) else f"±{length_text(accuracy, language)}"
    return f"{text}, {say('accuracy', language)} {shown}"


def _coded(values: list[tuple[str, str]]) -> Record:
    """Write repeated texts once: the distinct ones and an index per row."""
    numbers: dict[tuple[str, str], int] = {}
    index = [numbers.setdefault(value, len(numbers)) for value in values]
    return {"values": [list(value) for value in numbers], "index": index}


def _raster(layer: RasterLayer) -> Record:
    return {
        "id": layer.id,
        "label": layer.name,
        "image": layer.image,
        "bounds": layer.bounds,
        "tiles": None,
    }


def _demand(layer: DemandLayer) -> Record:
    return {
        "id": layer.standard_id,
        "label": pair(
            lambda language: say(
                "map.demand",
                language,
                standard=_short(layer.name_zh if language == "zh" else layer.name_en),
            )
        ),
        "image": layer.image,
        "bounds": layer.bounds,
        "tiles": layer.tiles,
    }


def _short(name: str) -> str:
    """Leave out what a name explains in brackets."""
    return name.partition(" (")[0]


def _geojson(shape: BaseGeometry) -> Record:
    simple = shapely.set_precision(
        shape.simplify(_SIMPLIFY_DEG, preserve_topology=True), 10.0**-_DIGITS
    )
    return json.loads(shapely.to_geojson(simple))
