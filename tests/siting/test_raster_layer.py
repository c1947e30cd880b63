"""Radio rasters on the map: in the right place, in the right class, with what they rest on."""

from __future__ import annotations

import base64
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from siting import map_style
from siting.errors import InputError
from siting.geo import project
from siting.grid import Grid
from siting.maps import SS_RSRP, SS_SINR, RasterLayer, level_layer, server_layer
from siting.maps.raster_layer import MAX_PIXELS
from siting.messages import MESSAGES
from siting.provenance import Provenance

#: A part of Ezhou; its grid is turned against Web Mercator's by half a degree.
GRID = Grid(
    crs="EPSG:4547",
    west_m=588_000.0,
    south_m=3_360_000.0,
    cell_size_m=50.0,
    columns=120,
    rows=90,
)
SYNTHETIC = Provenance.SYNTHETIC


def pixels(layer: RasterLayer) -> npt.NDArray[np.uint8]:
    """Return the palette indices of a layer's image, north row first."""
    with (
        MemoryFile(base64.b64decode(layer.image.partition(",")[2])) as memory,
        memory.open() as png,
    ):
        return png.read(1)


def cells_under(layer: RasterLayer, shape: tuple[int, ...], grid: Grid) -> npt.NDArray[np.float64]:
    """Return column and row, with fraction, of every pixel centre by Mercator's own formulas."""
    south, west, north, east = layer.bounds
    top, bottom = (np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)) for lat in (north, south))
    y = top + (np.arange(shape[0]) + 0.5) / shape[0] * (bottom - top)
    lat = np.degrees(2 * np.arctan(np.exp(y)) - np.pi / 2)
    lon = west + (np.arange(shape[1]) + 0.5) / shape[1] * (east - west)
    lon, lat = np.meshgrid(lon, lat)
    xy = project(lon.ravel(), lat.ravel(), grid.crs)
    return (xy - [grid.west_m, grid.south_m]) / grid.cell_size_m


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_every_pixel_shows_the_cell_it_lies_in() -> None:
    """Each pixel has the class of the cell under its centre, but for an eighth along its edge."""
    level = np.random.default_rng(1).uniform(-125, -75, (GRID.rows, GRID.columns))
    level[10:20, 30:50] = np.nan
    layer = level_layer(GRID, level, SS_RSRP, provenance=SYNTHETIC)
    shown = pixels(layer)
    at = cells_under(layer, shown.shape, GRID)
    whole = np.floor(at).astype(int)
    sure = (np.abs(at - np.round(at)) > 0.15).all(axis=1)
    inside = ((whole >= 0) & (whole < [GRID.columns, GRID.rows])).all(axis=1)
    expected = np.where(np.isfinite(level), np.digitize(level, SS_RSRP.edges) + 1, 0)
    col, row = whole[inside & sure].T
    assert np.array_equal(shown.ravel()[inside & sure], expected[row, col])
    assert not shown.ravel()[~inside & sure].any()
    assert (inside & sure).sum() > 5_000


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_large_raster_is_shown_coarser_in_the_same_place() -> None:
    """More cells than an image may have: fewer pixels, the same corners and classes."""
    grid = Grid(
        crs="EPSG:4547", west_m=5.5e5, south_m=3.33e6, cell_size_m=10.0, columns=3000, rows=3000
    )
    level = np.full((3000, 3000), -120.0)
    level[1500:, 1500:] = -80.0
    layer = level_layer(grid, level, SS_RSRP, provenance=SYNTHETIC)
    shown = pixels(layer)
    assert shown.size < 1.01 * MAX_PIXELS
    at = cells_under(layer, shown.shape, grid)
    high = (at > 1502).all(axis=1) & (at < 2998).all(axis=1)
    assert set(shown.ravel()[high].tolist()) == {5}


