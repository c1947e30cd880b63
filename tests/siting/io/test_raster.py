"""Terrain from files: any CRS and unit onto the grid, every fault named, results that GIS opens."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.windows import Window

from siting.errors import FileError, InputError
from siting.geo import project, unproject
from siting.grid import Grid
from siting.io.geotiff import Band, write_geotiff
from siting.io.raster import VerticalUnit, add_clutter, read_terrain
from siting.provenance import Provenance

CRS = "EPSG:4547"
GRID = Grid(crs=CRS, west_m=580_000.0, south_m=3_360_000.0, cell_size_m=50.0, columns=80, rows=60)


def plane(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a sloping plane: 1 m up per 100 m east, per 200 m north [m]."""
    return 20.0 + (xy[:, 0] - 580_000.0) / 100.0 + (xy[:, 1] - 3_360_000.0) / 200.0


def on_grid() -> npt.NDArray[np.float64]:
    """Return the plane at the centres of the grid, row 0 in the south."""
    col, row = np.meshgrid(np.arange(GRID.columns), np.arange(GRID.rows))
    return plane(GRID.centres(col.ravel(), row.ravel())).reshape(GRID.rows, GRID.columns)


def dem(path: Path, *, crs: str | None = CRS, pixel: float = 30.0, **change: Any) -> Path:
    """Write the plane round the grid as a GeoTIFF; `change` alters what is written."""
    margin = 300.0
    west, north = GRID.west_m - margin, GRID.south_m + 60 * 50.0 + margin
    if crs == "EPSG:4326":
        (west,), (north,) = (list(part) for part in unproject([[west, north]], CRS))
        pixel /= 96_000.0
    columns, rows = (
        (int(4600 / 30), int(3600 / 30)) if crs == CRS else (int(4700 / 29), int(3700 / 29))
    )
    x = west + (np.arange(columns) + 0.5) * pixel
    y = north - (np.arange(rows) + 0.5) * pixel
    xx, yy = np.meshgrid(x, y)
    xy = np.column_stack([xx.ravel(), yy.ravel()])
    heights = plane(project(xy[:, 0], xy[:, 1], CRS) if crs == "EPSG:4326" else xy)
    values = change.pop("values", lambda given: given)(heights.reshape(rows, columns))
    unit = change.pop("unit", None)
    scale = change.pop("scale", None)
    profile = {
        "driver": "GTiff",
        "width": columns,
        "height": rows,
        "count": 1,
        "dtype": "float32",
        "crs": crs,
        "transform": Affine(pixel, 0.0, west, 0.0, -pixel, north),
        **change,
    }
    with rasterio.open(path, "w", **profile) as file:
        for band in range(1, profile["count"] + 1):
            file.write(values.astype(profile["dtype"]), band)
        if unit is not None:
            file.set_band_unit(1, unit)
        if scale is not None:
            file.scales, file.offsets = [scale[0]], [scale[1]]
    return path


def faults(path: Path, **arguments: Any) -> str:
    """Return the text of the one error that reading raises."""
    with pytest.raises(InputError) as error:
        read_terrain(path, grid=GRID, **arguments)
    return str(error.value)


def test_projected_heights_land_on_their_cells(tmp_path: Path) -> None:
    """A sloping plane comes back within 5 cm, row 0 in the south."""
    read = read_terrain(dem(tmp_path / "a.tif"), grid=GRID)
    assert np.abs(read.terrain.ground_m - on_grid()).max() < 0.05
    assert read.ground[0].resolution_m == pytest.approx((30.0, 30.0))
    assert (read.voids, read.ground[0].unit_assumed) == (0, True)
    assert read.ground[0].provenance is Provenance.REAL
    assert read.clutter == ()
    assert read.terrain.clutter_m is None


def test_degrees_land_on_their_cells(tmp_path: Path) -> None:
    """A file in degrees gives the same plane within a tenth of a metre of height."""
    read = read_terrain(dem(tmp_path / "a.tif", crs="EPSG:4326"), grid=GRID)
    assert np.abs(read.terrain.ground_m - on_grid()).max() < 0.1
    assert read.ground[0].crs == "EPSG:4326"
    assert read.ground[0].resolution_m == pytest.approx((30.0, 34.6), rel=0.05)


