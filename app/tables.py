"""Every table of the service, and what a row of it means.

::

    datasets -- districts, zones, water_bodies, places, candidate_sites, demand, technologies,
                standards, imports
    targets                                   the action plan's 88 figures
    scenarios -- plans -- plan_requests       the keys it was asked for under
                       |- plan_steps          each optimisation with its proof
                       |- plan_options        what is built where
                       |- plan_outcomes       what is reached in which zone
                       |- plan_demand         who is served
                       |- plan_progress       what the computation reported, in order
                       `- plan_checkpoints    best plan so far of an interrupted computation

Predictions have tables of their own (:mod:`app.prediction_tables`).

Geometry is WGS 84 longitude, latitude (SRID 4326) throughout. Times are aware and UTC; money is
integer CNY. The queue's own tables (``procrastinate_...``) stand beside these.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
import uuid
from enum import StrEnum
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


def new_id() -> uuid.UUID:
    """Make an identifier that sorts by time of creation (RFC 9562, version 7)."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return uuid.UUID(int=value)


class PlanState(StrEnum):
    """Where the computation of a plan or a prediction stands; what it found is in its result."""

    QUEUED = "queued"  #: waits for a worker
    RUNNING = "running"  #: a worker computes it
    DONE = "done"  #: computed, checked and stored
    CANCELLED = "cancelled"  #: stopped on request; the best plan so far is stored if there was one
    FAILED = "failed"  #: ended by a fault; `error` says which

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self not in {PlanState.QUEUED, PlanState.RUNNING}


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own declaration
        str: Text,
        float: Double,
        bytes: LargeBinary,
        dt.datetime: DateTime(timezone=True),
        uuid.UUID: Uuid,
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        list[int]: ARRAY(BigInteger),
        list[dict[str, Any]]: JSONB,
    }


def _area() -> Mapped[Any]:
    return mapped_column(Geometry("GEOMETRY", srid=4326, spatial_index=True))


def _polygonal() -> CheckConstraint:
    return CheckConstraint("geometrytype(geom) in ('POLYGON', 'MULTIPOLYGON')", name="polygonal")


class Dataset(Base):
    """A named set of planning data: a study area with everything that can be planned on it."""

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(primary_key=True)  #: e.g. "ezhou"; a spec's `dataset`
    area_id: Mapped[str]  #: code of the study area, e.g. "420700"
    name_zh: Mapped[str]
    name_en: Mapped[str]
    crs: Mapped[str]  #: working CRS, e.g. "EPSG:4547"
    grid: Mapped[dict[str, Any]]  #: field by field as siting.grid.Grid
    demand_provenance: Mapped[dict[str, Any]]  #: origin of each demand weight, by its name
    bundle_hash: Mapped[str]  #: SHA-256 over what was loaded from files
    content_hash: Mapped[str]  #: that, and what was imported since: changes with the content
    loaded_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class _Sourced:
    """Where a feature comes from and how far it can be trusted."""

    provenance: Mapped[str]
    source: Mapped[str]
    licence: Mapped[str]
    accuracy_m: Mapped[float | None]


class District(_Sourced, Base):
    """An administrative district; it is a zone too, under the same code."""

    __tablename__ = "districts"
    __table_args__ = (
        UniqueConstraint("dataset_id", "id"),
        _polygonal(),
    )

    fid: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    id: Mapped[str]  #: administrative code, e.g. "420704"
    name_zh: Mapped[str]
    name_en: Mapped[str]
    area_m2: Mapped[float]  #: area in the working CRS [m²]
    population: Mapped[float]  #: sum over the district's demand [people]
    geom: Mapped[WKBElement] = _area()


class Zone(_Sourced, Base):
    """A zone that targets may name, districts included."""

    __tablename__ = "zones"
    __table_args__ = (
        UniqueConstraint("dataset_id", "id"),
        _polygonal(),
    )

    fid: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    id: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]  #: siting.zones.ZoneKind
    tier: Mapped[int] = mapped_column(SmallInteger)
    geom: Mapped[WKBElement] = _area()


