"""Area prediction against brute force, and what must hold for every network."""

from __future__ import annotations

from concurrent.futures import CancelledError
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_networks import MACRO, N28, N41, hills, random_cells, raster, technology

from siting.errors import InputError
from siting.grid import Grid
from siting.radio import link_budget
from siting.radio.antenna import Combination
from siting.radio.ground.obstruction import Method, obstruction
from siting.radio.ground.terrain import Terrain
from siting.radio.network.area_prediction import Outside, Prediction, predict
from siting.radio.network.cells import OMNI, Cells, eirp_per_subcarrier_dbm, sectors
from siting.radio.network.loss_curves import BLOCKED, FREE, UNKNOWN
from siting.radio.propagation.diffraction import SPEED_OF_LIGHT_GHZ_M, knife_edge_loss_db
from siting.radio.propagation.path_loss import NearField, Sight, path_loss_db
from siting.technology import Penetration, Propagation, ServiceStandard

RADIUS_M = 900.0
GRID = raster()


def bullington(nu: npt.NDArray, distance: npt.NDArray) -> npt.NDArray:
    """Return Bullington's loss, ITU-R P.1812 equations (12) and (21) [dB]."""
    edge = knife_edge_loss_db(np.maximum(nu, -1e9))
    return edge + (1.0 - np.exp(-edge / 6.0)) * (10.0 + 0.02 * distance / 1e3)


def level_ground(distance: npt.NDArray, height: float, wavelength: float) -> npt.NDArray:
    """Return the greatest nu over level ground of the median Earth, by search."""
    share = np.linspace(0.0005, 0.9995, 4000)[:, np.newaxis]
    d1, d2 = share * distance, (1.0 - share) * distance
    ray = height + (1.5 - height) * share
    above = d1 * d2 / (2.0 * 6371e3 * 4.0 / 3.0) - ray
    return (above * np.sqrt(2.0 * distance / (wavelength * d1 * d2))).max(axis=0)


