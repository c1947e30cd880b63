"""Figures by zone: counted against plain arrays, and how sure they are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import binomtest
from tiny_networks import N28, N41, box_zone, random_cells, raster

from siting.errors import InputError
from siting.radio.network.area_prediction import Prediction, predict
from siting.radio.network.area_report import (
    QUALITY_STANDARDS,
    Confidence,
    area_report,
    report_areas,
    wilson_interval,
)
from siting.radio.network.tally import QualityStandard
from siting.radio.propagation.penetration import building_loss
from siting.technology import Penetration, ServiceStandard

GRID = raster(40)
CELLS = random_cells(GRID, 5, 3, equipment=(N41, N28))
PREDICTION = predict(CELLS, GRID, radius_m=900.0)


def indoor_loss(wall: Penetration) -> np.ndarray:
    """Mean building loss of N28 and N41, the order of carriers [dB]."""
    return np.array(
        [
            building_loss(wall, t.propagation, frequency_mhz=t.frequency_mhz).mean_db
            for t in (N28, N41)
        ]
    )


def test_shares_are_those_of_the_rasters() -> None:
    """Each share of each zone, counted from the rasters with plain arrays."""
    zones = [box_zone("all", GRID), box_zone("corner", GRID, 0.3)]
    report = area_report(PREDICTION, report_areas(GRID, zones))
    for zone, side in zip(report.zones, (40, 12), strict=True):
        part = (slice(0, side), slice(0, side))
        assert zone.pixels == side * side
        assert zone.area_m2 == side * side * 2500.0
        within = PREDICTION.servers_within()[part]
        assert zone.heard_share == pytest.approx((within > 0).mean())
        assert zone.overlap_share == pytest.approx((within >= 2).mean())
        assert zone.pollution_share == pytest.approx((within >= 4).mean())
        down, up = PREDICTION.downlink_mbps()[part], PREDICTION.uplink_mbps()[part]
        assert zone.mean_downlink_mbps == pytest.approx(np.nan_to_num(down).mean(), rel=1e-4)
        assert zone.mean_uplink_mbps == pytest.approx(np.nan_to_num(up).mean(), rel=1e-3)
        assert zone.edge_share == pytest.approx(((down >= 10.0) & (up >= 1.0)).mean())
        for standard, got in zip(QUALITY_STANDARDS, zone.standards, strict=True):
            level = np.array([PREDICTION.ss_rsrp_dbm(c)[part] for c in (0, 1)])
            level = level - indoor_loss(standard.penetration)[:, np.newaxis, np.newaxis]
            sinr = np.array([PREDICTION.ss_sinr_db(c, standard.penetration)[part] for c in (0, 1)])
            strong, clean = level >= standard.min_ss_rsrp_dbm, sinr >= standard.min_ss_sinr_db
            assert got.rsrp_share == pytest.approx(strong.any(axis=0).mean(), abs=1e-3)
            assert got.sinr_share == pytest.approx(clean.any(axis=0).mean())
            assert got.share == pytest.approx((strong & clean).any(axis=0).mean(), abs=1e-3)
            share = PREDICTION.served_share(
                ServiceStandard(
                    id="s",
                    name_zh="s",
                    name_en="s",
                    min_ss_rsrp_dbm=standard.min_ss_rsrp_dbm,
                    area_probability=0.95,
                    penetration=standard.penetration,
                    source="test",
                    min_bandwidth_mhz=0.0,
                )
            )
            assert got.locations_share == pytest.approx(share[part].mean(), abs=1e-5)
            assert got.passes == (min(got.share, got.locations_share) >= 0.95)


def test_walls_of_each_building_decide_indoors() -> None:
    """With kinds of building given, indoor shares are of buildings alone, each with its wall."""
    rng = np.random.default_rng(0)
    walls = rng.integers(0, 3, (40, 40)).astype(np.int8)
    indoor = QUALITY_STANDARDS[2]
    got = area_report(
        PREDICTION, report_areas(GRID, [box_zone("all", GRID)]), standards=[indoor], walls=walls
    )
    met = np.zeros((40, 40), dtype=bool)
    for kind, wall in ((1, Penetration.LOW_LOSS), (2, Penetration.HIGH_LOSS)):
        for carrier in (0, 1):
            level = PREDICTION.ss_rsrp_dbm(carrier) - indoor_loss(wall)[carrier]
            good = (level >= -105.0) & (PREDICTION.ss_sinr_db(carrier, wall) >= -3.0)
            met |= good & (walls == kind)
    figures = got.zones[0].standards[0]
    assert figures.pixels == np.count_nonzero(walls)
    assert figures.share == pytest.approx(met.sum() / np.count_nonzero(walls), abs=1e-3)


def test_water_does_not_count() -> None:
    """A zone's pixels under water are taken out, of every figure."""
    lake = box_zone("lake", GRID, 0.5).geometry
    report = area_report(PREDICTION, report_areas(GRID, [box_zone("all", GRID)], water=lake))
    assert report.zones[0].pixels == 40 * 40 - 20 * 20


@pytest.mark.parametrize(("hits", "places"), [(0, 40), (38, 40), (190, 200), (200, 200)])
def test_the_interval_is_wilsons(hits: int, places: int) -> None:
    """The interval agrees with that of scipy's binomial test to 1e-9."""
    want = binomtest(hits, places).proportion_ci(method="wilson")
    low, high = wilson_interval(hits / places, places)
    assert (low, high) == pytest.approx((want.low, want.high), abs=1e-9)