def test_tiles_join_without_a_seam(tmp_path: Path) -> None:
    """Two tiles of one degree raster, cut in the middle of the area, give what the whole gives."""
    whole = dem(tmp_path / "whole.tif", crs="EPSG:4326")
    tiles = []
    with rasterio.open(whole) as file:
        half = file.width // 2
        for name, first, width in (("w", 0, half), ("e", half, file.width - half)):
            window = Window(first, 0, width, file.height)
            profile = file.profile | {"width": width, "transform": file.window_transform(window)}
            tiles.append(tmp_path / f"{name}.tif")
            with rasterio.open(tiles[-1], "w", **profile) as tile:
                tile.write(file.read(1, window=window), 1)
    read = read_terrain(tiles, grid=GRID)
    assert read.voids == 0
    assert [file.name for file in read.ground] == ["w.tif", "e.tif"]
    assert np.abs(read.terrain.ground_m - on_grid()).max() < 0.3
    text = faults(tiles[0])
    assert "of the area is covered: w.tif has" in text
    with pytest.raises(InputError, match="ground: there is no file"):
        read_terrain([], grid=GRID)


def test_an_ascii_grid_takes_its_crs_from_the_file_beside(tmp_path: Path) -> None:
    """Esri ASCII with a .prj reads like the GeoTIFF it was made from; without one it is refused."""
    with rasterio.open(dem(tmp_path / "a.tif")) as file:
        heights, corner = file.read(1), file.transform
    head = f"ncols {heights.shape[1]}\nnrows {heights.shape[0]}\nxllcorner {corner.c}\n"
    head += f"yllcorner {corner.f - 30.0 * len(heights)}\ncellsize 30\nNODATA_value -9999\n"
    rows = "\n".join(" ".join(f"{value:.2f}" for value in row) for row in heights)
    (tmp_path / "b.asc").write_text(head + rows + "\n")
    assert "crs='EPSG:4326'" in faults(tmp_path / "b.asc")
    (tmp_path / "b.prj").write_text(rasterio.crs.CRS.from_epsg(4547).to_wkt())
    read = read_terrain(tmp_path / "b.asc", grid=GRID)
    assert np.abs(read.terrain.ground_m - on_grid()).max() < 0.06
    assert read.ground[0].driver == "AAIGrid"


def test_a_mask_and_a_strange_tag_do_no_harm(tmp_path: Path) -> None:
    """Pixels that a mask hides are voids; a label of origin that is none of ours is ignored."""
    path = dem(tmp_path / "a.tif")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        mask = np.full(file.shape, 255, dtype=np.uint8)
        mask[40:46, 60:66] = 0
        file.write_mask(mask)
        file.update_tags(PROVENANCE="from a colleague")
    read = read_terrain(path, grid=GRID)
    assert 4 <= read.voids <= 25
    assert read.provenance is Provenance.REAL


