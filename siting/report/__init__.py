"""A plan as tables, sentences and documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from siting.geo import unproject_geometry
from siting.report.exclusions import plan_exclusions
from siting.report.facts import Facts, Named, Station, facts_of
from siting.report.honesty import headline, honesty_lines, step_line, synthetic_line
from siting.report.sharing import OperatorShare, Sharing, operator_name, plan_sharing
from siting.report.tables import (
    Focus,
    focus_of,
    plan_districts,
    plan_information,
    plan_sites,
    plan_zones,
    reachable_demand,
    served_demand,
)
from siting.report.unserved import unserved_places

if TYPE_CHECKING:
    import geopandas as gpd
    from shapely.geometry.base import BaseGeometry

    from siting.coverage import Coverage
    from siting.plan import Plan
    from siting.scenario import Scenario

__all__ = [
    "Facts",
    "Focus",
    "Named",
    "OperatorShare",
    "PlanTables",
    "Sharing",
    "Station",
    "facts_of",
    "focus_of",
    "headline",
    "honesty_lines",
    "operator_name",
    "plan_districts",
    "plan_exclusions",
    "plan_information",
    "plan_sharing",
    "plan_sites",
    "plan_tables",
    "plan_zones",
    "reachable_demand",
    "served_demand",
    "step_line",
    "synthetic_line",
    "unserved_places",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanTables:
    """A plan as maps and documents need it.

    Parameters
    ----------
    facts
        Totals, proofs, provenance.
    water
        Water bodies, or None when not supplied.
    sites, zones, districts, unserved
        As made by :func:`plan_sites`, :func:`plan_zones`, :func:`plan_districts` and
        :func:`unserved_places`, all WGS 84,
        as is `water`.
    exclusions
        What siting constraints left out or lowered, by :func:`plan_exclusions`; None: there are
        none.
    sharing
        As made by :func:`plan_sharing`; None where no technology names an operator.
    """

    facts: Facts
    water: BaseGeometry | None
    sites: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame
    districts: gpd.GeoDataFrame
    unserved: gpd.GeoDataFrame
    exclusions: gpd.GeoDataFrame | None = None
    sharing: Sharing | None = None


def plan_tables(scenario: Scenario, plan: Plan, coverage: Coverage) -> PlanTables:
    """Make every table of a plan."""
    area = scenario.data.study_area
    water = area.water
    return PlanTables(
        facts=facts_of(scenario, plan, coverage),
        water=None if water is None else unproject_geometry(water, area.crs),
        sites=plan_sites(scenario, plan, coverage),
        zones=plan_zones(scenario, plan),
        districts=plan_districts(scenario, plan, coverage),
        unserved=unserved_places(scenario, plan, coverage),
        exclusions=plan_exclusions(scenario),
        sharing=plan_sharing(scenario, plan),
    )