def test_a_verdict_says_how_sure_it_is() -> None:
    """A small zone: too few; a share at the required one: unsure; far from it: sure."""
    areas = report_areas(GRID, [box_zone("all", GRID), box_zone("tiny", GRID, 0.1)])

    def ask(required: float) -> list[Confidence]:
        standard = QualityStandard(
            id="x",
            min_ss_rsrp_dbm=-90.0,
            min_ss_sinr_db=0.0,
            penetration=Penetration.OUTDOOR,
            required_share=required,
            source="test",
        )
        report = area_report(PREDICTION, areas, standards=[standard])
        return [zone.standards[0].confidence for zone in report.zones]

    share = area_report(PREDICTION, areas).zones[0].standards[0].share
    assert 0.1 < share < 1.0
    assert ask(0.0)[0] is Confidence.SURE
    all_of_it = QUALITY_STANDARDS[0]
    near = area_report(PREDICTION, areas, standards=[all_of_it]).zones[0].standards[0].share
    level = QualityStandard(
        id="y",
        min_ss_rsrp_dbm=-105.0,
        min_ss_sinr_db=-3.0,
        penetration=Penetration.OUTDOOR,
        required_share=near,
        source="test",
    )
    unsure = area_report(PREDICTION, areas, standards=[level])
    assert unsure.zones[0].standards[0].confidence is Confidence.UNSURE
    assert ask(0.95)[1] is Confidence.TOO_FEW


def test_a_zone_without_pixels_has_no_share() -> None:
    """A zone narrower than a pixel: no share is made up, no test passes."""
    report = area_report(PREDICTION, report_areas(GRID, [box_zone("dot", GRID, 0.001)]))
    zone = report.zones[0]
    assert zone.pixels == 0
    assert np.isnan(zone.standards[0].share)
    assert not zone.standards[0].passes
    assert zone.standards[0].confidence is Confidence.TOO_FEW


def test_the_table_has_a_row_per_zone_and_standard() -> None:
    """As a frame: two zones and four standards make eight rows with their names."""
    zones = [box_zone("all", GRID), box_zone("corner", GRID, 0.3)]
    frame = area_report(PREDICTION, report_areas(GRID, zones)).frame()
    assert len(frame) == 8
    assert frame.zone.tolist()[::4] == ["all", "corner"]
    assert set(frame.standard) == {standard.id for standard in QUALITY_STANDARDS}


def test_every_fault_of_a_report_is_named() -> None:
    """Areas of another raster, walls of another shape, a share beyond 1: one error."""
    areas = report_areas(raster(10), [box_zone("all", raster(10))])
    wrong = QualityStandard(
        id="w",
        min_ss_rsrp_dbm=np.nan,
        min_ss_sinr_db=0.0,
        penetration=Penetration.OUTDOOR,
        required_share=2.0,
        source="test",
    )
    with pytest.raises(InputError) as raised:
        area_report(PREDICTION, areas, standards=[wrong], walls=np.zeros((3, 3), dtype=np.int8))
    told = str(raised.value)
    for word in ("another raster", "walls", "required_share", "min_ss_rsrp_dbm"):
        assert word in told
    here = report_areas(GRID, [box_zone("all", GRID)])
    with pytest.raises(InputError, match="other values than 0, 1 and 2"):
        area_report(PREDICTION, here, walls=np.full((40, 40), 7, dtype=np.int8))
    with pytest.raises(InputError, match="standards: are none"):
        area_report(PREDICTION, here, standards=[])
    with pytest.raises(InputError, match="at least one zone"):
        report_areas(GRID, [])
    with pytest.raises(InputError, match="share the ids all"):
        report_areas(GRID, [box_zone("all", GRID), box_zone("all", GRID)])


def test_a_service_standard_keeps_its_bandwidth() -> None:
    """A standard that asks for 60 MHz counts the 100 MHz carrier alone, not the 30 MHz one."""
    wide = ServiceStandard(
        id="quality",
        name_zh="q",
        name_en="q",
        min_ss_rsrp_dbm=-95.0,
        area_probability=0.9,
        penetration=Penetration.OUTDOOR,
        source="test",
        min_bandwidth_mhz=60.0,
    )
    standard = QualityStandard.of(wide, min_ss_sinr_db=0.0)
    assert standard.required_share == 0.9
    areas = report_areas(GRID, [box_zone("all", GRID)])
    got = area_report(PREDICTION, areas, standards=[standard]).zones[0].standards[0]
    good = (PREDICTION.ss_rsrp_dbm(1) >= -95.0) & (PREDICTION.ss_sinr_db(1) >= 0.0)
    assert got.share == pytest.approx(good.mean())
    share = PREDICTION.served_share(wide)
    assert np.array_equal(share, PREDICTION.served_share(wide, 1))
    assert got.locations_share == pytest.approx(share.mean(), abs=1e-5)


def test_a_standard_for_one_operators_customers_counts_its_carriers_alone() -> None:
    """Of two carriers the one that another operator runs is left out; one of nobody's counts."""
    n41, n28 = (dataclasses.replace(item, operators=(item.id,)) for item in (N41, N28))
    cells = dataclasses.replace(PREDICTION.cells, technologies=(n41, n28))
    network = predict(cells, GRID, radius_m=900.0)
    areas = report_areas(GRID, [box_zone("all", GRID)])

    def share(*operators: str, network: Prediction = network) -> float:
        standard = dataclasses.replace(QUALITY_STANDARDS[0], operators=operators)
        return area_report(network, areas, standards=[standard]).zones[0].standards[0].share

    both, mine = share(), share(n41.id)
    good = (network.ss_rsrp_dbm(1) >= -105.0) & (network.ss_sinr_db(1) >= -3.0)
    assert mine == pytest.approx(good.mean())
    assert mine < both == share(n41.id, n28.id)
    assert share("nobody") == 0.0
    assert share("nobody", network=PREDICTION) == both
