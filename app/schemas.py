"""Bodies of the REST interface; every number names its unit."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic import ValidationError as PydanticError
from pydantic_core import CoreSchema, core_schema

from siting.errors import Problem
from siting.spec import ScenarioSpec, problems_of


def _finite(value: Any) -> Any:
    """Write a number that JSON has no word for as null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


#: A number, or null where it is infinite or not defined.
Finite = Annotated[float | None, BeforeValidator(_finite)]

Item = TypeVar("Item")


class Row(BaseModel):
    """Base of bodies that are read from stored rows."""

    model_config = ConfigDict(from_attributes=True)


class Link(BaseModel):
    """Where something related is."""

    rel: str = Field(examples=["next"])
    href: str


class DatasetOut(Row):
    """A named set of planning data."""

    id: str = Field(examples=["ezhou"])
    area_id: str = Field(description="Code of the study area", examples=["420700"])
    name_zh: str = Field(examples=["鄂州市"])
    name_en: str = Field(examples=["Ezhou"])
    crs: str = Field(description="Working CRS, metric", examples=["EPSG:4547"])
    demand_provenance: dict[str, str] = Field(description="Origin of each demand weight")
    content_hash: str = Field(description="SHA-256 over everything loaded")
    loaded_at: dt.datetime


class ImportOut(Row):
    """What was loaded into a data set."""

    id: int
    layer: str = Field(examples=["candidate sites"])
    declared_crs: str = Field(examples=["EPSG:4326"])
    rows: int = Field(description="Rows loaded")
    rejected: list[dict[str, Any]] = Field(description="Rows set aside, and why")
    at: dt.datetime


class TechnologyOut(Row):
    """One kind of equipment."""

    id: str = Field(examples=["macro-n41"])
    name_zh: str
    name_en: str
    band: str = Field(description="3GPP operating band", examples=["n41"])
    station_class: str = Field(examples=["macro"])
    propagation: str = Field(description="Path-loss scenario of 3GPP TR 38.901")
    frequency_mhz: float = Field(description="Carrier frequency [MHz]")
    bandwidth_mhz: float = Field(description="Channel bandwidth [MHz]")
    subcarrier_spacing_khz: float = Field(description="Subcarrier spacing [kHz]")
    tx_power_dbm: float = Field(description="Total power of the carrier [dBm]")
    ssb_gain_dbi: float = Field(description="Gain of the synchronisation beams [dBi]")
    max_height_m: float = Field(description="Highest mounting it uses [m]")
    hosts: list[str] = Field(description="Kinds of site that can carry it")
    cost_cny: int = Field(description="Equipment and installation at one site [CNY]")
    sectors: dict[str, Any] | None = Field(description="Antennas and directions; null: none")
    operators: list[str] = Field(description="Who runs it; empty: it serves everybody's customers")
    source: str


class StandardOut(Row):
    """What 'served' means."""

    id: str
    name_zh: str
    name_en: str
    min_ss_rsrp_dbm: float = Field(description="Least SS-RSRP at the user [dBm]")
    area_probability: float = Field(description="Share of locations that must reach it, 0..1")
    penetration: str = Field(description="Building penetration on the way")
    min_bandwidth_mhz: float = Field(description="Least bandwidth of a carrier that counts [MHz]")
    operators: list[str] = Field(description="Whose customers are served; empty: everybody's")
    source: str


class ScenarioOut(Row):
    """A stored planning question."""

    id: uuid.UUID
    name: str
    dataset_id: str
    scenario_hash: str = Field(description="Identity of the question: SHA-256 of its values")
    created_at: dt.datetime
    spec: ScenarioSpec
    links: list[Link] = []


class ProgressOut(Row):
    """One report of a running computation."""

    id: int
    attempt: int
    state: str = Field(examples=["running"])
    phase: str = Field(examples=["targets"])
    fraction: float = Field(description="Rough share of the phase done, 0..1")
    value: Finite = Field(description="Best objective so far, in `unit`")
    bound: Finite = Field(description="Proven limit so far, in `unit`")
    unit: str = Field(examples=["CNY"])
    elapsed_s: float = Field(description="Since the computation began [s]")
    at: dt.datetime


class StepOut(Row):
    """One optimisation with its proven bound."""

    name: str = Field(examples=["targets"])
    sense: str = Field(examples=["minimise"])
    unit: str = Field(examples=["CNY"])
    value: Finite = Field(description="Objective reached, in `unit`")
    bound: Finite = Field(description="No answer is better than this, in `unit`; null: no bound")
    gap: Finite = Field(description="Relative distance of the two; null: unbounded")
    status: str = Field(examples=["feasible"])
    reason: str
    runtime_s: float = Field(description="Wall time [s]")


