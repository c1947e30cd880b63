"""Named tiny instances shared by the library's tests."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import shapely

from siting.demand import Demand
from siting.provenance import Provenance
from siting.scenario import PlanningData
from siting.sites import CandidateSites, SiteKind
from siting.technology import Penetration, Propagation, ServiceStandard, Technology
from siting.zones import StudyArea, Zone, ZoneKind

ORIGIN = np.array([500_000.0, 3_350_000.0])


def _zone(zone_id: str, kind: ZoneKind, tier: int, box: tuple[float, ...]) -> Zone:
    west, south, east, north = box
    return Zone(
        id=zone_id,
        name_zh=f"小镇{zone_id}",
        name_en=zone_id.title(),
        kind=kind,
        tier=tier,
        geometry=shapely.box(
            ORIGIN[0] + west, ORIGIN[1] + south, ORIGIN[0] + east, ORIGIN[1] + north
        ),
        provenance=Provenance.SYNTHETIC,
        source="made for the tests",
        licence="Apache-2.0",
        accuracy_m=1.0,
    )


@pytest.fixture(scope="session")
def littletown() -> PlanningData:
    """2 km x 2 km, 400 cells, an east and a west district, an airfield, six sites.

    Small enough for brute force; every noun has at least two members, zones overlap, and one
    site stands already.
    """
    zones = (
        _zone("west", ZoneKind.DISTRICT, 3, (0, 0, 1000, 2000)),
        _zone("east", ZoneKind.DISTRICT, 3, (1000, 0, 2000, 2000)),
        _zone("airfield", ZoneKind.AIRPORT, 1, (600, 600, 1400, 1400)),
    )
    row, column = np.divmod(np.arange(400), 20)
    xy = ORIGIN + np.column_stack([column, row]) * 100.0 + 50.0
    inside = np.column_stack([shapely.contains_xy(zone.geometry, *xy.T) for zone in zones])
    demand = Demand(
        id=np.arange(400, dtype=np.int64),
        xy=xy,
        weights={
            "area_m2": np.full(400, 10_000.0),
            "population": (np.arange(400) % 7 + 1).astype(np.float64),
        },
        provenance={"area_m2": Provenance.DERIVED, "population": Provenance.SYNTHETIC},
        zone_ids=tuple(zone.id for zone in zones),
        zones=sp.csr_array(inside),
        cell_size_m=100.0,
    )
    place = np.array(
        [[500, 500], [1500, 500], [500, 1500], [1500, 1500], [1000, 1000], [980, 1010]], dtype=float
    )
    kinds = [SiteKind.TOWER] * 2 + [SiteKind.ROOFTOP] * 2 + [SiteKind.TOWER, SiteKind.STREET_POLE]
    sites = CandidateSites(
        id=[f"s{number}" for number in range(6)],
        xy=ORIGIN + place,
        kind=kinds,
        owner=["town"] * 6,
        district=["west", "east", "west", "east", "east", "west"],
        height_m=np.array([30.0, 30.0, 25.0, 25.0, 35.0, 10.0]),
        fixed_cost_cny=np.array([300, 310, 100, 120, 0, 30], dtype=np.int64) * 1000,
        existing=np.array([False, False, False, False, True, False]),
        provenance=[Provenance.SYNTHETIC] * 6,
        source=["made for the tests"] * 6,
        licence=["Apache-2.0"] * 6,
        accuracy_m=np.full(6, 1.0),
    )
    macro = Technology(
        id="macro-n41",
        name_zh="2.6 GHz 宏站",
        name_en="2.6 GHz macro",
        band="n41",
        station_class="macro",
        propagation=Propagation.UMA,
        frequency_mhz=2600.0,
        bandwidth_mhz=100.0,
        subcarrier_spacing_khz=30.0,
        tx_power_dbm=53.0,
        ssb_gain_dbi=15.0,
        max_height_m=30.0,
        hosts=(SiteKind.TOWER, SiteKind.ROOFTOP),
        cost_cny=180_000,
        source="assumption; made for the tests",
    )
    micro = Technology(
        id="micro-n78",
        name_zh="3.5 GHz 微站",
        name_en="3.5 GHz small cell",
        band="n78",
        station_class="micro",
        propagation=Propagation.UMI,
        frequency_mhz=3500.0,
        bandwidth_mhz=100.0,
        subcarrier_spacing_khz=30.0,
        tx_power_dbm=43.0,
        ssb_gain_dbi=10.0,
        max_height_m=10.0,
        hosts=(SiteKind.STREET_POLE, SiteKind.TOWER),
        cost_cny=40_000,
        source="assumption; made for the tests",
    )
    quality = ServiceStandard(
        id="quality-outdoor",
        name_zh="室外优质",
        name_en="good outdoors",
        min_ss_rsrp_dbm=-95.0,
        area_probability=0.95,
        penetration=Penetration.OUTDOOR,
        source="assumption; made for the tests",
    )
    indoor = ServiceStandard(
        id="basic-indoor",
        name_zh="室内基本",
        name_en="basic indoors",
        min_ss_rsrp_dbm=-105.0,
        area_probability=0.95,
        penetration=Penetration.LOW_LOSS,
        source="assumption; made for the tests",
    )
    area = StudyArea(
        id="littletown",
        name_zh="小镇",
        name_en="Littletown",
        crs="EPSG:4547",
        districts=zones[:2],
        water=None,
    )
    return PlanningData(
        study_area=area,
        zones=zones,
        demand=demand,
        sites=sites,
        technologies=(macro, micro),
        standards=(quality, indoor),
    )
