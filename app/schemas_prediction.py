"""Bodies of radio predictions; every number names its unit."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, create_model
from pydantic import ValidationError as PydanticError
from pydantic_core import CoreSchema, core_schema

from app.schemas import Link, ProgressOut, Row, unstorable
from siting.errors import Problem
from siting.provenance import Provenance
from siting.radio.network.assumptions import RadioAssumptions
from siting.spec import problems_of

#: Most stations of one question.
MAX_STATIONS = 10_000
#: Side of a pixel when nothing else is said [m].
CELL_SIZE_M = 50.0

_STATION = re.compile(r"stations\[(\d+)\]")
_MEMBER = re.compile(r"(\w+)(?:\.(\w+))?")


class Asked(BaseModel):
    """Base of bodies that are sent; an unknown member is a fault."""

    model_config = ConfigDict(extra="forbid")


class StationIn(Asked):
    """A base station: one technology at one site."""

    site: str = Field(description="Name of the site it stands on", max_length=200)
    technology: str = Field(
        description="Id of the equipment", examples=["macro-n41"], max_length=200
    )
    lon: float = Field(description="WGS 84 [deg]")
    lat: float = Field(description="WGS 84 [deg]")
    height_m: float = Field(description="Antenna above ground [m]")
    turn_deg: float | None = Field(
        default=None,
        description="Azimuth of the first antenna [deg]; neither this nor tilt: alike all round",
    )
    tilt_deg: float | None = Field(default=None, description="Electrical downtilt [deg]")
    provenance: Provenance = Field(default=Provenance.REAL, description="Origin of the station")


def _assumption(item: dataclasses.Field[Any]) -> Any:
    told = item.metadata
    least, most = told["span"]
    text = f"{told['meaning']} [{told['unit']}], {least:g} to {most:g}; default {item.default:g}"
    return float | None, Field(default=None, description=f"{text} ({told['source']})")


#: Every assumption that may be changed, by name; those left out keep their figure.
AssumptionsIn = create_model(
    "AssumptionsIn",
    __base__=Asked,
    __doc__="Figures without a primary source that may be changed.",
    **{item.name: _assumption(item) for item in dataclasses.fields(RadioAssumptions)},
)


class PredictionIn(Asked):
    """What to predict: the stations of a plan, or listed ones on planning data."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"plan_id": "0190f3c2-0000-7000-8000-000000000000", "cell_size_m": 50},
                {
                    "dataset": "ezhou",
                    "stations": [
                        {
                            "site": "tower-1",
                            "technology": "macro-n41",
                            "lon": 114.887,
                            "lat": 30.392,
                            "height_m": 30,
                            "turn_deg": 0,
                            "tilt_deg": 6,
                        }
                    ],
                    "assumptions": {"load": 0.3},
                },
            ]
        }
    )
    plan_id: uuid.UUID | None = Field(default=None, description="Plan whose stations are on air")
    dataset: str | None = Field(
        default=None, description="Planning data the listed stations stand on", max_length=200
    )
    stations: list[StationIn] | None = Field(
        default=None, description="What is on air", min_length=1, max_length=MAX_STATIONS
    )
    cell_size_m: float = Field(default=CELL_SIZE_M, description="Side of a pixel, 5 to 500 [m]")
    assumptions: AssumptionsIn = Field(default_factory=AssumptionsIn)  # pyright: ignore[reportInvalidTypeForm] - made above from the fields

    def changed(self) -> RadioAssumptions:
        """Return the assumptions with those that were given."""
        return RadioAssumptions(**self.assumptions.model_dump(exclude_none=True))


@dataclasses.dataclass(frozen=True, slots=True)
class PredictionDocument:
    """A question as it came: read, or with everything that kept it from being read.

    Parameters
    ----------
    asked
        The question, or what is left of a faulty one without its faults, so that names and numbers
        in it can be checked in the same answer; None when nothing is.
    positions
        Place in the document of each station left.
    problems
        Faults of form; empty for a good document.
    """

    asked: PredictionIn | None
    positions: tuple[int, ...]
    problems: tuple[Problem, ...]

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate and describe as the question it holds."""
        return core_schema.no_info_wrap_validator_function(
            cls._read, handler.generate_schema(PredictionIn)
        )

    @classmethod
    def _read(
        cls, value: Any, read: core_schema.ValidatorFunctionWrapHandler
    ) -> PredictionDocument:
        problems = list(unstorable(value))
        try:
            asked: PredictionIn = read(value)
        except PydanticError as error:
            problems += [
                Problem("body", item.what, item.hint) if item.where == "scenario" else item
                for item in problems_of(error)
            ]
        else:
            if not problems:
                return cls(asked, tuple(range(len(asked.stations or ()))), ())
        left, positions = _salvage(value, problems)
        try:
            asked = PredictionIn.model_validate(left)
        except PydanticError:
            return cls(None, (), tuple(problems))
        return cls(asked, positions, tuple(problems))


def _salvage(value: Any, problems: list[Problem]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Take every member and station with a fault out of a document."""
    document: dict[str, Any] = {**value} if isinstance(value, Mapping) else {}
    listed = document.get("stations")
    kept = dict(enumerate(listed)) if isinstance(listed, list) else {}
    for problem in problems:
        station = _STATION.match(problem.where)
        member = _MEMBER.match(problem.where)
        if station is not None:
            kept.pop(int(station[1]), None)
        elif member is not None:
            inner = document.get(member[1])
            if member[2] and isinstance(inner, Mapping):
                document[member[1]] = {key: inner[key] for key in inner if key != member[2]}
            else:
                document.pop(member[1], None)
    if "stations" in document and kept:
        document["stations"] = list(kept.values())
    else:
        document.pop("stations", None)
        kept = {}
    return document, tuple(kept)