@pytest.mark.parametrize("scale", [SS_RSRP, SS_SINR])
def test_classes_have_words_colours_and_exact_shares(scale: object) -> None:
    """A level on an edge belongs to the better class; shares sum to one; texts hold the unit."""
    assert isinstance(scale, type(SS_RSRP))
    grid = Grid(
        crs="EPSG:4547", west_m=5e5, south_m=3.3e6, cell_size_m=50.0,
        columns=len(scale.edges) + 2, rows=1,
    )  # fmt: skip
    level = np.array([[scale.edges[0] - 0.01, *scale.edges, np.nan]])
    layer = level_layer(grid, level, scale, provenance=Provenance.REAL)
    assert [entry.share for entry in layer.entries] == pytest.approx(
        [1 / len(scale.classes)] * len(scale.classes)
    )
    assert all(scale.unit in text for entry in layer.entries for text in entry.label)
    assert all(f"raster.class.{name}" in MESSAGES for name in scale.classes)
    best = f"{scale.edges[-1]:g}".replace("-", "\N{MINUS SIGN}")
    assert f"≥ {best} {scale.unit}" in layer.entries[0].label[1]


@pytest.mark.parametrize("count", [5, 6])
def test_classes_are_told_apart_without_colour(count: int) -> None:
    """Each class is lighter than the one before, by at least a twelfth of the way to white."""

    def lightness(colour: str) -> float:
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        ]
        luminance = float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
        return 116 * luminance ** (1 / 3) - 16

    steps = [lightness(colour) for colour in map_style.CLASS_COLOURS[count]]
    assert min(after - before for before, after in pairwise(steps)) > 8.0


@pytest.mark.parametrize("provenance", list(Provenance))
def test_what_is_not_real_says_so(provenance: Provenance) -> None:
    """Made-up, approximate and missing input is named below the legend; assumptions always are."""
    level = np.full((GRID.rows, GRID.columns), -90.0)
    notes = [note[0] for note in level_layer(GRID, level, SS_RSRP, provenance=provenance).notes]
    assert MESSAGES["raster.assumed"][0] in notes
    told = MESSAGES.get(f"raster.{provenance.value}", ("-",))[0] in notes
    assert told == (provenance not in {Provenance.REAL, Provenance.DERIVED})


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 999), servers=st.integers(1, 60))
def test_neighbouring_servers_differ_in_colour(seed: int, servers: int) -> None:
    """In a random Voronoi map no two cells side by side with other servers share a colour."""
    rng = np.random.default_rng(seed)
    grid = Grid(crs="EPSG:4547", west_m=5e5, south_m=3.3e6, cell_size_m=50.0, columns=50, rows=50)
    places = rng.uniform(0, 50, (servers, 2))
    col, row = np.meshgrid(np.arange(50), np.arange(50))
    distance = np.hypot(col[..., None] - places[:, 0], row[..., None] - places[:, 1])
    server = distance.argmin(axis=-1)
    layer = server_layer(grid, server * 7, provenance=SYNTHETIC)
    shown = pixels(layer)
    at = np.floor(cells_under(layer, shown.shape, grid)).astype(int)
    inside = ((at >= 0) & (at < 50)).all(axis=1)
    colour = np.full((50, 50), -1)
    colour[at[inside, 1], at[inside, 0]] = shown.ravel()[inside]
    for one, other, a, b in (
        (server[1:], server[:-1], colour[1:], colour[:-1]),
        (server[:, 1:], server[:, :-1], colour[:, 1:], colour[:, :-1]),
    ):
        border = (one != other) & (a > 0) & (b > 0)
        assert (a[border] != b[border]).mean() > 0.98 if border.any() else True
    assert f"{len(np.unique(server))} " in layer.notes[0][0]


def test_nobody_heard_is_an_empty_image() -> None:
    """No server and no level: a clear image and shares left out, no error."""
    nothing = np.full((GRID.rows, GRID.columns), np.nan)
    layer = level_layer(GRID, nothing, SS_SINR, provenance=SYNTHETIC)
    assert {entry.share for entry in layer.entries} == {None}
    assert server_layer(GRID, nothing, provenance=SYNTHETIC).image.startswith("data:image/png")


def test_a_raster_of_another_grid_is_refused() -> None:
    """The shape is named."""
    with pytest.raises(InputError, match=r"values: has shape \(2, 2\), the grid has \(90, 120\)"):
        level_layer(GRID, np.zeros((2, 2)), SS_RSRP, provenance=SYNTHETIC)