def brute_force(cells: Cells, grid: Grid, terrain: Terrain | None = None) -> npt.NDArray:
    """Level of every cell at every pixel [dBm], (cells, pixels); -inf out of reach."""
    column, row = (
        np.tile(np.arange(grid.columns), grid.rows),
        np.repeat(np.arange(grid.rows), grid.columns),
    )
    xy = grid.centres(column, row)
    out = np.full((len(cells), len(xy)), -np.inf)
    for cell in range(len(cells)):
        equipment = cells.technologies[cells.technology[cell]]
        height = float(cells.height_m[cell])
        east, north = (xy - cells.xy[cell]).T
        distance = np.hypot(east, north)
        near = distance <= RADIUS_M
        d = distance[near]
        drop = np.full(len(d), height - 1.5)
        sight, edge = np.full(len(d), -1), np.full(len(d), -np.inf)
        if terrain is not None:
            seen = obstruction(
                terrain, cells.xy[cell], height, radius_m=RADIUS_M, method=Method.SWEEP
            )
            place = (row[near] - seen.row, column[near] - seen.column)
            sight, edge = seen.sight[place], seen.edge[place].astype(float)
            foot = ((cells.xy[cell] - [grid.west_m, grid.south_m]) // grid.cell_size_m).astype(int)
            drop += terrain.ground_m[foot[1], foot[0]] - terrain.ground_m[row[near], column[near]]
        where = {"frequency_mhz": equipment.frequency_mhz, "antenna_height_m": height}
        eirp = eirp_per_subcarrier_dbm(equipment)
        los, nlos = (
            path_loss_db(equipment.propagation, s, d, near_field=NearField.HOLD, **where)
            for s in (Sight.LOS, Sight.NLOS)
        )
        both = eirp - link_budget.ss_rsrp_exceeded_dbm(equipment, d, antenna_height_m=height)
        loss = np.where(sight == 1, los, np.where(sight == 0, nlos, both))
        if terrain is not None:
            wave = SPEED_OF_LIGHT_GHZ_M / (equipment.frequency_mhz / 1e3)
            flat = level_ground(np.maximum(d, 10.0), height, wave)
            extra = bullington(edge / np.sqrt(wave), d) - bullington(flat, d)
            loss = loss + np.maximum(extra, 0.0)
        pattern = cells.patterns[cells.pattern[cell]]
        gain = pattern.gain(
            np.degrees(np.arctan2(east[near], north[near])) - cells.azimuth_deg[cell],
            np.degrees(np.arctan2(drop, d)),
            tilt_deg=cells.tilt_deg[cell],
            mechanical_tilt_deg=cells.mechanical_tilt_deg[cell],
        )
        out[cell, near] = eirp + gain - pattern.gain_dbi - loss
    return out


def same(a: Prediction, b: Prediction) -> bool:
    """Say whether two predictions are equal to the last bit."""
    return all(np.array_equal(x, y) for x, y in zip(a.state, b.state, strict=True))


@pytest.mark.parametrize("ground", ["level", "hills", "hills and houses"])
def test_levels_servers_and_sinr_are_those_of_brute_force(ground: str) -> None:
    """Every pixel: level within 0.05 dB, server and SINR as an all-pairs computation has them."""
    terrain = None if ground == "level" else hills(GRID, 3, clutter=ground != "hills")
    cells = random_cells(GRID, 6, 5)
    measured = replace(MACRO, combination=Combination.PROJECTED, limit_db=60.0)
    cells = replace(cells, patterns=(MACRO, measured)).with_values([2, 3, 9, 16], pattern=1)
    cells = cells.with_values(np.arange(4), mechanical_tilt_deg=5.0)
    got = predict(cells, GRID, terrain=terrain, radius_m=RADIUS_M)
    level = brute_force(cells, GRID, terrain)
    first = level.max(axis=0)
    assert np.abs(got.ss_rsrp_dbm().ravel() - first).max() < 0.05
    ordered = np.sort(level, axis=0)[::-1]
    clear = ordered[0] - ordered[1] > 0.1
    assert clear.mean() > 0.9
    assert np.array_equal(got.server().ravel()[clear], level.argmax(axis=0)[clear])
    second = np.where(np.isfinite(ordered[1]), ordered[1], np.nan)
    assert np.nanmax(np.abs(got.ss_rsrp_dbm(rank=1).ravel() - second)) < 0.05
    power = 10.0 ** (level / 10.0)
    noise = 1.380649e-23 * 290.0 * 1e3 * 30e3 * 10.0**0.9
    sinr = first - 10.0 * np.log10(0.5 * (power.sum(axis=0) - power.max(axis=0)) + noise)
    assert np.abs(got.ss_sinr_db().ravel() - sinr).max() < 0.1
    within = np.minimum((level >= first - 6.0).sum(axis=0), 4)
    sure = ~((np.abs(level - first + 6.0) < 0.1).any(axis=0))
    assert np.array_equal(got.servers_within().ravel()[sure], within[sure])


@pytest.mark.parametrize("propagation", list(Propagation))
@pytest.mark.parametrize("penetration", [Penetration.OUTDOOR, Penetration.LOW_LOSS])
def test_on_level_ground_the_share_of_locations_is_that_of_the_link_budget(
    propagation: Propagation, penetration: Penetration
) -> None:
    """One omnidirectional cell: within 1e-6 of served_probability at every distance."""
    equipment = technology(propagation=propagation, frequency_mhz=1900.0)
    cells = sectors([1700.0, 2777.0], equipment, height_m=15.0, pattern=OMNI)
    got = predict(cells, GRID, radius_m=RADIUS_M)
    standard = ServiceStandard(
        id="s",
        name_zh="s",
        name_en="s",
        min_ss_rsrp_dbm=-85.0,
        area_probability=0.95,
        penetration=penetration,
        source="test",
        min_bandwidth_mhz=0.0,
    )
    xy = GRID.centres(np.tile(np.arange(30), 30), np.repeat(np.arange(30), 30))
    distance = np.hypot(*(xy - cells.xy[0]).T)
    near = distance <= RADIUS_M
    want = link_budget.served_probability(
        equipment, standard, distance[near], antenna_height_m=15.0
    )
    share = got.served_share(standard).ravel()
    assert np.abs(share[near] - want).max() < 1e-6
    assert not share[~near].any()


def test_threads_change_nothing() -> None:
    """One thread, two and five give the same bits, over hills and with houses."""
    cells = random_cells(GRID, 12, 7, equipment=(N41, N28))
    terrain = hills(GRID, 1, clutter=True)
    one = predict(cells, GRID, terrain=terrain, radius_m=RADIUS_M, threads=1)
    for threads in (2, 5):
        other = predict(cells, GRID, terrain=terrain, radius_m=RADIUS_M, threads=threads)
        assert same(one, other)


def test_the_order_of_sites_changes_nothing() -> None:
    """Cells given in another order: the same levels and the same powers to the last bit."""
    cells = random_cells(GRID, 8, 2)
    order = np.random.default_rng(0).permutation(len(cells))
    arrays = ("site", "xy", "height_m", "azimuth_deg", "tilt_deg", "technology", "pattern")
    mixed = replace(cells, **{name: getattr(cells, name)[order] for name in arrays})
    one, other = (predict(c, GRID, radius_m=RADIUS_M) for c in (cells, mixed))
    assert np.array_equal(one.state.level, other.state.level)
    assert np.array_equal(one.state.power, other.state.power)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), more_db=st.floats(0.0, 10.0))