class WaterBody(_Sourced, Base):
    """A body of water; no land-based site and no demand lies in it."""

    __tablename__ = "water_bodies"
    __table_args__ = (_polygonal(),)

    fid: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    dataset_id: Mapped[str] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), index=True
    )
    id: Mapped[str]
    geom: Mapped[WKBElement] = _area()


class CandidateSite(_Sourced, Base):
    """A place that may host equipment."""

    __tablename__ = "candidate_sites"
    __table_args__ = (
        UniqueConstraint("dataset_id", "id"),
        CheckConstraint("fixed_cost_cny >= 0", name="cost_not_negative"),
        CheckConstraint("height_m > 0", name="height_positive"),
    )

    fid: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    id: Mapped[str]
    kind: Mapped[str]  #: siting.sites.SiteKind
    owner: Mapped[str]
    district: Mapped[str]  #: code of the district it lies in
    height_m: Mapped[float]
    fixed_cost_cny: Mapped[int] = mapped_column(BigInteger)
    existing: Mapped[bool]
    near_water: Mapped[bool]  #: within 250 m of water
    imported: Mapped[bool] = mapped_column(server_default=true())  #: not from the loaded files
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=True))


class Place(_Sourced, Base):
    """A known place; one whose location was not supplied has no geometry, and is never guessed."""

    __tablename__ = "places"

    dataset_id: Mapped[str] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]
    district: Mapped[str]  #: code, or empty where not known
    note: Mapped[str]
    geom: Mapped[WKBElement | None] = mapped_column(
        Geometry("POINT", srid=4326, spatial_index=True), nullable=True
    )


class DemandCell(Base):
    """A demand point with its weights; the geometry is the cell it stands for."""

    __tablename__ = "demand"

    dataset_id: Mapped[str] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    col: Mapped[int]
    row: Mapped[int]
    area_m2: Mapped[float]  #: land in the cell [m²]
    population: Mapped[float]  #: [people]
    district: Mapped[str]
    geom: Mapped[WKBElement] = mapped_column(Geometry("POLYGON", srid=4326, spatial_index=True))


class TechnologyRow(Base):
    """A technology of the library, field by field as :class:`siting.technology.Technology`."""

    __tablename__ = "technologies"
    dataset_id: Mapped[str] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    band: Mapped[str]
    station_class: Mapped[str]
    propagation: Mapped[str]
    frequency_mhz: Mapped[float]
    bandwidth_mhz: Mapped[float]
    subcarrier_spacing_khz: Mapped[float]
    tx_power_dbm: Mapped[float]
    ssb_gain_dbi: Mapped[float]
    max_height_m: Mapped[float]
    hosts: Mapped[list[str]]
    cost_cny: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str]
    #: siting.technology.SectorLayout
    sectors: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    operators: Mapped[list[str]] = mapped_column(server_default="{}")  #: empty: everybody's


class StandardRow(Base):
    """A service standard, field by field as :class:`siting.technology.ServiceStandard`."""

    __tablename__ = "standards"
    dataset_id: Mapped[str] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    min_ss_rsrp_dbm: Mapped[float]
    area_probability: Mapped[float]
    penetration: Mapped[str]
    source: Mapped[str]
    min_bandwidth_mhz: Mapped[float]
    operators: Mapped[list[str]] = mapped_column(server_default="{}")  #: empty: everybody's