def test_a_single_height_lies_where_it_should(tmp_path: Path) -> None:
    """One high pixel raises the cell above it and no other."""

    def peak(given: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        flat = np.zeros_like(given)
        flat[20, 30] = 300.0
        return flat

    read = read_terrain(dem(tmp_path / "a.tif", pixel=50.0, values=peak), grid=GRID)
    # 30 pixels east of the west edge, 20 south of the north edge; the file begins 300 m outside.
    assert np.argwhere(read.terrain.ground_m > 1.0).tolist() == [[60 - 1 - (20 - 6), 30 - 6]]


@pytest.mark.parametrize(
    ("unit", "metres"), [("ft", 0.3048), ("US survey foot", 1200 / 3937), ("metre", 1.0)]
)
def test_the_files_unit_counts(tmp_path: Path, unit: str, metres: float) -> None:
    """Heights in feet become metres."""
    path = dem(tmp_path / "a.tif", unit=unit, values=lambda given: given / metres)
    read = read_terrain(path, grid=GRID)
    assert np.abs(read.terrain.ground_m - on_grid()).max() < 0.05
    assert not read.ground[0].unit_assumed


def test_the_unit_of_a_vertical_crs_counts(tmp_path: Path) -> None:
    """Heights over NAVD88 in US survey feet become metres without a word from the caller."""
    path = dem(tmp_path / "a.tif", crs=CRS, values=lambda given: given / (1200 / 3937))
    with rasterio.open(path, "r+") as file:
        file.crs = rasterio.crs.CRS.from_user_input(f"{CRS}+6360")
    read = read_terrain(path, grid=GRID)
    assert np.abs(read.terrain.ground_m - on_grid()).max() < 0.05
    assert read.ground[0].vertical_unit is VerticalUnit.US_SURVEY_FOOT


def test_the_callers_unit_counts_more(tmp_path: Path) -> None:
    """A declared unit beats what the file says."""
    path = dem(tmp_path / "a.tif", unit="m", values=lambda given: given / 0.3048)
    read = read_terrain(path, grid=GRID, vertical_unit=VerticalUnit.FOOT)
    assert np.abs(read.terrain.ground_m - on_grid()).max() < 0.05
    assert read.ground[0].vertical_unit is VerticalUnit.FOOT


def test_scale_and_offset_count(tmp_path: Path) -> None:
    """Heights packed as whole decimetres over 100 m are unpacked."""
    path = dem(
        tmp_path / "a.tif",
        dtype="int16",
        scale=(0.1, 100.0),
        values=lambda given: np.rint((given - 100.0) * 10.0),
    )
    assert np.abs(read_terrain(path, grid=GRID).terrain.ground_m - on_grid()).max() < 0.1


@pytest.mark.parametrize("void", [-32768.0, np.nan])
def test_few_voids_are_filled_and_counted(tmp_path: Path, void: float) -> None:
    """A small hole is filled from its edges, counted, and the rest stays as it was."""

    def hole(given: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        given[40:46, 60:66] = void
        return given

    path = dem(tmp_path / "a.tif", values=hole, nodata=None if np.isnan(void) else void)
    read = read_terrain(path, grid=GRID)
    assert 4 <= read.voids <= 25
    assert 50.0 <= read.farthest_fill_m <= 150.0
    assert np.abs(read.terrain.ground_m - on_grid()).max() < 3.0


def test_many_voids_are_refused_or_allowed(tmp_path: Path) -> None:
    """More voids than permitted are refused with their share; the caller may permit them."""

    def hole(given: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        given[30:90, 30:90] = -9999.0
        return given

    path = dem(tmp_path / "a.tif", values=hole, nodata=-9999.0)
    text = faults(path)
    assert "ground, voids" in text
    assert "most_voids" in text
    read = read_terrain(path, grid=GRID, most_voids=0.5)
    assert np.isfinite(read.terrain.ground_m).all()
    assert read.voids > 900


def test_nothing_but_voids_is_refused(tmp_path: Path) -> None:
    """A file without one height is refused even when every void may be filled."""
    path = dem(tmp_path / "a.tif", nodata=0.0, values=np.zeros_like)
    assert "(100.00%) have no height" in faults(path, most_voids=1.0)


def test_undeclared_voids_are_told(tmp_path: Path) -> None:
    """-32768 without a label is no height of the Earth; once declared it is a void."""

    def hole(given: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        given[40:42, 60:62] = -32768
        return given

    path = dem(tmp_path / "a.tif", dtype="int16", values=hole)
    assert "nodata when a value stands for none" in faults(path)
    assert read_terrain(path, grid=GRID, nodata=-32768).voids > 0


def test_a_file_without_crs_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """No CRS: the error says how to give it, and giving it helps."""
    path = dem(tmp_path / "a.tif", pixel=30.0)
    with rasterio.open(path, "r+") as file:
        file.crs = rasterio.crs.CRS()
    assert "crs='EPSG:4326'" in faults(path)
    assert read_terrain(path, grid=GRID, crs=CRS).ground[0].crs == CRS
    assert "crs: 'EPSG:1' is unknown" in faults(path, crs="EPSG:1")


def test_an_uncovered_area_is_refused_with_both_extents(tmp_path: Path) -> None:
    """Half the area covered: the error gives the share and both extents."""
    path = dem(tmp_path / "a.tif", transform=Affine(30, 0, 578_000, 0, -30, 3_363_300))
    text = faults(path)
    assert "% of the area is covered: a.tif has" in text
    assert "east 578,000 to 582,590" in text
    assert "east 580,000 to 584,000, north 3,360,000 to 3,363,000 m in EPSG:4547" in text


def test_every_fault_of_both_files_is_in_one_error(tmp_path: Path) -> None:
    """Bands, unit and extent of one file and the CRS of the other are told at once."""
    ground = dem(
        tmp_path / "a.tif", count=3, unit="fathom", transform=Affine(30, 0, 0, 0, -30, 100)
    )
    clutter = dem(tmp_path / "b.tif")
    with rasterio.open(clutter, "r+") as file:
        file.crs = rasterio.crs.CRS()
    text = faults(ground, clutter=clutter)
    for part in ("ground, bands", "'fathom'", "clutter, crs"):
        assert part in text


def test_clutter_keeps_its_heights(tmp_path: Path) -> None:
    """A roof is as high on the grid as in the file, and void clutter means nothing stands there."""

    def roofs(given: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        built = np.zeros_like(given)
        built[40:60, 40:60] = 21.0
        built[60:70, 40:60] = -1.0
        return built

    clutter = dem(tmp_path / "b.tif", values=roofs, nodata=-1.0)
    read = read_terrain(dem(tmp_path / "a.tif"), grid=GRID, clutter=clutter)
    assert read.terrain.clutter_m is not None
    assert np.unique(read.terrain.clutter_m).tolist() == [0.0, 21.0]
    assert read.clutter_voids > 0


def test_what_is_no_raster_is_refused(tmp_path: Path) -> None:
    """A missing file, a strange suffix and a recipe in disguise raise a plain error."""
    with pytest.raises(FileError, match="no such file"):
        read_terrain(tmp_path / "none.tif", grid=GRID)
    other = tmp_path / "a.vrt"
    other.write_text("<VRTDataset/>")
    with pytest.raises(FileError, match="unknown format"):
        read_terrain(other, grid=GRID)
    other.rename(tmp_path / "a.tif")
    with pytest.raises(FileError, match="cannot be read"):
        read_terrain(tmp_path / "a.tif", grid=GRID)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """Half a file is an error, not half a terrain."""
    path = dem(tmp_path / "a.tif", compress="deflate", tiled=True, blockxsize=16, blockysize=16)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FileError, match=r"a\.tif: cannot be read"):
        read_terrain(path, grid=GRID)


def test_a_grid_that_is_none_is_refused(tmp_path: Path) -> None:
    """Degrees and a thousand million cells are refused before a file is opened."""
    grid = Grid(crs="EPSG:4326", west_m=0, south_m=0, cell_size_m=1.0, columns=40_000, rows=40_000)
    with pytest.raises(InputError, match=r"degrees.*1,600,000,000|40,000 x 40,000"):
        read_terrain(tmp_path / "none.tif", grid=grid, most_voids=2.0)


@pytest.mark.slow
def test_a_huge_file_is_read_in_little_memory(tmp_path: Path) -> None:
    """Of 20,000 x 20,000 pixels (1.6 GB) only the part under the grid is in memory."""
    path = tmp_path / "huge.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=20_000,
        height=20_000,
        count=1,
        dtype="float32",
        crs=CRS,
        transform=Affine(5.0, 0, 530_000.0, 0, -5.0, 3_410_000.0),
        tiled=True,
        compress="deflate",
        sparse_ok=True,
    ) as file:
        file.write(
            np.full((1000, 1000), 20.0, np.float32), 1, window=Window(9_900, 9_300, 1000, 1000)
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grid = Grid(
        crs=CRS, west_m=531_000.0, south_m=3_311_000.0, cell_size_m=100.0, columns=980, rows=980
    )
    read = read_terrain(path, grid=grid)
    assert read.terrain.ground_m.max() == 20.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000  # [KiB]


def gdalinfo(path: Path) -> dict[str, Any]:
    """Return what GDAL's own command says about a file, or skip."""
    command = shutil.which("gdalinfo")
    if command is None:
        pytest.skip("gdalinfo is not installed")
    run = subprocess.run([command, "-json", str(path)], capture_output=True, check=True)
    return json.loads(run.stdout)


def test_gdal_reads_what_was_written(tmp_path: Path) -> None:
    """GDAL's command finds layout, CRS, corner, unit, name, overviews and the label of origin."""
    grid = Grid(crs=CRS, west_m=5e5, south_m=3.3e6, cell_size_m=20.0, columns=700, rows=900)
    level = np.full((900, 700), -90.0)
    write_geotiff(
        tmp_path / "a.tif",
        grid,
        [Band(name="SS-RSRP", unit="dBm", values=level), Band(name="n", unit="", values=level)],
        title="Ezhou",
        provenance=Provenance.SYNTHETIC,
        notes={"ASSUMPTIONS": "200 W"},
    )
    info = gdalinfo(tmp_path / "a.tif")
    assert info["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"] == "COG"
    assert info["metadata"][""]["PROVENANCE"] == "synthetic"
    assert info["metadata"][""]["ASSUMPTIONS"] == "200 W"
    assert info["geoTransform"] == [5e5, 20.0, 0.0, 3.3e6 + 900 * 20.0, 0.0, -20.0]
    assert "CGCS2000 / 3-degree Gauss-Kruger CM 114E" in info["coordinateSystem"]["wkt"]
    first, second = info["bands"]
    assert (first["description"], first["unit"], second["description"]) == ("SS-RSRP", "dBm", "n")
    assert first["noDataValue"] == "NaN"
    assert [item["size"] for item in first["overviews"]] == [[350, 450]]
    assert first["block"] == [512, 512]


def test_a_cog_has_its_directories_before_its_pixels(tmp_path: Path) -> None:
    """All directories precede all tiles, and tiles of overviews precede the full ones."""
    grid = Grid(crs=CRS, west_m=5e5, south_m=3.3e6, cell_size_m=20.0, columns=1500, rows=1500)
    noise = np.random.default_rng(1).normal(size=(1500, 1500))
    band = Band(name="a", unit="", values=noise)
    write_geotiff(tmp_path / "a.tif", grid, [band], title="t", provenance=Provenance.SYNTHETIC)
    offsets = []
    for level in (None, 0, 1):
        options = {} if level is None else {"overview_level": level}
        with rasterio.open(tmp_path / "a.tif", **options) as file:
            directory = int(file.get_tag_item("IFD_OFFSET", "TIFF", bidx=1))
            tile = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
            offsets.append((directory, tile))
    directories, tiles = zip(*offsets, strict=True)
    assert max(directories) < min(tiles)
    assert list(directories) == sorted(directories)
    assert list(tiles) == sorted(tiles, reverse=True)


@settings(deadline=None, max_examples=15)
@given(rows=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 99))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: int, columns: int, seed: int
) -> None:
    """Heights come back bit for bit in their cells, and the label of origin with them."""
    path = tmp_path_factory.mktemp("raster") / "a.tif"
    grid = Grid(crs=CRS, west_m=5e5, south_m=3.3e6, cell_size_m=20.0, columns=columns, rows=rows)
    heights = np.random.default_rng(seed).uniform(10, 400, (rows, columns)).astype(np.float32)
    band = Band(name="ground", unit="m", values=heights)
    write_geotiff(path, grid, [band], title="relief", provenance=Provenance.SYNTHETIC)
    read = read_terrain(path, grid=grid)
    assert np.array_equal(read.terrain.ground_m, heights)
    assert read.provenance is Provenance.SYNTHETIC
    assert not read.ground[0].unit_assumed


def test_classes_are_not_averaged(tmp_path: Path) -> None:
    """The smaller copies of a raster of classes hold its classes alone."""
    grid = Grid(crs=CRS, west_m=5e5, south_m=3.3e6, cell_size_m=20.0, columns=800, rows=800)
    classes = np.random.default_rng(1).choice([1.0, 9.0], (800, 800))
    band = Band(name="best server", unit="", values=classes)
    path = tmp_path / "a.tif"
    write_geotiff(path, grid, [band], title="t", provenance=Provenance.REAL, classes=True)
    with rasterio.open(path, overview_level=0) as file:
        assert np.unique(file.read(1)).tolist() == [1.0, 9.0]


def test_a_level_of_nothing_is_no_value(tmp_path: Path) -> None:
    """-inf dBm, which nobody hears, and NaN are both written as "no value"."""
    level = np.full((60, 80), -90.0)
    level[3, 4], level[5, 6] = -np.inf, np.nan
    path = tmp_path / "a.tif"
    band = Band(name="a", unit="dBm", values=level)
    write_geotiff(path, GRID, [band], title="t", provenance=Provenance.REAL)
    with rasterio.open(path) as file:
        stored = file.read(1, masked=True)
    assert np.argwhere(stored.mask[::-1]).tolist() == [[3, 4], [5, 6]]


def test_bands_that_do_not_fit_are_all_named(tmp_path: Path) -> None:
    """A wrong shape names its band; no band at all and a missing folder are told too."""
    bands = [Band(name="a", unit="", values=np.zeros((2, 2)))] * 2
    with pytest.raises(InputError, match=r"bands\[0\].*bands\[1\]"):
        write_geotiff(tmp_path / "a.tif", GRID, bands, title="", provenance=Provenance.REAL)
    with pytest.raises(InputError, match="there is none"):
        write_geotiff(tmp_path / "a.tif", GRID, [], title="", provenance=Provenance.REAL)
    band = Band(name="a", unit="", values=np.zeros((60, 80)))
    with pytest.raises(FileError, match="cannot be written"):
        write_geotiff(
            tmp_path / "none" / "a.tif", GRID, [band], title="", provenance=Provenance.REAL
        )


def test_clutter_is_laid_over_known_ground(tmp_path: Path) -> None:
    """The ground stays, roofs take the nearest pixel, and without a file it is refused."""
    ground = read_terrain(dem(tmp_path / "ground.tif"), grid=GRID).terrain
    roofs = dem(tmp_path / "roofs.tif", values=lambda given: np.abs(given) * 0 + 9.0)
    laid = add_clutter(ground, roofs)
    assert laid.terrain.ground_m.tobytes() == ground.ground_m.tobytes()
    assert laid.terrain.clutter_m is not None
    assert set(np.unique(laid.terrain.clutter_m)) == {np.float32(9.0)}
    assert (laid.ground, laid.clutter_voids, len(laid.clutter)) == ((), 0, 1)
    with pytest.raises(InputError, match="there is no file"):
        add_clutter(ground, [])