def test_more_power_never_lowers_a_level(seed: int, more_db: float) -> None:
    """All cells louder by some dB: no pixel's level falls, none loses its servers."""
    quiet = random_cells(GRID, 4, seed)
    loud = replace(quiet, technologies=(technology(tx_power_dbm=53.0 + more_db),))
    before, after = (predict(c, GRID, radius_m=RADIUS_M, threads=1) for c in (quiet, loud))
    assert (after.state.level >= before.state.level).all()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_a_quarter_turn_of_everything_turns_the_raster(seed: int) -> None:
    """Sites and azimuths turned by 90 degrees about the middle: levels turn with them."""
    cells = random_cells(GRID, 3, seed)
    middle = np.array([GRID.west_m, GRID.south_m]) + 15 * GRID.cell_size_m
    east, north = (cells.xy - middle).T
    turned = replace(
        cells,
        xy=middle + np.column_stack([north, -east]),
        azimuth_deg=cells.azimuth_deg + 90.0,
    )
    before = predict(cells, GRID, radius_m=RADIUS_M, threads=1).ss_rsrp_dbm()
    after = predict(turned, GRID, radius_m=RADIUS_M, threads=1).ss_rsrp_dbm()
    # rows count northwards, so that a clockwise turn of the map is np.rot90 of the array
    assert np.allclose(np.rot90(before), after, atol=1e-3, equal_nan=True)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_a_neighbour_never_raises_the_sinr_of_what_it_does_not_serve(seed: int) -> None:
    """One more site: where the server stays, SINR does not rise; and SINR never exceeds SNR."""
    cells = random_cells(GRID, 5, seed)
    fewer = cells.with_values(cells.site == 4, active=False)
    before, after = (predict(c, GRID, radius_m=RADIUS_M, threads=1) for c in (fewer, cells))
    kept = (before.server() == after.server()) & (before.server() >= 0)
    assert (after.ss_sinr_db()[kept] <= before.ss_sinr_db()[kept]).all()
    alone = predict(
        cells.with_values(np.arange(len(cells)), load=0.0), GRID, radius_m=RADIUS_M, threads=1
    )
    assert np.nanmax(after.ss_sinr_db() - alone.ss_sinr_db()) <= 1e-5


def test_level_falls_with_distance_along_a_street() -> None:
    """An omnidirectional cell on level ground: the level never rises outwards."""
    cells = sectors([1025.0, 2025.0], N41, height_m=25.0)
    row = predict(cells, GRID, radius_m=1500.0).ss_rsrp_dbm()[0]
    assert (np.diff(row) <= 0.0).all()


@pytest.mark.parametrize("place", [(1725.0, 2725.0), (1700.0, 2700.0), (1001.0, 2001.0)])
def test_a_cell_is_heard_within_the_radius_and_nowhere_else(place: tuple[float, float]) -> None:
    """On a pixel's centre, on a corner and at the edge: heard where the distance allows."""
    got = predict(sectors(place, N41, height_m=25.0), GRID, radius_m=500.0)
    xy = GRID.centres(np.tile(np.arange(30), 30), np.repeat(np.arange(30), 30))
    near = np.hypot(*(xy - place).T) <= 500.0
    assert np.array_equal(got.server().ravel() >= 0, near)


def test_level_ground_as_a_raster_is_level_ground() -> None:
    """A raster of equal heights costs nothing where no formula asks for line of sight."""
    cells = random_cells(GRID, 5, 4, equipment=(N41, N28))
    plain = Terrain(grid=GRID, ground_m=np.full((30, 30), 12.0, dtype=np.float32), clutter_m=None)
    bare, on_terrain = (predict(cells, GRID, terrain=t, radius_m=RADIUS_M) for t in (None, plain))
    for carrier in (0, 1):
        difference = bare.ss_rsrp_dbm(carrier) - on_terrain.ss_rsrp_dbm(carrier)
        assert np.nanmax(np.abs(difference)) < 0.05