class TerrainRow(Base):
    """The ground of a data set: heights on a grid of square cells, packed.

    One row of a data set is in force; the others were, and are kept.
    """

    __tablename__ = "terrains"
    __table_args__ = (
        Index("uq_terrains_current", "dataset_id", unique=True, postgresql_where="current"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    dataset_id: Mapped[str] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), index=True
    )
    current: Mapped[bool] = mapped_column(server_default=true())  #: in force
    imported: Mapped[bool] = mapped_column(server_default=true())  #: not from the loaded files
    grid: Mapped[dict[str, Any]]  #: siting.grid.Grid
    heights: Mapped[bytes] = mapped_column(deferred=True)  #: ground and clutter [m], float32, npz
    provenance: Mapped[str]
    source: Mapped[str]
    report: Mapped[dict[str, Any]]  #: what its file was and what was filled in; empty when loaded
    loaded_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class ActionPlanTarget(Base):
    """One figure of the city's action plan, as printed."""

    __tablename__ = "targets"

    id: Mapped[str] = mapped_column(primary_key=True)  #: "T001"
    clause: Mapped[str]
    service: Mapped[str]  #: "5g", ...
    name_zh: Mapped[str]
    name_en: Mapped[str]
    operator: Mapped[str]  #: how the value is meant: ">", ">=", "="
    value: Mapped[float | None]
    unit: Mapped[str]
    deadline: Mapped[str]
    lead: Mapped[str]
    responsible: Mapped[str]
    siting_relevant: Mapped[bool]  #: something gets a place on the map
    is_aim: Mapped[bool]  #: an overall aim that later clauses repeat: never add these up
    quote_zh: Mapped[str]


class Import(Base):
    """What was loaded when, in which declared CRS, and which rows were refused or set aside."""

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    dataset_id: Mapped[str] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), index=True
    )
    layer: Mapped[str]  #: "districts", "zones", "candidate sites", "demand", "water", ...
    declared_crs: Mapped[str]
    rows: Mapped[int]  #: rows loaded
    rejected: Mapped[list[dict[str, Any]]]  #: one document per row: which, why
    content_hash: Mapped[str]
    at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Scenario(Base):
    """A planning question, as the planner wrote it."""

    __tablename__ = "scenarios"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    dataset_id: Mapped[str]  #: no foreign key: a question outlives the data it was asked about
    spec: Mapped[dict[str, Any]]  #: siting.spec.ScenarioSpec as a JSON document
    scenario_hash: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


STATE_KNOWN = f"state in ({', '.join(repr(state.value) for state in PlanState)})"
STATE_OPEN = "state in ('queued', 'running')"


