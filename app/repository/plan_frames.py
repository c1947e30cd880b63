"""A stored plan's layers as tables with geometry, for downloads and whoever draws them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
from sqlalchemy import Connection, text

from app import translate

_SITE_COLUMNS = (
    "site_id", "site_kind", "district", "technology_id", "chosen_for", "height_m", "turn_deg",
    "tilt_deg", "cost_cny", "site_cost_cny", "work", "provenance",
)  # fmt: skip
_ZONE_COLUMNS = (
    "zone_id", "name_zh", "name_en", "kind", "standard_id", "weight", "required_fraction", "state",
    "total", "served", "share", "reachable", "shortfall", "min_ss_sinr_db", "clear", "is_target",
)  # fmt: skip
_UNSERVED_COLUMNS = ("demand_id", "district", "population", "area_m2", "standard_id")

_SITES = text(
    """
    select plan_options.site_id, plan_options.site_kind, plan_options.district,
        plan_options.technology_id, plan_steps.name, plan_options.height_m,
        plan_options.turn_deg, plan_options.tilt_deg, plan_options.cost_cny,
        plan_options.site_cost_cny, plan_options.work, plan_options.provenance,
        st_asbinary(plan_options.geom)
    from plan_options
    left join plan_steps
        on plan_steps.plan_id = plan_options.plan_id and plan_steps.position = plan_options.step
    where plan_options.plan_id = :plan
    order by plan_options.fid
    """
)

_ZONES = text(
    """
    select outcome.zone_id, outcome.zone_name_zh, outcome.zone_name_en, outcome.zone_kind,
        outcome.standard_id, outcome.weight, outcome.required_fraction, outcome.state,
        outcome.total, outcome.served, outcome.served / nullif(outcome.total, 0),
        outcome.reachable, outcome.shortfall, outcome.min_ss_sinr_db, outcome.clear,
        outcome.is_target,
        st_asbinary(st_multi(coalesce(zones.geom, districts.geom)))
    from plan_outcomes as outcome
    left join zones on zones.dataset_id = :dataset and zones.id = outcome.zone_id
    left join districts on districts.dataset_id = :dataset and districts.id = outcome.zone_id
    where outcome.plan_id = :plan and coalesce(zones.geom, districts.geom) is not null
    order by outcome.position
    """
)

_UNSERVED = text(
    """
    select demand.id, demand.district, demand.population, demand.area_m2, :standard,
        st_asbinary(demand.geom)
    from plan_demand
    join demand on demand.dataset_id = :dataset and demand.id = plan_demand.demand_id
    where plan_demand.plan_id = :plan and (plan_demand.served >> :bit) & 1 = 0
    order by demand.id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanKey:
    """What is needed to read a plan's layers.

    Parameters
    ----------
    plan, dataset
        The plan and the planning data it was made on.
    standards
        Its service standards, in the order of their bits.
    standard
        The one in focus: of the objective, else of the first target.
    provenance
        Share of each origin per input layer, 0..1.
    """

    plan: uuid.UUID
    dataset: str
    standards: tuple[str, ...]
    standard: str
    provenance: Mapping[str, Mapping[str, float]]


def sites_frame(connection: Connection, key: PlanKey) -> gpd.GeoDataFrame:
    """Return one row per station in EPSG:4326: where, what, in which step, at what cost [CNY]."""
    rows = connection.execute(_SITES, {"plan": key.plan}).all()
    return translate.feature_frame(_SITE_COLUMNS, rows)


def zones_frame(connection: Connection, key: PlanKey) -> gpd.GeoDataFrame:
    """Return one row per outcome in EPSG:4326: target, what is served, what is missing."""
    rows = connection.execute(_ZONES, {"plan": key.plan, "dataset": key.dataset}).all()
    return translate.feature_frame(_ZONE_COLUMNS, rows)


def unserved_frame(connection: Connection, key: PlanKey) -> gpd.GeoDataFrame:
    """Return the demand cells that the standard in focus does not reach, in EPSG:4326."""
    values = {
        "plan": key.plan,
        "dataset": key.dataset,
        "standard": key.standard,
        "bit": key.standards.index(key.standard),
    }
    return translate.feature_frame(_UNSERVED_COLUMNS, connection.execute(_UNSERVED, values).all())