class OutcomeOut(Row):
    """What a plan reaches in one zone or district by one standard."""

    zone_id: str
    zone_name_zh: str
    zone_name_en: str
    zone_kind: str
    standard_id: str
    weight: str = Field(description="Demand weight counted: area_m2 [m²] or population [people]")
    total: float = Field(description="The zone's weight")
    served: float = Field(description="Weight served")
    reachable: float = Field(description="Weight that every candidate together could serve")
    share: Finite = Field(default=None, description="served / total, 0..1; null: nothing there")
    required_fraction: float | None = Field(description="The target, 0..1; null: none")
    state: str | None = Field(description="met, near, missed, impossible, not_assessable")
    shortfall: float = Field(description="Weight missing to the target")
    min_ss_sinr_db: float | None = Field(
        description="Least SS-SINR asked [dB]; null: level alone decides"
    )
    clear: float | None = Field(
        description="Weight served with that SINR, predicted on the whole plan; the state is "
        "judged on it; null: none asked"
    )
    clear_share: Finite = Field(default=None, description="clear / total, 0..1; null: none asked")


class PlanSummary(Row):
    """A plan, in a list."""

    id: uuid.UUID
    scenario_id: uuid.UUID
    state: str = Field(description="Of the computation: queued, running, done, cancelled or failed")
    status: str | None = Field(
        description="Of the answer: optimal, feasible, infeasible or unknown; null: none yet"
    )
    reason: str | None = Field(description="One plain sentence")
    error: str | None = Field(description="Why the computation failed; null: it did not")
    cancel_requested: bool
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    stations: int | None = Field(description="Base stations: a technology at a site")
    sites: int | None = Field(description="Sites they stand on")
    cost_cny: int | None = Field(description="Stations and the sites they open [CNY]")
    links: list[Link] = []


class PlanOut(PlanSummary):
    """A plan in full."""

    attempt: int
    scenario_hash: str | None
    dataset_hash: str | None
    standards: list[str] | None
    seed: int | None
    runtime_s: float | None = Field(description="Wall time of the computation [s]")
    version: str | None
    provenance: dict[str, dict[str, float]] | None = Field(
        description="Share of each origin per input layer, 0..1"
    )
    rests_on_synthetic: bool | None = Field(
        default=None, description="Some input is synthetic: no basis for approval"
    )
    progress: ProgressOut | None = None
    steps: list[StepOut] = []
    targets: list[OutcomeOut] = []
    information: list[OutcomeOut] = []


class Listed(BaseModel, Generic[Item]):
    """A page of a list; a `next` link when there is more."""

    items: list[Item]
    links: list[Link]


@dataclass(frozen=True, slots=True)
class ScenarioDocument:
    """A scenario as it came: read, or with everything that kept it from being read.

    Parameters
    ----------
    spec
        The question; None when the document has not its form.
    salvaged
        What is left of a faulty document without its faults, so that names in it can be checked
        in the same answer; None when nothing is.
    positions
        Place in the document of each salvaged target.
    problems
        Faults of form.
    """

    spec: ScenarioSpec | None
    salvaged: ScenarioSpec | None
    positions: tuple[int, ...]
    problems: tuple[Problem, ...]

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate and describe as the scenario it holds."""
        return core_schema.no_info_wrap_validator_function(
            cls._read, handler.generate_schema(ScenarioSpec)
        )

    @classmethod
    def _read(cls, value: Any, read: core_schema.ValidatorFunctionWrapHandler) -> ScenarioDocument:
        problems = list(unstorable(value))
        try:
            spec = read(value)
        except PydanticError as error:
            problems.extend(problems_of(error))
            salvaged, positions = _salvage(value, error)
            return cls(None, salvaged, positions, tuple(problems))
        if problems:
            return cls(None, None, (), tuple(problems))
        return cls(spec, None, (), ())


def unstorable(value: Any, where: str = "") -> Iterator[Problem]:
    """Name texts that no database can hold and numbers that are not finite."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            yield Problem(where or "scenario", "holds a character that is not allowed", "remove it")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield Problem(where or "scenario", f"is {value}, not a finite number")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from unstorable(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from unstorable(item, f"{where}[{number}]")


def _salvage(value: Any, error: PydanticError) -> tuple[ScenarioSpec | None, tuple[int, ...]]:
    """Return what is left of a faulty document, and the places of the targets in it."""
    if not isinstance(value, Mapping):
        return None, ()
    document: dict[str, Any] = {**value}
    targets = document.get("targets")
    kept = dict(enumerate(targets)) if isinstance(targets, list) else {}
    for item in error.errors(include_url=False):
        path: tuple[int | str, ...] = item["loc"]
        if len(path) > 1 and path[0] == "targets" and isinstance(path[1], int):
            _salvage_target(kept, path[1], path[2:], item["type"])
        elif path:
            document.pop(str(path[0]), None)
    if "targets" in document:
        document["targets"] = list(kept.values())
    document.setdefault("name", "unnamed")
    try:
        return ScenarioSpec.model_validate(document), tuple(kept)
    except PydanticError:
        return None, ()


def _salvage_target(
    kept: dict[int, Any], number: int, path: tuple[int | str, ...], fault: str
) -> None:
    """Take one fault out of a target, or the target out of those kept."""
    target = kept.get(number)
    if not isinstance(target, Mapping):
        kept.pop(number, None)
    elif path == ("required_fraction",):
        # A wrong fraction says nothing about the zones the target names.
        kept[number] = {**target, "required_fraction": 0.0}
    elif fault == "extra_forbidden" and len(path) == 1:
        kept[number] = {key: value for key, value in target.items() if key != path[0]}
    else:
        del kept[number]