class Computed:
    """What a worker computes, from the moment it is asked for; every kind has these columns."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    state: Mapped[str] = mapped_column(default=PlanState.QUEUED)
    job_id: Mapped[int | None] = mapped_column(BigInteger)  #: the queue's job
    attempt: Mapped[int] = mapped_column(SmallInteger, default=0)  #: 1 for the first worker
    deaths: Mapped[int] = mapped_column(SmallInteger, default=0)  #: workers that died with it
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[dt.datetime | None]  #: of the last attempt
    heartbeat_at: Mapped[dt.datetime | None]  #: last sign of life of the worker
    finished_at: Mapped[dt.datetime | None]
    error: Mapped[str | None]  #: why it failed, for people
    reason: Mapped[str | None]  #: how it ended, in one sentence


class Reported:
    """One report of a running computation; the id orders and numbers the event stream."""

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    attempt: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str]  #: of the computation at that moment: a stream knows when it ends
    phase: Mapped[str]  #: siting.progress.Progress.phase, or the state when there is none
    fraction: Mapped[float]
    value: Mapped[float | None]
    bound: Mapped[float | None]
    unit: Mapped[str] = mapped_column(default="")
    elapsed_s: Mapped[float]
    at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Plan(Computed, Base):
    """The answer to a scenario, from the moment it is asked for.

    `status` and everything after it are empty until there is a result.
    """

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint(STATE_KNOWN, name="state_known"),
        Index("ix_plans_open", "state", postgresql_where=STATE_OPEN),
    )

    scenario_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("scenarios.id", ondelete="CASCADE"), index=True
    )

    status: Mapped[str | None]  #: siting.plan.Status
    scenario_hash: Mapped[str | None]
    dataset_hash: Mapped[str | None]  #: content hash of the data set it was computed on
    standards: Mapped[list[str] | None]  #: bit k of plan_demand.served is standards[k]
    stations: Mapped[int | None]
    sites: Mapped[int | None]
    cost_cny: Mapped[int | None] = mapped_column(BigInteger)
    seed: Mapped[int | None] = mapped_column(BigInteger)
    runtime_s: Mapped[float | None]
    version: Mapped[str | None]
    provenance: Mapped[dict[str, Any] | None]  #: share of each provenance, per input layer


def _plan_key() -> Mapped[Any]:
    return mapped_column(ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True)


class PlanStep(Base):
    """One optimisation of a plan with its proof; value and bound may be infinite."""

    __tablename__ = "plan_steps"

    plan_id: Mapped[uuid.UUID] = _plan_key()
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    name: Mapped[str]
    sense: Mapped[str]
    unit: Mapped[str]
    value: Mapped[float]
    bound: Mapped[float]
    gap: Mapped[float]
    status: Mapped[str]
    reason: Mapped[str]
    runtime_s: Mapped[float]
    certificate: Mapped[bytes | None] = mapped_column(deferred=True)  #: multipliers, npz


class PlanOption(Base):
    """A station of a plan: a technology at a site. Its place is kept with it."""

    __tablename__ = "plan_options"
    __table_args__ = (UniqueConstraint("plan_id", "option"),)

    fid: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    plan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    option: Mapped[int]  #: index in the scenario's options
    site_id: Mapped[str]
    site_kind: Mapped[str]
    district: Mapped[str]
    technology_id: Mapped[str]
    step: Mapped[int] = mapped_column(SmallInteger)  #: position of the step that chose it
    height_m: Mapped[float]
    turn_deg: Mapped[float | None]  #: azimuth of the first antenna; null: no direction
    tilt_deg: Mapped[float | None]  #: electrical downtilt; null: no direction
    cost_cny: Mapped[int] = mapped_column(BigInteger)  #: without the site's own cost
    site_cost_cny: Mapped[int] = mapped_column(BigInteger)  #: paid once per site
    work: Mapped[str] = mapped_column(server_default="new")  #: siting.standing.Work
    provenance: Mapped[str]
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=True))


class PlanOutcome(Base):
    """What a plan reaches in one zone or district by one standard."""

    __tablename__ = "plan_outcomes"

    plan_id: Mapped[uuid.UUID] = _plan_key()
    position: Mapped[int] = mapped_column(primary_key=True)  #: targets first, in their order
    is_target: Mapped[bool]
    zone_id: Mapped[str]
    zone_name_zh: Mapped[str]
    zone_name_en: Mapped[str]
    zone_kind: Mapped[str]
    standard_id: Mapped[str]
    weight: Mapped[str]
    total: Mapped[float]
    served: Mapped[float]
    reachable: Mapped[float]
    required_fraction: Mapped[float | None]
    state: Mapped[str | None]  #: siting.plan.TargetState
    shortfall: Mapped[float]
    min_ss_sinr_db: Mapped[float | None]
    clear: Mapped[float | None]  #: weight served with that SINR


class PlanDemand(Base):
    """By which standards a plan serves a demand point; points not served by any have 0."""

    __tablename__ = "plan_demand"

    plan_id: Mapped[uuid.UUID] = _plan_key()
    demand_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    served: Mapped[int] = mapped_column(SmallInteger)  #: bit k: by plans.standards[k]


class PlanProgress(Reported, Base):
    """One report of a plan's computation."""

    __tablename__ = "plan_progress"
    __table_args__ = (Index("ix_plan_progress_plan_id_id", "plan_id", "id"),)

    plan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))


class PlanCheckpoint(Base):
    """Best plan so far of an interrupted computation; the next attempt starts there."""

    __tablename__ = "plan_checkpoints"

    plan_id: Mapped[uuid.UUID] = _plan_key()
    attempt: Mapped[int] = mapped_column(SmallInteger)
    scenario_hash: Mapped[str]
    selected: Mapped[list[int]]  #: options of the scenario
    at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class PlanRequest(Base):
    """A key a client asked for a plan under; the same key gives the same plan again."""

    __tablename__ = "plan_requests"

    scenario_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("scenarios.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(primary_key=True)  #: the client's Idempotency-Key
    plan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
