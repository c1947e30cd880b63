"""The question as a planner writes it down: one small document, as TOML, JSON or Python.

A :class:`ScenarioSpec` names things; :func:`siting.scenario.build_scenario` looks them up in the
planning data and returns the full, self-contained :class:`siting.scenario.Scenario`. The command
line, notebooks and the REST service read the same document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from siting.errors import Problem, ScenarioError
from siting.exclusion_spec import ExclusionsSpec
from siting.technology import CoverageModel, ServiceStandard, Technology
from siting.zones import ZoneKind

_FROZEN = ConfigDict(frozen=True, extra="forbid")
#: Characters of a faulty text that a message repeats.
_SHOWN = 200


class TargetSpec(BaseModel):
    """A required share of service in the zones it names, by id, by kind, or both."""

    model_config = _FROZEN

    zones: tuple[str, ...] = Field(default=(), description="Zone ids the target applies to")
    kinds: tuple[ZoneKind, ...] = Field(
        default=(), description="Zone kinds; every zone of the kind gets the target"
    )
    standard: str = Field(description="Id of the service standard that says what 'served' means")
    weight: str = Field(default="area_m2", description="Demand weight counted: area_m2, population")
    required_fraction: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        description="Share of the zone's weight that must be served, 0..1"
    )
    min_ss_sinr_db: Annotated[float, Field(ge=-30, le=40, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Least SS-SINR at a place that counts, predicted on the whole plan [dB], "
        "-30..40; needs coverage_model 'sectors'; null: level alone decides",
    )

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.zones and not self.kinds:
            msg = "names neither zones nor kinds; give at least one of them"
            raise ValueError(msg)
        return self


class ObjectiveSpec(BaseModel):
    """What the stations left after the targets are used for: serve the most of a weight."""

    model_config = _FROZEN

    standard: str = Field(description="Id of the service standard that says what 'served' means")
    weight: str = Field(default="population", description="Demand weight to serve the most of")


class ExistingSpec(BaseModel):
    """A station that stands: one technology at one candidate site."""

    model_config = _FROZEN

    site: str = Field(description="Id of the candidate site it stands on")
    technology: str = Field(description="Id of its technology, one of the scenario's")
    turn_deg: Annotated[float, Field(ge=-360, le=360, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Azimuth of its first antenna [degrees]; neither this nor tilt: the first way "
        "to aim the technology",
    )
    tilt_deg: Annotated[float, Field(ge=-30, le=30, allow_inf_nan=False)] | None = Field(
        default=None, description="Its electrical downtilt [degrees]"
    )

    @model_validator(mode="after")
    def _whole_direction(self) -> Self:
        if (self.turn_deg is None) != (self.tilt_deg is None):
            msg = "gives a direction by half; give turn_deg and tilt_deg, or neither"
            raise ValueError(msg)
        return self


class NetworkSpec(BaseModel):
    """What is assumed of the network on air when a target asks for a SINR."""

    model_config = _FROZEN

    load: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=0.5, description="Share of a cell's power that disturbs its neighbours, 0..1"
    )


class SolveSpec(BaseModel):
    """How long and how hard to search; part of the question, so that the answer repeats."""

    model_config = _FROZEN

    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(default=0, description="Random seed")
    max_runtime_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=60.0, description="Limit for all steps together [s]; a safety net, see iterations"
    )
    gap: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = Field(
        default=0.0, description="Stop once the proven relative gap of a step is at most this"
    )


class ScenarioSpec(BaseModel):
    """A planning question over a named set of planning data."""

    model_config = _FROZEN

    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Name shown in lists and on maps"
    )
    dataset: str = Field(default="ezhou", description="Planning data: 'ezhou' is bundled")
    stations: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Base stations to plan in all (one technology at one site is one station); "
        "without it only the targets are planned",
    )
    technologies: tuple[str | Technology, ...] = Field(
        default=(), description="Ids from the library or full definitions; empty: the library"
    )
    standards: tuple[ServiceStandard, ...] = Field(
        default=(), description="Definitions beside the library's"
    )
    coverage_model: CoverageModel = Field(
        default=CoverageModel.DISTANCE,
        description="What decides on service: 'distance' alone, or 'sectors' with azimuth and "
        "tilt over the terrain of the planning data",
    )
    targets: tuple[TargetSpec, ...] = Field(default=(), description="What must be reached")
    objective: ObjectiveSpec | None = Field(
        default=None, description="What the remaining stations are used for"
    )
    locked_sites: tuple[str, ...] = Field(default=(), description="Sites that must be opened")
    forbidden_sites: tuple[str, ...] = Field(default=(), description="Sites that must stay shut")
    existing: tuple[ExistingSpec, ...] = Field(
        default=(), description="Stations that stand: they stay, and cost nothing as they are"
    )
    reaim_cost_cny: Annotated[int, Field(ge=0, le=10_000_000)] = Field(
        default=3000,
        description="Cost to turn or tilt the antennas of a station that stands [CNY]; an "
        "assumption",
    )
    exclusions: ExclusionsSpec | None = Field(
        default=None, description="Where nothing may stand: areas, water, runways, buildings"
    )
    network: NetworkSpec = NetworkSpec()
    solve: SolveSpec = SolveSpec()

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> ScenarioSpec:
        """Read a document, gathering every fault.

        Raises
        ------
        ScenarioError
            With one :class:`~siting.errors.Problem` per fault: unknown field, wrong type, value
            out of range.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise ScenarioError(problems_of(error)) from None


def problems_of(error: ValidationError) -> list[Problem]:
    """Turn a pydantic error into problems with readable paths, one per fault."""
    problems: list[Problem] = []
    for item in error.errors(include_url=False):
        where = ""
        for part in item["loc"]:
            where += f"[{part}]" if isinstance(part, int) else f".{part}" if where else str(part)
        given = item["input"]
        plain = isinstance(given, str | int | float | bool | None)
        # an outline in WKT may be pages long
        shown = (
            f", got {given if not isinstance(given, str) else given[:_SHOWN]!r}" if plain else ""
        )
        problems.append(Problem(where=where or "scenario", what=f"{item['msg']}{shown}"))
    return problems