def test_what_the_surface_shows_decides_on_sight() -> None:
    """A house between: without line of sight; none: with it; nothing known: the mixture."""
    sides = GRID.rows, GRID.columns
    house = np.zeros(sides, dtype=np.float32)
    house[:, 14] = 40.0
    cells = sectors([1125.0, 2725.0], N41, height_m=25.0)
    known = Terrain(grid=GRID, ground_m=np.zeros(sides, dtype=np.float32), clutter_m=house)
    blank = replace(known, clutter_m=None)
    seen, unseen = (predict(cells, GRID, terrain=t, radius_m=RADIUS_M) for t in (known, blank))
    sight = seen.state.server[0, 14, :, 0] & 3
    assert (sight[3:14] == FREE).all()
    assert (sight[16:20] == BLOCKED).all()
    assert (unseen.state.server[0, 14, 3:20, 0] & 3 == UNKNOWN).all()


def test_overall_is_the_strongest_carrier_and_the_best_rate() -> None:
    """Two carriers: the level is the greater of both, the rate likewise."""
    cells = random_cells(GRID, 4, 9, equipment=(N41, N28))
    got = predict(cells, GRID, radius_m=RADIUS_M)
    assert got.frequencies_mhz == (773.0, 2600.0)
    both = np.array([got.ss_rsrp_dbm(carrier) for carrier in (0, 1)])
    assert np.array_equal(got.ss_rsrp_dbm(), both.max(axis=0), equal_nan=True)
    rates = np.array([got.downlink_mbps(carrier) for carrier in (0, 1)])
    assert np.array_equal(got.downlink_mbps(), rates.max(axis=0), equal_nan=True)


def test_cells_outside_are_named_or_counted() -> None:
    """A site beyond the raster is refused by name; on request it is left out and counted."""
    cells = sectors([[1500.0, 2500.0], [9000.0, 2500.0]], N41, height_m=25.0, pattern=MACRO)
    with pytest.raises(InputError, match="outside the raster for site 1"):
        predict(cells, GRID)
    got = predict(cells, GRID, off_grid=Outside.LEAVE_OUT)
    assert got.left_out == 1
    assert got.server().max() == 0


def test_every_fault_of_a_question_is_named_at_once() -> None:
    """Radius, terrain, assumptions, position, azimuth, height and carrier in one error."""
    cells = random_cells(GRID, 3, 0, equipment=(technology(bandwidth_mhz=7.0),))
    cells = cells.with_values([0], xy=[[np.nan, 0.0]], azimuth_deg=np.inf)
    cells = cells.with_values([1], height_m=300.0, pattern=4, load=2.0)
    terrain = hills(raster(20), 0, clutter=False)
    with pytest.raises(InputError) as raised:
        predict(cells, GRID, terrain=terrain, radius_m=-5.0)
    told = " ".join(str(problem) for problem in raised.value.problems)
    for word in (
        "cells.xy",
        "cells.azimuth_deg",
        "antenna_height_m",
        "cells.pattern",
        "cells.load",
        "bandwidth_mhz",
        "radius_m",
        "terrain",
    ):
        assert word in told


def test_a_network_without_cells_is_refused() -> None:
    """No cell is no question."""
    with pytest.raises(InputError, match="at least one cell"):
        predict(sectors(np.empty((0, 2)), N41, height_m=25.0), GRID)


def test_a_raster_without_pixels_is_refused() -> None:
    """A raster of no rows is named beside what else is wrong."""
    with pytest.raises(InputError, match="grid: has no pixel"):
        predict(random_cells(GRID, 1, 0), replace(GRID, rows=0))


def test_a_carrier_that_is_not_there_is_refused() -> None:
    """An index beyond the carriers names the ones there are."""
    got = predict(random_cells(GRID, 1, 0), GRID, radius_m=RADIUS_M)
    with pytest.raises(InputError, match="carriers are 0 to 0"):
        got.ss_rsrp_dbm(3)


def test_a_prediction_is_watched_and_stopped() -> None:
    """Seventy masts in two batches: the share done rises to 1; a stop leaves no half network."""
    cells = random_cells(GRID, 70, 0)
    told = []
    predict(cells, GRID, radius_m=200.0, progress=told.append)
    assert [report.phase for report in told] == ["prediction"] * 2
    assert [report.fraction for report in told] == [pytest.approx(64 / 70), 1.0]
    with pytest.raises(CancelledError, match="stopped"):
        predict(cells, GRID, radius_m=200.0, stop=lambda: True)
