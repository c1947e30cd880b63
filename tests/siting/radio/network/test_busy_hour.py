"""Loads of a network in its busiest hour: against hand-solved pairs and the laws they obey."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tiny_networks import N28, N41, box_zone, random_cells, raster, technology

from siting.errors import InputError
from siting.radio.network.area_prediction import Prediction, predict
from siting.radio.network.area_report import report_areas
from siting.radio.network.assumptions import RadioAssumptions
from siting.radio.network.busy_hour.capacity import busy_hour
from siting.radio.network.busy_hour.coupling import coupling
from siting.radio.network.busy_hour.traffic import Traffic, raster_traffic
from siting.radio.network.cells import Cells, sectors
from siting.radio.network.throughput import downlink_mbps
from siting.technology import Penetration

GRID = raster(30, 100.0)
STREET = RadioAssumptions(indoor_share=0.0)


def traffic_at(places: dict[tuple[int, int], float]) -> Traffic:
    """Return traffic [Mbit/s] at some rows and columns of the raster, ten people per Mbit/s."""
    mbps = np.zeros((GRID.rows, GRID.columns))
    for place, value in places.items():
        mbps[place] = value
    return raster_traffic(GRID, mbps, 10.0 * mbps)


def even(mbps: float) -> Traffic:
    """Spread traffic evenly over the raster."""
    each = mbps / len(GRID)
    return raster_traffic(GRID, np.full((GRID.rows, GRID.columns), each))


def pair(*equipment: object, assumptions: RadioAssumptions = STREET) -> Prediction:
    """Predict two sites 1 km apart, alike in every direction."""
    xy = np.array([[2000.0, 3550.0], [3000.0, 3550.0]])
    return predict(
        sectors(xy, equipment or N41, height_m=25.0), GRID, assumptions=assumptions, threads=2
    )


def city(load: float = 0.5, **changes: float) -> Prediction:
    """Predict ten random sites with three sectors on two carriers."""
    assumed = RadioAssumptions(load=load, **changes)
    cells = random_cells(GRID, 10, 5, equipment=(N41, N28))
    return predict(cells, GRID, assumptions=assumed, threads=2)


def rate_of(prediction: Prediction, place: tuple[int, int], load: float) -> float:
    """Predict anew with a load of all cells; return the rate down at a place [Mbit/s]."""
    cells = prediction.cells.with_values(np.arange(len(prediction.cells)), load=load)
    anew = predict(cells, GRID, assumptions=prediction.model.assumptions, threads=1)
    return float(anew.downlink_mbps()[place])


def test_two_cells_solve_their_equations() -> None:
    """Two places, one per cell: the loads are those that a bisection of the pair finds."""
    here, there, asked = (15, 14), (15, 16), (40.0, 25.0)
    network = pair()
    report = busy_hour(network, traffic_at(dict(zip((here, there), asked, strict=True))))

    def needed(place: tuple[int, int], mbps: float, other: float) -> float:
        return mbps / rate_of(network, place, other)

    low, high = 0.0, 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        above = needed(here, asked[0], needed(there, asked[1], middle)) > middle
        low, high = (middle, high) if above else (low, middle)
    first, second = network.server()[here], network.server()[there]
    assert first != second
    np.testing.assert_allclose(report.load[first], low, rtol=1e-3)
    np.testing.assert_allclose(report.load[second], needed(there, asked[1], low), rtol=1e-3)
    assert low > 1.05 * needed(here, asked[0], 0.0)


def test_alone_a_load_is_traffic_over_rate() -> None:
    """Where nobody else is on air: t / R outdoors, and indoors with R behind the wall."""
    place = (3, 3)
    for share, wall in ((0.0, Penetration.OUTDOOR), (1.0, Penetration.LOW_LOSS)):
        network = pair(assumptions=RadioAssumptions(load=0.0, indoor_share=share))
        report = busy_hour(network, traffic_at({place: 12.0}))
        rate = network.downlink_mbps(penetration=wall)[place]
        np.testing.assert_allclose(report.load.max(), 12.0 / rate, rtol=1e-5)
        assert np.count_nonzero(report.load) == 1


def test_carriers_share_traffic_by_their_rates() -> None:
    """Two carriers at one site are busy for the same time, and carry what their rates allow."""
    place = (3, 3)
    network = pair(N41, N28, assumptions=RadioAssumptions(load=0.0, indoor_share=0.0))
    report = busy_hour(network, traffic_at({place: 12.0}))
    received = network.received(np.array([place[0] * GRID.columns + place[1]]))
    rates = np.array([float(downlink_mbps(received, carrier)[0]) for carrier in (0, 1)])
    cells = network.received(received.pixels).state.server[:, 0, 0] >> 2
    np.testing.assert_allclose(report.load[cells], 12.0 / rates.sum(), rtol=1e-5)
    np.testing.assert_allclose(report.offered_mbps[cells], 12.0 * rates / rates.sum(), rtol=1e-5)


@pytest.mark.parametrize("load", [0.5, 0.2, 0.0])
def test_every_load_is_the_time_its_traffic_takes_with_all_others_at_theirs(load: float) -> None:
    """Predicted anew at the loads found, t / R of every place adds up to them again."""
    network, traffic = city(load, indoor_share=0.0), even(900.0)
    report = busy_hour(network, traffic, rounds=6)
    assert 0.05 < report.load.max() < 1.0
    assert report.last_change < 0.01
    cells = network.cells.with_values(np.arange(len(network.cells)), load=report.load)
    anew = predict(cells, GRID, assumptions=network.model.assumptions, threads=2)
    usable = coupling(network, traffic).places.usable[0]
    received = anew.received(traffic.pixels)
    rates = np.array([downlink_mbps(received, carrier) for carrier in (0, 1)])
    rates = np.where(usable, np.nan_to_num(rates), 0.0)
    total = rates.sum(axis=0)
    again = np.zeros(len(cells))
    for carrier in (0, 1):
        here = rates[carrier] > 0.0
        server = received.server(carrier)[here]
        again += np.bincount(server, traffic.mbps[here] / total[here], len(cells))
    np.testing.assert_allclose(again, report.load, rtol=0.01, atol=2e-3)


def test_loads_assumed_before_play_no_part() -> None:
    """The same loads are found whatever load the prediction assumed, unlike loads too."""
    traffic = even(900.0)
    loads = [busy_hour(city(load), traffic, rounds=6).load for load in (0.5, 0.2, 0.0)]
    mixed = city()
    cells = mixed.cells.with_values(np.arange(30), load=0.9)
    loads.append(busy_hour(predict(cells, GRID, threads=2), traffic, rounds=6).load)
    for other in loads[1:]:
        np.testing.assert_allclose(other, loads[0], rtol=0.01, atol=1e-3)


def test_more_traffic_never_lowers_a_load() -> None:
    """Loads rise with traffic, all of them, and more than in proportion: cells disturb."""
    network = city()
    low, high = (busy_hour(network, even(mbps), rounds=0).load for mbps in (600.0, 1200.0))
    assert (high >= low).all()
    busy = low > 0.05
    assert (high[busy] > 2.0 * low[busy]).any()
    assert (high >= 2.0 * low - 1e-3).all()


def test_loads_climb_from_silence() -> None:
    """From nothing on air each iteration raises every load or leaves it; from above they fall."""
    on = coupling(city(), even(1200.0))
    load = np.zeros(len(on.prediction.cells))
    for _ in range(8):
        after = on.loads(np.minimum(load, 1.0))
        assert (after >= load - 1e-12).all()
        load = after
    settled, _ = on.settled()
    above, _ = on.settled(np.ones(len(load)))
    np.testing.assert_allclose(above, settled, atol=1e-3)


def test_without_traffic_nothing_is_loaded() -> None:
    """No traffic: no load, no loss, no share of nothing."""
    areas = report_areas(GRID, [box_zone("all", GRID)])
    report = busy_hour(city(), even(0.0), areas)
    assert not report.load.any()
    assert report.traffic_mbps == report.lost_mbps == 0.0
    assert np.isnan(report.zones[0].carried_share)
    assert not report.overloaded.any()


def test_traffic_is_neither_lost_nor_made() -> None:
    """Offered is the traffic of served places; carried never more; zones and cells agree."""
    network, traffic = city(), even(4000.0)
    zones = [box_zone("all", GRID), box_zone("quarter", GRID, 0.5)]
    report = busy_hour(network, traffic, report_areas(GRID, zones))
    served = report.traffic_mbps - report.unserved_mbps
    np.testing.assert_allclose(report.offered_mbps.sum(), served, rtol=1e-12)
    assert report.overloaded.any()
    assert (report.carried_mbps <= report.offered_mbps + 1e-12).all()
    over = report.load > 0.7
    np.testing.assert_array_equal(report.carried_mbps[~over], report.offered_mbps[~over])
    kept = report.carried_mbps[over] / report.offered_mbps[over]
    np.testing.assert_allclose(kept, 0.7 / report.load[over])
    whole, quarter = report.zones
    np.testing.assert_allclose(whole.traffic_mbps, 4000.0)
    np.testing.assert_allclose(whole.served_mbps, served)
    np.testing.assert_allclose(whole.carried_mbps, report.carried_mbps.sum(), rtol=1e-12)
    np.testing.assert_allclose(quarter.traffic_mbps, 1000.0)
    assert whole.overloaded_cells >= quarter.overloaded_cells
    frame, by_zone = report.frame(), report.zone_frame()
    assert frame["offered_mbps"].sum() == report.offered_mbps.sum()
    assert by_zone["carried_share"].tolist() == [zone.carried_share for zone in report.zones]


def test_people_short_are_those_whose_traffic_is_not_carried() -> None:
    """A hundred times the traffic overloads the cell: short are people by the share that is cut."""
    network = pair()
    zones = report_areas(GRID, [box_zone("all", GRID)])
    for mbps, cut in ((20.0, 0), (2000.0, 1)):
        report = busy_hour(network, traffic_at({(15, 14): mbps}), zones)
        (zone,) = report.zones
        assert zone.people == report.people.sum() == 10.0 * mbps
        np.testing.assert_allclose(zone.people_short, 10.0 * report.lost_mbps, atol=1e-9)
        assert zone.overloaded_cells == cut == int(report.lost_mbps > 1.0)


def test_a_carrier_with_room_takes_what_the_other_cannot_carry() -> None:
    """Far users need the narrow carrier, so near ones leave it for the wide one as need be."""
    weak = technology("weak", tx_power_dbm=20.0)
    cells = sectors(np.array([[2000.0, 3550.0]]), (weak, N28), height_m=25.0)
    network = predict(cells, GRID, assumptions=STREET, threads=1)
    traffic = traffic_at({(15, 11): 150.0, (15, 29): 75.0})
    on = coupling(network, traffic)
    assert on.places.usable[0].sum(axis=0).tolist() == [2, 1]
    by_rate, _ = on.settled()
    lost = traffic.mbps.sum() - on.shares(by_rate).carried_mbps.sum()
    report = busy_hour(network, traffic)
    assert by_rate[0] < 0.65
    assert by_rate[1] > 0.75
    assert lost > 2.0
    assert report.lost_mbps < 0.2 * lost
    assert report.load.max() < 0.72


def test_cells_switched_off_carry_nothing() -> None:
    """What one site would carry falls to the other when the first is switched off."""
    network = pair()
    cells: Cells = network.cells.with_values([0], active=False)
    alone = predict(cells, GRID, assumptions=STREET, threads=1)
    report = busy_hour(alone, traffic_at({(15, 14): 20.0}))
    assert report.load[0] == 0.0
    assert report.load[1] > 0.0


def test_threads_do_not_change_a_bit() -> None:
    """Sums are in the order of the places, whoever adds them up."""
    wide = raster(150, 20.0)
    cells = random_cells(wide, 8, 2)
    traffic = raster_traffic(wide, np.full((150, 150), 0.05))
    one, two = (
        busy_hour(predict(cells, wide, threads=threads), traffic, rounds=0) for threads in (1, 2)
    )
    np.testing.assert_array_equal(one.load, two.load)


def test_other_rasters_are_refused() -> None:
    """Zones and traffic of another raster are both named."""
    other = raster(40, 100.0)
    traffic = raster_traffic(other, np.ones((40, 40)))
    areas = report_areas(other, [box_zone("all", other)])
    with pytest.raises(InputError) as caught:
        busy_hour(pair(), traffic, areas)
    assert {problem.where for problem in caught.value.problems} == {"traffic", "areas"}


def test_assumptions_out_of_range_are_refused() -> None:
    """A share above 1 and a greatest load of 0 are named with their range."""
    wrong = dataclasses.replace(STREET, indoor_share=1.5, greatest_load=0.0)
    faults = " ".join(str(problem) for problem in wrong.problems())
    assert "indoor_share" in faults
    assert "greatest_load" in faults
