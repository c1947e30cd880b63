"""Radio rasters as map layers: classes with edges a planner knows, an image, a legend."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import calculate_default_transform, reproject, transform

from siting import map_style
from siting.contours import north_up
from siting.errors import InputError, Problem, raise_if
from siting.geo import WGS84
from siting.grid import Grid
from siting.maps.payload import Pair, said
from siting.maps.png import Colour, palette_png, rgba
from siting.provenance import Provenance
from siting.text import count_text

#: Most pixels of an image; a finer raster is shown by every second, third... cell.
MAX_PIXELS = 6_000_000
_WEB_MERCATOR = CRS.from_epsg(3857)
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScale:
    """Classes of a level, from the worst to the best.

    Parameters
    ----------
    id
        Name of the quantity; its text is ``raster.{id}``.
    unit
        Unit of the edges.
    edges
        Lower edges of all classes but the first, ascending.
    classes
        Name of each class, one more than edges; its text is ``raster.class.{name}``.
    """

    id: str
    unit: str
    edges: tuple[float, ...]
    classes: tuple[str, ...]


#: Field bands of the level; -105 dBm is the usual threshold of coverage, -95 dBm of good coverage.
SS_RSRP = ClassScale(
    id="ss_rsrp",
    unit="dBm",
    edges=(-115.0, -105.0, -95.0, -85.0),
    classes=("very_poor", "poor", "mid", "good", "excellent"),
)
#: Field bands of the ratio, with the usual threshold of coverage, -3 dB, below them.
SS_SINR = ClassScale(
    id="ss_sinr",
    unit="dB",
    edges=(-3.0, 3.0, 11.0, 16.0, 25.0),
    classes=("not_covered", "very_poor", "poor", "mid", "good", "excellent"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    """One colour of a layer, what it means and, where it can be said, the share of the area."""

    colour: str
    label: Pair
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterLayer:
    """A raster as the map shows it.

    Parameters
    ----------
    id
        Unique among the layers of a map.
    name
        Title, both languages.
    image, bounds
        PNG in Web Mercator as a data URI, and its south, west, north, east [deg].
    entries
        Legend, best class first.
    notes
        What the figures rest on; shown below the legend.
    """

    id: str
    name: Pair
    image: str
    bounds: tuple[float, float, float, float]
    entries: tuple[LegendEntry, ...]
    notes: tuple[Pair, ...]


def level_layer(
    grid: Grid,
    values: npt.ArrayLike,
    scale: ClassScale,
    *,
    provenance: Provenance,
    where: Pair | None = None,
) -> RasterLayer:
    """Show a level in its classes.

    Parameters
    ----------
    grid
        The cells.
    values
        Level in the scale's unit, (rows, columns), row 0 in the south; NaN is left transparent.
    scale
        :data:`SS_RSRP`, :data:`SS_SINR` or one of your own.
    provenance
        The worst of what the raster was computed from.
    where
        Added to the title in both languages, e.g. ``["室内", "indoors"]``, and in English to the
        layer's id.

    Raises
    ------
    InputError
        For a raster that does not fit the grid.
    """
    index = level_index(grid, values, scale)
    counts = np.bincount(index[index > 0], minlength=len(scale.classes) + 1)[1:]
    colours = map_style.CLASS_COLOURS[len(scale.classes)]
    entries = [
        LegendEntry(
            colour=colour,
            label=class_label(scale, number),
            share=float(count / counts.sum()) if counts.any() else None,
        )
        for number, (colour, count) in enumerate(zip(colours, counts, strict=True))
    ]
    image, bounds = _image(grid, index, colours)
    title = said(f"raster.{scale.id}")
    return RasterLayer(
        id=scale.id
        if where is None
        else f"{scale.id}-{re.sub(r'[^a-z0-9]+', '-', where[1].lower())}",
        name=title if where is None else [f"{a} ({b})" for a, b in zip(title, where, strict=True)],
        image=image,
        bounds=bounds,
        entries=tuple(reversed(entries)),
        notes=(said("raster.shares"), said("raster.assumed"), *_origin(provenance)),
    )


def server_layer(grid: Grid, server: npt.ArrayLike, *, provenance: Provenance) -> RasterLayer:
    """Show which station or sector serves each cell, neighbours in different colours.

    Parameters
    ----------
    grid
        The cells.
    server
        Index of the server, (rows, columns), row 0 in the south; below 0 or NaN: none.
    provenance
        The worst of what the raster was computed from.

    Raises
    ------
    InputError
        For a raster that does not fit the grid.
    """
    index, servers = server_index(grid, server)
    colours = map_style.SERVER_COLOURS
    image, bounds = _image(grid, index, colours)
    count = count_text(servers)
    return RasterLayer(
        id="best_server",
        name=said("raster.best_server"),
        image=image,
        bounds=bounds,
        entries=tuple(LegendEntry(colour=item, label=["", ""], share=None) for item in colours),
        notes=(said("raster.servers", count=count), said("raster.assumed"), *_origin(provenance)),
    )


def level_index(grid: Grid, values: npt.ArrayLike, scale: ClassScale) -> npt.NDArray[np.uint8]:
    """Return the class of every cell, worst first from 1 on, 0 without a value, (rows, columns).

    Raises
    ------
    InputError
        For a raster that does not fit the grid.
    """
    level = _checked(grid, values)
    known = np.isfinite(level)
    return np.where(known, np.digitize(level, scale.edges) + 1, 0).astype(np.uint8)


def server_index(grid: Grid, server: npt.ArrayLike) -> tuple[npt.NDArray[np.uint8], int]:
    """Return a colour for every cell by its server, and the number of servers.

    Returns
    -------
    index, servers
        Position in :data:`siting.map_style.SERVER_COLOURS` from 1 on, 0 without server, neighbours
        apart, (rows, columns); and how many servers there are.

    Raises
    ------
    InputError
        For a raster that does not fit the grid.
    """
    given = _checked(grid, server)
    heard = np.isfinite(given) & (given >= 0)
    ids, number = np.unique(given[heard].astype(np.int64), return_inverse=True)
    area = np.full(given.shape, -1, dtype=np.int64)
    area[heard] = number
    chosen = _neighbours_apart(area, len(ids), len(map_style.SERVER_COLOURS))
    index = np.zeros(area.shape, dtype=np.uint8)
    index[heard] = chosen[number] + 1
    return index, len(ids)


def palette(colours: Sequence[str]) -> list[Colour]:
    """Return the colours of a raster on the map, led by transparent for 0."""
    opacity = round(255 * map_style.RASTER_OPACITY)
    return [(0, 0, 0, 0), *(rgba(colour, opacity) for colour in colours)]


def _checked(grid: Grid, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    raster = np.asarray(values, dtype=np.float64)
    shape = (grid.rows, grid.columns)
    if raster.shape != shape:
        raise_if([Problem("values", f"has shape {raster.shape}, the grid has {shape}")], InputError)
    return raster


def class_label(scale: ClassScale, number: int) -> Pair:
    """Write a class with its edges and unit, e.g. "good: -95 to -85 dBm"."""
    edges = [f"{edge:g}".replace("-", _MINUS) for edge in scale.edges]
    if number == 0:
        span = [f"< {edges[0]} {scale.unit}"] * 2
    elif number == len(edges):
        span = [f"≥ {edges[-1]} {scale.unit}"] * 2
    else:
        span = said("raster.span", low=edges[number - 1], high=edges[number], unit=scale.unit)
    name = said(f"raster.class.{scale.classes[number]}")
    return [f"{a} {b}" for a, b in zip(name, span, strict=True)]


def _origin(provenance: Provenance) -> list[Pair]:
    """Return the label of what is no basis for approval; empty for real and derived input."""
    if provenance in {Provenance.REAL, Provenance.DERIVED}:
        return []
    return [said(f"raster.{provenance.value}")]


def _image(
    grid: Grid, index: npt.NDArray[np.uint8], colours: Sequence[str]
) -> tuple[str, tuple[float, float, float, float]]:
    """Draw palette indices (0 transparent) in Web Mercator; return data URI and bounds [deg].

    Nearest neighbour: a pixel shows the cell its centre lies in, to an eighth of a pixel.
    """
    source = CRS.from_user_input(grid.crs)
    size = grid.cell_size_m
    east, north = grid.west_m + grid.columns * size, grid.south_m + grid.rows * size
    to, width, height = calculate_default_transform(
        source, _WEB_MERCATOR, grid.columns, grid.rows, grid.west_m, grid.south_m, east, north
    )
    coarser = max(1.0, float(np.sqrt(width * height / MAX_PIXELS)))
    width, height = int(np.ceil(width / coarser)), int(np.ceil(height / coarser))
    to = Affine(to.a * coarser, 0.0, to.c, 0.0, to.e * coarser, to.f)
    image = np.zeros((height, width), dtype=np.uint8)
    reproject(
        np.ascontiguousarray(index[::-1]),
        image,
        src_transform=north_up(grid),
        src_crs=source,
        dst_transform=to,
        dst_crs=_WEB_MERCATOR,
        resampling=Resampling.nearest,
    )
    x, y = [to.c, to.c + width * to.a], [to.f + height * to.e, to.f]
    lon, lat = transform(_WEB_MERCATOR, WGS84, x, y)[:2]
    uri = "data:image/png;base64," + base64.b64encode(palette_png(image, palette(colours))).decode()
    return uri, (lat[0], lon[0], lat[1], lon[1])


def _neighbours_apart(
    area: npt.NDArray[np.int64], count: int, colours: int
) -> npt.NDArray[np.uint8]:
    """Choose a colour for every area so that areas with a common border differ, (count,).

    The area with most neighbours chooses first, and takes a colour that no neighbour has, or, when
    they have all of them, the one it shares the shortest border with.
    """
    borders = [(area[:, :-1], area[:, 1:]), (area[:-1], area[1:])]
    pairs = []
    for one, other in borders:
        meet = (one != other) & (one >= 0) & (other >= 0)
        pairs.append(np.minimum(one, other)[meet] * count + np.maximum(one, other)[meet])
    border, length = np.unique(np.concatenate(pairs), return_counts=True)
    neighbours: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for key, cells in zip(border.tolist(), length.tolist(), strict=True):
        low, high = divmod(key, count)
        neighbours[low].append((high, cells))
        neighbours[high].append((low, cells))
    chosen = np.full(count, colours, dtype=np.uint8)
    for item in sorted(range(count), key=lambda item: (-len(neighbours[item]), item)):
        shared = np.zeros(colours + 1, dtype=np.int64)
        for other, cells in neighbours[item]:
            shared[chosen[other]] += cells
        # Each area begins to look at another colour, so that all of them are used.
        first = np.argmin(np.roll(shared[:colours], -(item % colours)))
        chosen[item] = (int(first) + item) % colours
    return chosen
