"""Where nothing, or nothing of a kind, may stand: the part of a scenario a planner writes for it.

Protected areas, water, the surfaces round a runway, schools and hospitals. A document names shapes
in WGS 84; :func:`siting.exclusions.restrict` turns them into options that are kept, lowered or
left out. Every figure without a primary source is a field of :class:`ExclusionAssumptions`.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

import shapely
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator
from shapely.geometry.base import BaseGeometry

from siting.provenance import Provenance

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_AREAL = ("Polygon", "MultiPolygon")
_LINES = ("Point", "MultiPoint", "LineString", "MultiLineString")


def read_wkt(text: str) -> BaseGeometry:
    """Read a shape in longitude, latitude [deg], without its third dimension.

    Raises
    ------
    ValueError
        When the text is no WKT, or the shape is empty, crosses itself, or leaves the Earth.
    """
    shape = shapely.from_wkt(text, on_invalid="ignore")
    if shape is None or shape.is_empty:
        msg = "is no shape in WKT; write e.g. POLYGON ((114.9 30.4, 115.0 30.4, 115.0 30.5, …))"
        raise ValueError(msg)
    shape = shapely.force_2d(shape)
    if shape.geom_type not in (*_AREAL, *_LINES):
        msg = f"is a {shape.geom_type}; give a point, a line, a polygon or several of one kind"
        raise ValueError(msg)
    for lon, lat in shapely.get_coordinates(shape):
        if not (abs(lon) <= 180.0 and abs(lat) <= 90.0):  # noqa: PLR2004 - NaN is wrong, too
            msg = f"({lon:g}, {lat:g}) is outside -180..180, -90..90; give longitude first"
            raise ValueError(msg)
    if not shape.is_valid:
        msg = f"is broken: {shapely.is_valid_reason(shape)}; draw the outline anew"
        raise ValueError(msg)
    return shape


def _checked_wkt(text: str) -> str:
    read_wkt(text)
    return text


Wkt = Annotated[str, AfterValidator(_checked_wkt)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


def _number(least: float, most: float, unit: str, meaning: str) -> object:
    """Describe a finite number with its range and unit."""
    text = f"{meaning} [{unit}]" if unit else meaning
    return Field(ge=least, le=most, allow_inf_nan=False, description=text)


class _Stated(BaseModel):
    """What every shape of a document says about its origin."""

    model_config = _FROZEN

    source: str = Field(default="", description="Where the shape is from, shown with the plan")
    provenance: Provenance = Field(
        default=Provenance.APPROXIMATE,
        description="Kind of origin; 'approximate' unless the document says better",
    )


class AreaSpec(_Stated):
    """A named area where nothing may be built, with a strip around it."""

    name: Name = Field(description="Name shown in reports")
    wkt: Wkt = Field(description="Shape in WKT, longitude and latitude in WGS 84 [deg]")
    buffer_m: Annotated[float, _number(0, 100_000, "m", "Strip around it")] = 0.0

    @model_validator(mode="after")
    def _excludes_something(self) -> Self:
        if not self.buffer_m and read_wkt(self.wkt).geom_type not in _AREAL:
            msg = "a point or line has no inside; give a polygon or a buffer_m"
            raise ValueError(msg)
        return self


class RunwayEndSpec(BaseModel):
    """One end of a runway."""

    model_config = _FROZEN

    lon: Annotated[float, _number(-180, 180, "deg", "Longitude, WGS 84")]
    lat: Annotated[float, _number(-90, 90, "deg", "Latitude, WGS 84")]
    elevation_m: Annotated[float, _number(-500, 9000, "m", "Elevation above mean sea level")]


class RunwaySpec(_Stated):
    """A runway whose obstacle limitation surfaces no mast may pierce."""

    name: Name = Field(description="Name shown in reports, e.g. the aerodrome's")
    end_a: RunwayEndSpec
    end_b: RunwayEndSpec
    aerodrome_elevation_m: Annotated[
        float, _number(-500, 9000, "m", "Elevation of the aerodrome above mean sea level")
    ]


class SensitiveKind(StrEnum):
    """What a building is that exposure and masts are kept away from."""

    SCHOOL = "school"
    KINDERGARTEN = "kindergarten"
    HOSPITAL = "hospital"
    HOME = "home"
    OTHER = "other"


class SensitiveSpec(_Stated):
    """A school, hospital or other building that must be spared."""

    name: Name = Field(description="Name shown in reports")
    kind: SensitiveKind = Field(default=SensitiveKind.OTHER, description="What it is")
    wkt: Wkt = Field(description="Point or outline in WKT, WGS 84 [deg]")
    height_m: Annotated[float, _number(0, 1000, "m", "Height of the building above ground")]


class StatedAssumption(NamedTuple):
    """One line of the table of assumptions; the meaning is ``assumption.<name>`` of the texts."""

    name: str
    value: float
    unit: str
    source: str
    changed: bool


def _assumed(least: float, most: float, unit: str, meaning: str, source: str) -> object:
    told: dict[str, JsonValue] = {"unit": unit, "source": source}
    return Field(
        ge=least,
        le=most,
        allow_inf_nan=False,
        description=f"{meaning} [{unit}]",
        json_schema_extra=told,
    )


_PRACTICE = "usual in planning; no primary source"


class ExclusionAssumptions(BaseModel):
    """Figures of the rules that a planner may replace; every plan shows them."""

    model_config = _FROZEN

    rod_m: Annotated[
        float,
        _assumed(0, 50, "m", "What stands above the antenna, the lightning rod", _PRACTICE),
    ] = 5.0
    least_height_m: Annotated[
        float,
        _assumed(3, 150, "m", "Least height an antenna is lowered to under a surface", _PRACTICE),
    ] = 15.0
    limit_share: Annotated[
        float,
        _assumed(
            1e-6,
            1,
            "1",
            "Share of the public exposure limit that one station may use up",
            "HJ/T 10.3-1996, section 4.2: one fifth for one project",
        ),
    ] = 0.2
    traffic_gain_db: Annotated[
        float,
        _assumed(
            -20,
            20,
            "dB",
            "Gain of traffic beams over the synchronisation beams, for exposure",
            "makers state up to 9, which errs on the safe side; no primary source",
        ),
    ] = 9.0
    duty: Annotated[
        float,
        _assumed(
            0,
            1,
            "1",
            "Share of the greatest power radiated on average over six minutes",
            "1 errs on the safe side; downlink share times load in service",
        ),
    ] = 1.0
    clear_m: Annotated[
        float,
        _assumed(
            0,
            1000,
            "m",
            "Horizontal distance within which no sensitive building is higher than the antenna",
            "YD 5039-2009, quoted second-hand; the standard itself was not at hand",
        ),
    ] = 30.0

    def rows(self) -> tuple[StatedAssumption, ...]:
        """List every figure with its unit and source, for a report to print."""
        found = []
        for name, field in type(self).model_fields.items():
            told = field.json_schema_extra
            assert isinstance(told, dict)  # noqa: S101 - every field is declared by _assumed
            value = float(getattr(self, name))
            changed = not math.isclose(value, float(field.default))
            found.append(
                StatedAssumption(name, value, str(told["unit"]), str(told["source"]), changed)
            )
        return tuple(found)


class ExclusionsSpec(BaseModel):
    """Everything that keeps options out of a plan; without it a plan knows no such rule."""

    model_config = _FROZEN

    areas: tuple[AreaSpec, ...] = Field(default=(), description="Where nothing may be built")
    water: bool = Field(default=True, description="No site in the water of the planning data")
    runways: tuple[RunwaySpec, ...] = Field(
        default=(), description="Runways whose ICAO Annex 14 surfaces limit the height"
    )
    ground_elevation_m: Annotated[
        float | None,
        Field(
            ge=-500,
            le=9000,
            allow_inf_nan=False,
            description="Highest ground near the runways above mean sea level, taken for every "
            "mast whose ground the planning data do not know [m]",
        ),
    ] = None
    sensitive: tuple[SensitiveSpec, ...] = Field(
        default=(), description="Schools, hospitals and others that are spared exposure and masts"
    )
    assumptions: ExclusionAssumptions = ExclusionAssumptions()
