"""Priority zones: circles round sourced points, within the districts, off the water."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import shapely
from common import CRS, read_rows, rounded, write_features
from places import NOT_SUPPLIED
from shapely.geometry.base import BaseGeometry

from siting import geo
from siting.layers import water_polygon

#: Chords per quarter circle.
_SEGMENTS = 16
_LICENCE = "ODbL-1.0, (c) OpenStreetMap contributors (cut at the water); point: {licence}"


def build(here: Path, out: Path) -> None:
    """Draw every zone of ``zones.csv`` and write ``zones/priority_zones.geojson``."""
    places = {row["id"]: row for row in read_rows(out / "facts" / "places.csv")}
    districts = gpd.read_file(out / "boundaries" / "districts.geojson")
    city = shapely.union_all(geo.project_geometry(districts.geometry.to_numpy(), CRS))
    water = water_polygon(gpd.read_file(out / "boundaries" / "water.geojson"), CRS)
    land = city if water is None else city.difference(water)
    features = []
    for row in sorted(read_rows(here / "zones.csv"), key=lambda item: item["id"]):
        place = places[row["place"]]
        if NOT_SUPPLIED in place["note"]:
            raise ValueError(f"zone {row['id']} stands on {row['place']}, which has no location")
        extent_m = float(places[row["extent_of"] or row["place"]]["extent_m"])
        accuracy_m = float(place["accuracy_m"])
        radius_m = extent_m / 2.0 + accuracy_m
        properties = {
            "id": row["id"],
            "name_zh": row["name_zh"],
            "name_en": row["name_en"],
            "kind": row["kind"],
            "tier": int(row["tier"]),
            "place": row["place"],
            "radius_m": round(radius_m),
            "provenance": "approximate",
            "source": f"circle of {radius_m:.0f} m round a point; {place['source']}",
            "licence": _LICENCE.format(licence=place["licence"]),
            "accuracy_m": round(accuracy_m),
        }
        features.append((properties, _circle(place, radius_m, land)))
    write_features(out / "zones" / "priority_zones.geojson", features)


def _circle(place: dict[str, str], radius_m: float, land: BaseGeometry) -> BaseGeometry:
    centre = geo.project([float(place["lon"])], [float(place["lat"])], CRS)[0]
    cut = shapely.Point(centre).buffer(radius_m, quad_segs=_SEGMENTS).intersection(land)
    parts = [part for part in shapely.get_parts(cut) if part.geom_type == "Polygon"]
    shape = shapely.make_valid(rounded(geo.unproject_geometry(shapely.multipolygons(parts), CRS)))
    return shapely.multipolygons(
        [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    )
