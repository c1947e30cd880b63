"""Between rows and planning values: the only module that knows both."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from app.tables import Plan as PlanRow
from app.tables import PlanOption, PlanOutcome, PlanStep, StandardRow, TechnologyRow, TerrainRow
from siting.grid import Grid
from siting.plan import Certificate, Cuts, Outcome, Plan, Step, TargetState
from siting.radio.ground.terrain import Terrain
from siting.sites import SiteKind
from siting.spec import ScenarioSpec
from siting.status import Sense, Status
from siting.technology import (
    Penetration,
    Propagation,
    SectorLayout,
    ServiceStandard,
    Technology,
)

WGS84 = "EPSG:4326"
#: Columns of numbers that may be unknown.
_NUMBERS_OR_NOTHING = {"accuracy_m", "min_ss_sinr_db", "clear"}


def spec_document(spec: ScenarioSpec) -> dict[str, Any]:
    """Return a question as a JSON document; :func:`spec_value` reads it back."""
    return spec.model_dump(mode="json")


def spec_value(document: Mapping[str, Any]) -> ScenarioSpec:
    """Read a stored question.

    Raises
    ------
    siting.errors.ScenarioError
        When it was stored by a version that wrote other fields.
    """
    return ScenarioSpec.parse(document)


def frame(columns: Sequence[str], rows: Sequence[Any]) -> pd.DataFrame:
    """Return rows as a table with the columns' own types, in the rows' order."""
    by_column = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    made: dict[str, list[Any]] = {
        name: list(values) for name, values in zip(columns, by_column, strict=True)
    }
    for name in _NUMBERS_OR_NOTHING & made.keys():
        made[name] = [np.nan if value is None else value for value in made[name]]
    return pd.DataFrame(
        {
            name: np.asarray(values, dtype=object if _is_text(values) else None)
            for name, values in made.items()
        }
    )


def feature_frame(columns: Sequence[str], rows: Sequence[Any]) -> gpd.GeoDataFrame:
    """Return rows whose last value is a shape as WKB as features in EPSG:4326."""
    table = frame((*columns, "_shape"), rows)
    shapes = shapely.from_wkb(table.pop("_shape").to_numpy())
    return gpd.GeoDataFrame(table, geometry=shapes, crs=WGS84)


def grid(document: Mapping[str, Any]) -> Grid:
    """Read a stored demand grid."""
    return Grid(**document)


def technology(row: TechnologyRow) -> Technology:
    """Return a stored technology as a value."""
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(Technology)}
    values["propagation"] = Propagation(row.propagation)
    values["hosts"] = tuple(SiteKind(kind) for kind in row.hosts)
    values["sectors"] = None if row.sectors is None else SectorLayout.from_mapping(row.sectors)
    values["operators"] = tuple(row.operators)
    return Technology(**values)


def standard(row: StandardRow) -> ServiceStandard:
    """Return a stored service standard as a value."""
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(ServiceStandard)}
    values["penetration"] = Penetration(row.penetration)
    values["operators"] = tuple(row.operators)
    return ServiceStandard(**values)


def terrain_values(terrain: Terrain) -> dict[str, Any]:
    """Return a terrain as grid and packed heights of its row."""
    arrays = {"ground_m": terrain.ground_m}
    if terrain.clutter_m is not None:
        arrays["clutter_m"] = terrain.clutter_m
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # pyright: ignore[reportArgumentType] - the stub takes allow_pickle for one of the arrays
    return {
        "grid": dataclasses.asdict(terrain.grid),
        "heights": buffer.getvalue(),
    }


def terrain(row: TerrainRow) -> Terrain:
    """Return a stored terrain as a value, bit for bit."""
    with np.load(io.BytesIO(row.heights), allow_pickle=False) as archive:
        clutter = archive["clutter_m"] if "clutter_m" in archive.files else None
        return Terrain(grid=grid(row.grid), ground_m=archive["ground_m"], clutter_m=clutter)


def has_clutter(row: TerrainRow) -> bool:
    """Say whether a stored terrain knows buildings and trees, without unpacking it."""
    with np.load(io.BytesIO(row.heights), allow_pickle=False) as archive:
        return "clutter_m" in archive.files


def library_row(dataset_id: str, item: Technology | ServiceStandard) -> dict[str, Any]:
    """Return a technology or standard as the values of its row."""
    return {"dataset_id": dataset_id} | json.loads(json.dumps(dataclasses.asdict(item)))


def step_row(position: int, step: Step) -> PlanStep:
    """Return a step as its row, its proof packed; the plan's id is still to be set."""
    return PlanStep(
        position=position,
        name=step.name,
        sense=step.sense.value,
        unit=step.unit,
        value=step.value,
        bound=step.bound,
        gap=step.gap,
        status=step.status.value,
        reason=step.reason,
        runtime_s=step.runtime_s,
        certificate=None if step.certificate is None else pack_certificate(step.certificate),
    )