class FileOut(Row):
    """A file of a prediction."""

    name: str = Field(examples=["ss_rsrp.tif"])
    size: int = Field(description="[bytes]")
    sha256: str = Field(description="Of its content")
    href: str = ""


class AssumptionOut(BaseModel):
    """A figure that rests on no measurement."""

    name: str
    meaning: str
    value: float = Field(description="In `unit`")
    unit: str
    source: str
    changed: bool = Field(description="Differs from the figure offered")


class StandardFiguresOut(BaseModel):
    """How much of a zone meets one standard; shares are 0..1 of the pixels assessed."""

    standard: str = Field(examples=["covered-outdoor"])
    pixels: int
    required_share: float
    rsrp_share: float | None = Field(description="Area whose median SS-RSRP reaches it")
    sinr_share: float | None = Field(description="Area whose SS-SINR reaches it")
    share: float | None = Field(description="Area where one carrier reaches both")
    low: float | None = Field(description="Wilson's 95 % interval of `share`, lower end")
    high: float | None = Field(description="Upper end")
    locations_share: float | None = Field(description="Locations that reach the level")
    passes: bool = Field(description="The 95 % test: area and locations reach the share required")
    confidence: str = Field(description="sure, unsure or too_few")


class ZoneFiguresOut(BaseModel):
    """What one zone receives; the first is the study area as a whole."""

    zone: str
    name_zh: str
    name_en: str
    kind: str
    provenance: str
    pixels: int
    area_m2: float = Field(description="Of its pixels [m²]")
    heard_share: float | None = Field(description="Share that hears any cell, 0..1")
    overlap_share: float | None = Field(description="With two or more servers, 0..1")
    pollution_share: float | None = Field(description="With four or more servers, 0..1")
    mean_downlink_mbps: float | None = Field(description="[Mbit/s]")
    mean_uplink_mbps: float | None = Field(description="[Mbit/s]")
    edge_share: float | None = Field(description="Share that reaches the least rates, 0..1")
    standards: list[StandardFiguresOut]


class PredictionSummary(Row):
    """A prediction, in a list."""

    id: uuid.UUID
    state: str = Field(description="queued, running, done, cancelled or failed")
    reason: str | None = Field(description="How it ended, in one sentence")
    error: str | None = Field(description="Why the computation failed; null: it did not")
    cancel_requested: bool
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    plan_id: uuid.UUID | None = Field(description="Whose stations; null: a list was sent")
    dataset_id: str
    cell_size_m: float = Field(description="Side of a pixel [m]")
    summary_zh: str | None = None
    summary_en: str | None = None
    rests_on_synthetic: bool | None = Field(
        default=None, description="Stations, terrain or zones are synthetic: no basis for approval"
    )
    links: list[Link] = Field(default=[])


class PredictionOut(PredictionSummary):
    """A prediction in full."""

    attempt: int
    dataset_hash: str | None = Field(description="Content of the planning data it was made on")
    version: str | None
    runtime_s: float | None = Field(description="Wall time of the computation [s]")
    stations: int | None = None
    sites: int | None = None
    cells: int | None = Field(default=None, description="Sectors and stations without direction")
    notice_zh: str | None = None
    notice_en: str | None = None
    provenance: dict[str, dict[str, float]] | None = Field(
        default=None, description="Share of each origin per input layer, 0..1"
    )
    terrain_source: str | None = None
    bounds: list[float] | None = Field(
        default=None, description="West, south, east, north of the rasters [deg]"
    )
    progress: ProgressOut | None = None
    assumptions: list[AssumptionOut] = Field(default=[])
    zones: list[ZoneFiguresOut] = Field(default=[])
    files: list[FileOut] = Field(default=[])
