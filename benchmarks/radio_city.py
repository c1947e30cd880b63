"""Measure a city's prediction: rasters of thousands of sectors over hills, and changes on one site.

Each size is measured in a process of its own, so that its memory is its own; what is compiled is
compiled before the clock starts.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import shapely

from siting.grid import Grid
from siting.provenance import Provenance
from siting.radio.antenna import sector_pattern
from siting.radio.ground.terrain import Terrain
from siting.radio.network.area_prediction import Prediction, predict
from siting.radio.network.area_report import area_report, report_areas
from siting.radio.network.cells import Cells, sectors
from siting.radio.network.what_if import WhatIf
from siting.technology import Propagation, Technology
from siting.zones import Zone, ZoneKind

#: Sites, side of a pixel [m] and seconds that are aimed at on two idle processors.
SIZES = ((200, 50.0, None), (2_000, 50.0, 10.0), (200, 20.0, None), (2_000, 20.0, 60.0))
#: Aims of memory [MB] and of one change [ms].
MOST_MB, MOST_MS = 2_000.0, 150.0
#: Land per site [m²]: 2,000 sites on 40 km by 40 km.
_AREA_PER_SITE_M2 = 800_000.0
_RADIUS_M, _CHANGES = 3_000.0, 12

Row = dict[str, str]
Answer = TypeVar("Answer")

_MACRO = Technology(
    id="macro-n41",
    name_zh="宏站",
    name_en="macro",
    band="n41",
    station_class="macro",
    propagation=Propagation.UMA,
    frequency_mhz=2_600.0,
    bandwidth_mhz=100.0,
    subcarrier_spacing_khz=30.0,
    tx_power_dbm=53.0,
    ssb_gain_dbi=16.0,
    max_height_m=35.0,
    hosts=(),
    cost_cny=0,
    source="synthetic",
)


def run(sizes: Sequence[tuple[int, float, float | None]] = SIZES) -> list[Row]:
    """Return rows of the table: figure, aim, reached, measured.

    Parameters
    ----------
    sizes
        Number of sites, side of a pixel [m], and seconds aimed at (None: no aim).
    """
    rows = []
    for sites, pixel_m, most_s in sizes:
        command = [sys.executable, "-m", "benchmarks.radio_city", str(sites), str(pixel_m)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        name = f"{sites:,} sites of 3 sectors, 3 km, {pixel_m:g} m, hills and houses"
        rows.append(
            _row(
                f"raster, {name}",
                f"{found['wall_s']:.1f} s on two threads, {found['cpu_s']:.1f} s of CPU, "
                f"{found['level_s']:.1f} over level ground; {found['pixels'] / 1e6:.2f} Mpx; "
                f"{found['predict_mb']:,.0f} MB at most, all windows kept for changes",
                aim=f"<= {most_s:g} s, <= {MOST_MB:,.0f} MB" if most_s else "",
                reached=found["wall_s"] <= most_s and found["predict_mb"] <= MOST_MB
                if most_s
                else None,
            )
        )
        rows.append(
            _row(
                f"figures of 5 zones, {name}",
                f"{1e3 * found['report_s']:,.0f} ms of CPU",
            )
        )
        worst = max(found[kind]["wall_ms"] for kind in ("turn", "move", "remove"))
        told = ", ".join(
            f"{kind} {found[kind]['wall_ms']:.0f} ms ({found[kind]['cpu_ms']:.0f} of CPU)"
            for kind in ("turn", "move", "remove")
        )
        rows.append(
            _row(
                f"one change with figures of 5 zones, {name}",
                f"{told}, medians of {_CHANGES}; {found['what_if_mb']:,.0f} MB at most",
                aim=f"<= {MOST_MS:g} ms" if most_s else "",
                reached=worst <= MOST_MS if most_s else None,
            )
        )
    return rows


def city(sites: int, pixel_m: float, seed: int = 20_260) -> tuple[Cells, Terrain]:
    """Return sites at random on fractal hills of 200 m, with houses in every fifth pixel."""
    side = math.ceil(math.sqrt(sites * _AREA_PER_SITE_M2) / pixel_m)
    grid = Grid(
        crs="EPSG:4547",
        west_m=500_000.0,
        south_m=3_350_000.0,
        cell_size_m=pixel_m,
        columns=side,
        rows=side,
    )
    draw = np.random.default_rng(seed)
    wave = np.hypot(np.fft.fftfreq(side, pixel_m)[:, None], np.fft.rfftfreq(side, pixel_m))
    wave[0, 0] = np.inf
    ground = np.fft.irfft2(np.fft.rfft2(draw.standard_normal((side, side))) * wave**-1.9)
    ground = np.resize(ground, (side, side)) * (200.0 / np.ptp(ground))
    built = draw.random((side, side)) < 0.2  # noqa: PLR2004
    houses = np.where(built, draw.uniform(5.0, 30.0, (side, side)), 0.0)
    corner = np.array([grid.west_m, grid.south_m])
    xy = corner + draw.uniform(0.0, side * pixel_m, (sites, 2))
    cells = sectors(
        xy,
        _MACRO,
        height_m=draw.choice([25.0, 30.0, 35.0], sites),
        pattern=sector_pattern(gain_dbi=16.0, vertical_beamwidth_deg=10.0),
        azimuths_deg=draw.uniform(0.0, 120.0, (sites, 1)) + np.array([0.0, 120.0, 240.0]),
        tilt_deg=draw.choice([3.0, 6.0, 9.0], (sites, 3)),
    )
    terrain = Terrain(
        grid=grid, ground_m=ground.astype(np.float32), clutter_m=houses.astype(np.float32)
    )
    return cells, terrain


def measure(sites: int, pixel_m: float) -> dict[str, object]:
    """Predict, report and change one city; return seconds, megabytes and pixels."""
    _measure(4, 50.0)  # compiles
    return _measure(sites, pixel_m)


def _measure(sites: int, pixel_m: float) -> dict[str, object]:
    cells, terrain = city(sites, pixel_m)
    grid = terrain.grid
    _, level_s, _ = _timed(lambda: predict(cells, grid, radius_m=_RADIUS_M))
    kept, cpu_s, wall_s = _timed(
        lambda: predict(cells, grid, terrain=terrain, radius_m=_RADIUS_M, keep_surroundings=True)
    )
    predict_mb = _peak_mb()
    areas = report_areas(grid, _zones(grid))
    _, report_s, _ = _timed(lambda: area_report(kept, areas))
    changes = _changes(WhatIf(kept, areas), kept)
    return {
        "pixels": len(grid),
        "level_s": level_s,
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "predict_mb": predict_mb,
        "report_s": report_s,
        "what_if_mb": _peak_mb(),
        **changes,
    }


def _changes(session: WhatIf, kept: Prediction) -> dict[str, dict[str, float]]:
    """Turn, move and remove sites one after the other; return the median times."""
    cells, grid = kept.cells, kept.grid
    middle = np.array([grid.west_m, grid.south_m]) + 0.5 * grid.rows * grid.cell_size_m
    chosen = np.unique(cells.site)[: _CHANGES * 8 : 8].tolist()
    times: dict[str, list[tuple[float, float]]] = {"turn": [], "move": [], "remove": []}
    for site in chosen:
        mine = np.flatnonzero(cells.site == site)
        nearer = cells.xy[mine[0]] + 0.02 * (middle - cells.xy[mine[0]])
        for kind, change in (
            ("turn", lambda mine=mine: session.change(mine, azimuth_deg=[20.0, 140.0, 260.0])),
            ("move", lambda mine=mine, to=nearer: session.change(mine, xy=to)),
            ("remove", lambda site=site: session.remove(site)),
        ):
            _, cpu_s, wall_s = _timed(lambda change=change: (change(), session.report()))
            times[kind].append((cpu_s, wall_s))
    medians = {kind: np.median(of_kind, axis=0) for kind, of_kind in times.items()}
    return {
        kind: {"cpu_ms": 1e3 * float(cpu), "wall_ms": 1e3 * float(wall)}
        for kind, (cpu, wall) in medians.items()
    }


def _zones(grid: Grid) -> list[Zone]:
    """Return the whole city and four places of growing size in it."""
    side = grid.rows * grid.cell_size_m
    middle = shapely.Point(grid.west_m + 0.5 * side, grid.south_m + 0.5 * side)
    return [
        Zone(
            id=f"{share:g}",
            name_zh=f"{share:g}",
            name_en=f"{share:g}",
            kind=ZoneKind.URBAN_AREA,
            tier=2,
            geometry=middle.buffer(share * side),
            provenance=Provenance.SYNTHETIC,
            source="synthetic",
            licence="none",
        )
        for share in (1.0, 0.05, 0.1, 0.2, 0.4)
    ]


def _timed(work: Callable[[], Answer]) -> tuple[Answer, float, float]:
    """Return the answer, seconds of CPU over all threads, and seconds on the clock."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = work()
    return answer, time.process_time() - cpu, time.perf_counter() - wall


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _row(figure: str, measured: str, *, aim: str = "", reached: bool | None = None) -> Row:
    word = "" if reached is None else "yes" if reached else "NO"
    return {"figure": figure, "aim": aim, "reached": word, "measured": measured}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2]))))
