"""The study area, its districts, and the zones that targets speak about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from siting.provenance import Provenance

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


class ZoneKind(StrEnum):
    """What a zone is; targets may name a kind instead of single zones."""

    AIRPORT = "airport"
    RAIL_STATION = "rail_station"
    HUB = "hub"
    INDUSTRIAL_PARK = "industrial_park"
    PUBLIC_PLACE = "public_place"
    URBAN_AREA = "urban_area"
    PARK = "park"
    DISTRICT = "district"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zone:
    """A named polygon with a kind and a tier.

    Parameters
    ----------
    id
        Stable identifier, unique in a scenario, e.g. ``"airport-huahu"`` or the district's code.
    name_zh, name_en
        Official Chinese name and its English form.
    kind
        What the zone is.
    tier
        Rank of importance, 1 the highest (key areas), 2 urban areas, 3 the rest.
    geometry
        Polygon or MultiPolygon in the study area's working CRS [m].
    provenance, source, licence, accuracy_m
        Origin, its citation and licence, and positional accuracy [m] (None: not known).
    """

    id: str
    name_zh: str
    name_en: str
    kind: ZoneKind
    tier: int
    geometry: BaseGeometry
    provenance: Provenance
    source: str
    licence: str
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyArea:
    """What is being planned: a city, its districts and water, in one projected metric CRS.

    Parameters
    ----------
    id
        Stable identifier, e.g. the administrative code ``"420700"``.
    name_zh, name_en
        Official Chinese name and its English form.
    crs
        Working CRS as an authority string, projected and in metres, e.g. ``"EPSG:4547"``.
    districts
        The administrative districts, kind ``DISTRICT``; together they are the study area.
    water
        Water bodies as one (multi)polygon in the working CRS [m], or None when not supplied.
        No land-based candidate site and no demand lies in it.
    water_source
        Citation of the water bodies, shown on every map; empty when not supplied.
    """

    id: str
    name_zh: str
    name_en: str
    crs: str
    districts: tuple[Zone, ...]
    water: BaseGeometry | None = None
    water_source: str = ""