def outcome_value(row: PlanOutcome) -> Outcome:
    """Return a stored outcome as a value."""
    return Outcome(
        zone_id=row.zone_id,
        standard_id=row.standard_id,
        weight=row.weight,
        total=row.total,
        served=row.served,
        reachable=row.reachable,
        required_fraction=row.required_fraction,
        state=None if row.state is None else TargetState(row.state),
        min_ss_sinr_db=row.min_ss_sinr_db,
        clear=row.clear,
    )


def plan_value(
    row: PlanRow,
    steps: Sequence[PlanStep],
    options: Sequence[PlanOption],
    outcomes: Sequence[PlanOutcome],
) -> Plan | None:
    """Return a stored plan as a value, proofs included; None while there is no result."""
    if row.status is None:
        return None
    ordered = sorted(options, key=lambda option: option.option)
    return Plan(
        scenario_hash=row.scenario_hash or "",
        status=Status(row.status),
        reason=row.reason or "",
        selected=np.array([option.option for option in ordered], dtype=np.intp),
        chosen_in=np.array([option.step for option in ordered], dtype=np.intp),
        steps=tuple(_step_value(step) for step in sorted(steps, key=lambda step: step.position)),
        targets=tuple(outcome_value(item) for item in outcomes if item.is_target),
        information=tuple(outcome_value(item) for item in outcomes if not item.is_target),
        stations=row.stations or 0,
        sites=row.sites or 0,
        cost_cny=row.cost_cny or 0,
        seed=row.seed or 0,
        runtime_s=row.runtime_s or 0.0,
        version=row.version or "",
        provenance=row.provenance or {},
    )


def pack_certificate(certificate: Certificate) -> bytes:
    """Write multipliers as a compressed archive of arrays; :func:`unpack_certificate` reads it."""
    arrays = {f"cover/{name}": values for name, values in certificate.cover.items()}
    cuts = certificate.cuts
    arrays |= {
        "cuts/pointer": cuts.pointer,
        "cuts/members": cuts.members,
        "cuts/prices": cuts.prices,
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, targets=certificate.targets, **arrays)  # pyright: ignore[reportArgumentType] - the stub takes allow_pickle for one of the arrays
    return buffer.getvalue()


def unpack_certificate(packed: bytes) -> Certificate:
    """Read multipliers back, bit for bit."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
        return Certificate(
            cover={
                name.removeprefix("cover/"): archive[name]
                for name in archive.files
                if name.startswith("cover/")
            },
            targets=archive["targets"],
            cuts=Cuts(
                **{
                    name.removeprefix("cuts/"): archive[name]
                    for name in archive.files
                    if name.startswith("cuts/")
                }
            ),
        )


def _step_value(row: PlanStep) -> Step:
    return Step(
        name=row.name,
        sense=Sense(row.sense),
        unit=row.unit,
        value=row.value,
        bound=row.bound,
        status=Status(row.status),
        reason=row.reason,
        runtime_s=row.runtime_s,
        certificate=None if row.certificate is None else unpack_certificate(row.certificate),
    )


def _is_text(values: Sequence[Any]) -> bool:
    return not values or isinstance(values[0], str | bytes | memoryview | type(None))
