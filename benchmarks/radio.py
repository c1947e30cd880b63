"""Measure radio prediction: speed, errors of the sweep, first call, a city, beside a peer.

Speeds are pixels within the radius over the CPU time of one thread, the best of several runs. The
terrain is synthetic: fractal hills, and buildings in every fifth cell.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
from scipy.special import fresnel

from benchmarks import radio_city
from benchmarks.peers import absent
from benchmarks.radio_levels import Sectors, levels, levels_one_by_one
from benchmarks.radio_peer import ITM, itm_loss_db
from benchmarks.recording import add_record_option, keep_table, machine
from siting.grid import Grid
from siting.radio.antenna import sector_pattern
from siting.radio.ground.obstruction import Method, Obstruction, obstruction
from siting.radio.ground.terrain import Terrain
from siting.radio.propagation.diffraction import (
    CLEAR,
    SPEED_OF_LIGHT_GHZ_M,
    knife_edge,
    knife_edge_loss_db,
)

TITLE = "Radio prediction"
#: Columns of the table; rows of other runs stay.
COLUMNS = ("figure", "aim", "reached", "measured")
NOTES = (
    (
        "reading",
        (
            "Mpx/s: million pixels within the radius per second of CPU time of one thread, the "
            "best of several runs; radius 3 km; with path loss and sectors: also the median loss "
            "of TR 38.901 UMa, Bullington's loss and the strongest of three sectors; a row that "
            "missed its aim says NO"
        ),
    ),
    (
        "terrain",
        (
            "synthetic: Gaussian noise whose amplitude falls as the 1.9th power of frequency, "
            "buildings of 5 to 30 m in every fifth cell"
        ),
    ),
)
RADIUS_M, HEIGHT_M = 3_000.0, 30.0
BANDS_MHZ = (700.0, 2_600.0, 4_900.0)
_MASTS, _RUNS, _FINE = 4, 5, 8
#: What the first call of a fresh process is timed with, with and without compiled code on disk.
_FIRST_CALL = """
import time
import numpy as np
from siting.grid import Grid
from siting.radio.ground.obstruction import Method, obstruction
from siting.radio.ground.terrain import Terrain
grid = Grid(crs="EPSG:4547", west_m=0.0, south_m=0.0, cell_size_m=20.0, columns=50, rows=50)
terrain = Terrain(grid=grid, ground_m=np.zeros((50, 50)), clutter_m=np.zeros((50, 50)))
began = time.process_time()
for method in Method:
    obstruction(terrain, (500.0, 500.0), 30.0, radius_m=400.0, method=method)
print(time.process_time() - began)
"""

Row = dict[str, str]
Masts = list[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hills:
    """A terrain with some masts, and what to call it."""

    name: str
    terrain: Terrain
    masts: Masts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``scripts/bench radio``."""
    add_record_option(parser)
    parser.add_argument(
        "--only", nargs="+", choices=list(GROUPS), metavar="GROUP",
        help="groups of rows to measure (default all): " + ", ".join(GROUPS),
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Measure, print and record; 1 when a row missed its aim."""
    rows: list[Row] = []
    for name in arguments.only or GROUPS:
        for row in GROUPS[name]():
            rows.append(row)
            told = f" (aim {row['aim']}: {row['reached']})" if row["aim"] else ""
            sys.stdout.write(f"{row['figure']}: {row['measured']}{told}\n")
            sys.stdout.flush()
    notes = [*NOTES, *machine(), ("peer", f"{ITM} {_version_of_peer()}")]
    if arguments.record is not None:
        keep_table(arguments.record, TITLE, COLUMNS, rows, notes)
    return int(any(row["reached"] == "NO" for row in rows))


@cache
def hills(cell_m: float, relief_m: float) -> Hills:
    """Make hills of a height from lowest to highest [m], 9 km wide."""
    cells = round(9_000.0 / cell_m)
    draw = np.random.default_rng(20_260)
    wave = np.hypot(np.fft.fftfreq(cells, cell_m)[:, None], np.fft.rfftfreq(cells, cell_m))
    wave[0, 0] = np.inf
    noise = np.fft.rfft2(draw.standard_normal((cells, cells)))
    ground = np.fft.irfft2(noise * wave**-1.9, (cells, cells))
    ground *= relief_m / np.ptp(ground)
    built = draw.random((cells, cells)) < 0.2  # noqa: PLR2004
    clutter = np.where(built, draw.uniform(5.0, 30.0, (cells, cells)), 0.0)
    grid = Grid(
        crs="EPSG:4547", west_m=500_000.0, south_m=3_350_000.0, cell_size_m=cell_m,
        columns=cells, rows=cells,
    )  # fmt: skip
    corner = np.array([grid.west_m, grid.south_m]) + 4_500.0
    masts = (corner + draw.uniform(-1_000.0, 1_000.0, (_MASTS, 2))).tolist()
    slope = np.sqrt(np.mean(np.diff(ground, axis=1) ** 2)) / cell_m
    return Hills(
        name=f"{relief_m:g} m of relief, rms slope {slope:.0%}",
        terrain=Terrain(
            grid=grid,
            ground_m=ground.astype(np.float32),
            clutter_m=clutter.astype(np.float32),
        ),
        masts=[(east, north) for east, north in masts],
    )


def speed_rows() -> list[Row]:
    """Time both methods on cells of 50 and 20 m, alone and with what a prediction adds."""
    return [
        _speed(Method.PROFILE, 50.0, 2.5),
        _speed(Method.PROFILE, 20.0, 1.0),
        _speed(Method.SWEEP, 50.0, None),
        _speed(Method.SWEEP, 20.0, 10.0),
    ]


def _speed(method: Method, cell_m: float, aim: float | None) -> Row:
    place = hills(cell_m, 200.0)
    alone, whole, pixels = math.inf, math.inf, 0
    for _ in range(1 + _RUNS):  # the first compiles
        obstruction_s = level_s = 0.0
        pixels = 0
        for mast in place.masts:
            began = time.process_time()
            found = _around(place, mast, method)
            half = time.process_time()
            level = levels(found, _sectors(place, mast, 2_600.0), cell_m)
            level_s += time.process_time() - half
            obstruction_s += half - began
            pixels += int(np.count_nonzero(~np.isnan(level)))
        alone, whole = min(alone, obstruction_s), min(whole, obstruction_s + level_s)
    rate = pixels / whole / 1e6
    return _row(
        f"{method}, {cell_m:g} m",
        f"{rate:.2f} Mpx/s with path loss and sectors, {pixels / alone / 1e6:.2f} without",
        aim=f">= {aim:g} Mpx/s per core" if aim else "",
        reached=rate >= aim if aim else None,
    )


def error_rows() -> list[Row]:
    """Compare the sweep with profiles of one and of eight samples per cell, band by band."""
    rows = []
    for cell_m, relief_m in ((20.0, 100.0), (20.0, 200.0), (20.0, 300.0), (50.0, 200.0)):
        aimed = cell_m == 20.0  # noqa: PLR2004
        place = hills(cell_m, relief_m)
        difference: dict[str, dict[float, list[npt.NDArray[np.float64]]]] = {
            name: {band: [] for band in BANDS_MHZ} for name in ("coarse", "fine", "profile")
        }
        agree = []
        for mast in place.masts:
            sweep, coarse = (_around(place, mast, m) for m in (Method.SWEEP, Method.PROFILE))
            fine = _around(place, mast, Method.PROFILE, step_m=cell_m / _FINE)
            inside = np.isfinite(sweep.edge) & np.isfinite(fine.edge)
            agree.append(float((sweep.sight == coarse.sight)[np.isfinite(sweep.edge)].mean()))
            distance = _distances(place, mast, sweep)[inside]
            for band in BANDS_MHZ:
                s, c, f = (
                    _bullington(found.edge[inside], distance, band)
                    for found in (sweep, coarse, fine)
                )
                difference["coarse"][band].append(s - c)
                difference["fine"][band].append(s - f)
                difference["profile"][band].append(c - f)
        worst = max(
            np.percentile(np.abs(np.concatenate(of_band)), 95)
            for of_band in difference["coarse"].values()
        )
        rows += [
            _row(
                f"sweep against profiles, {cell_m:g} m, {place.name}",
                _percentiles(difference["coarse"])
                + f"; line of sight alike in {np.mean(agree):.2%}",
                aim="<= 1 dB at the 95th percentile" if aimed else "",
                reached=bool(worst <= 1.0) if aimed else None,
            ),
            _row(
                f"against {_FINE} samples per cell, {cell_m:g} m, {place.name}",
                "sweep " + _percentiles(difference["fine"])
                + "; profiles of one sample per cell " + _percentiles(difference["profile"]),
            ),
        ]  # fmt: skip
    return rows


def formula_rows() -> list[Row]:
    """Check the vectorised levels and the knife edge against what they stand for."""
    place = hills(20.0, 200.0)
    worst = 0.0
    for band in BANDS_MHZ:
        found = _around(place, place.masts[0], Method.SWEEP)
        sectors = _sectors(place, place.masts[0], band)
        ours, theirs = (of(found, sectors, 20.0) for of in (levels, levels_one_by_one))
        worst = max(worst, float(np.nanmax(np.abs(ours - theirs))))
    nu = np.linspace(-3.0, 30.0, 66_001)
    shifted = nu.astype(np.longdouble) - np.longdouble("0.1")
    exact = np.longdouble("6.9") + 20 * np.log10(np.sqrt(shifted**2 + 1) + shifted)
    exact = np.where(nu > CLEAR, exact, 0)
    compiled = np.array([knife_edge(float(value)) for value in nu])
    formula = max(
        float(np.abs(compiled - exact).max()), float(np.abs(knife_edge_loss_db(nu) - exact).max())
    )
    band = nu[(nu >= -0.5) & (nu <= 10.0)]  # noqa: PLR2004
    sine, cosine = fresnel(band)
    field = np.hypot(1.0 - cosine - sine, cosine - sine) / 2.0
    away = float(np.abs(knife_edge_loss_db(band) + 20.0 * np.log10(field)).max())
    return [
        _row(
            "levels of the speed rows against the library's formulas",
            f"greatest difference {worst:.1e} dB",
            aim="<= 0.01 dB",
            reached=worst <= 0.01,  # noqa: PLR2004
        ),
        _row(
            "knife edge",
            f"{formula:.1e} dB from J(nu) in extended precision, "
            f"{away:.3f} dB from Fresnel's integrals for nu from -0.5 to 10",
            aim="<= 1e-6 dB of the formula",
            reached=formula <= 1e-6,  # noqa: PLR2004
        ),
    ]


def first_call_rows() -> list[Row]:
    """Time the first window of both methods in a fresh process, compiling and not."""
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = (_first_call_s(folder) for _ in range(2))
    return [
        _row(
            "first call of both methods in a fresh process",
            f"{cold:.1f} s of CPU compiling, {warm:.2f} s with compiled code on disk",
            aim="<= 5 s",
            reached=cold <= 5.0,  # noqa: PLR2004
        )
    ]


def _first_call_s(folder: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_CALL],
        env={**os.environ, "NUMBA_CACHE_DIR": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def peer_rows() -> list[Row]:
    """Time the peer on paths of the same terrain; it gets its profiles ready-made."""
    figure = f"beside {ITM}, 20 m"
    if reason := absent(ITM):
        return [_row(figure, reason)]
    place = hills(20.0, 200.0)
    mast = place.masts[0]
    paths = []
    for angle in np.linspace(0.0, 2.0 * math.pi, 200, endpoint=False):
        distance = RADIUS_M * math.sqrt((len(paths) + 0.5) / 200.0)  # evenly over the disc
        end = mast[0] + distance * math.sin(angle), mast[1] + distance * math.cos(angle)
        paths.append(place.terrain.profile(mast, end))
    began = time.process_time()
    for path in paths:
        itm_loss_db(path, height_m=HEIGHT_M, receiver_height_m=1.5, frequency_mhz=2_600.0)
    theirs = len(paths) / (time.process_time() - began)
    ours = {}
    for method in Method:
        pixels = np.count_nonzero(~np.isnan(_around(place, mast, method).edge))
        began = time.process_time()
        for _ in range(_RUNS):
            _around(place, mast, method)
        ours[method] = float(pixels) * _RUNS / (time.process_time() - began)
    return [
        _row(
            figure,
            f"{theirs:,.0f} paths/s (Longley-Rice, another model, in plain Python, its profiles "
            "handed to it); without path loss and sectors "
            + ", ".join(f"{m} {ours[m] / theirs:,.0f} times as fast" for m in Method),
        )
    ]


#: Groups of rows by name; each is a function that measures them.
GROUPS: dict[str, Callable[[], list[Row]]] = {
    "speed": speed_rows,
    "error": error_rows,
    "formulas": formula_rows,
    "first-call": first_call_rows,
    "peer": peer_rows,
    "city": radio_city.run,
}


def _row(figure: str, measured: str, *, aim: str = "", reached: bool | None = None) -> Row:
    word = "" if reached is None else "yes" if reached else "NO"
    return {"figure": figure, "aim": aim, "reached": word, "measured": measured}


def _around(
    place: Hills, mast: tuple[float, float], method: Method, *, step_m: float = 0.0
) -> Obstruction:
    return obstruction(
        place.terrain, mast, HEIGHT_M, radius_m=RADIUS_M, method=method, step_m=step_m
    )


def _sectors(place: Hills, mast: tuple[float, float], frequency_mhz: float) -> Sectors:
    grid = place.terrain.grid
    return Sectors(
        x=(mast[0] - grid.west_m) / grid.cell_size_m,
        y=(mast[1] - grid.south_m) / grid.cell_size_m,
        height_m=HEIGHT_M,
        frequency_mhz=frequency_mhz,
        pattern=sector_pattern(gain_dbi=15.0, vertical_beamwidth_deg=10.0),
    )


def _distances(
    place: Hills, mast: tuple[float, float], found: Obstruction
) -> npt.NDArray[np.float64]:
    row, column = np.indices(found.edge.shape)
    centres = place.terrain.grid.centres((column + found.column).ravel(), (row + found.row).ravel())
    return np.hypot(*(centres - mast).T).reshape(found.edge.shape)


def _bullington(
    edge: npt.NDArray[np.float32], distance: npt.NDArray[np.float64], frequency_mhz: float
) -> npt.NDArray[np.float64]:
    wavelength = SPEED_OF_LIGHT_GHZ_M / (frequency_mhz / 1e3)
    loss = knife_edge_loss_db(edge / math.sqrt(wavelength))
    return loss + (1.0 - np.exp(-loss / 6.0)) * (10.0 + 2e-5 * distance)


def _percentiles(by_band: dict[float, list[npt.NDArray[np.float64]]]) -> str:
    """Tell the percentiles of absolute differences, band by band."""
    told = []
    for band, parts in by_band.items():
        size = np.abs(np.concatenate(parts))
        p50, p95, p99 = np.percentile(size, [50, 95, 99])
        told.append(f"{band / 1e3:g} GHz {p50:.2f} / {p95:.2f} / {p99:.2f} / {size.max():.1f}")
    return ", ".join(told) + " dB (median / 95th / 99th / greatest)"


def _version_of_peer() -> str:
    return absent(ITM) or version(ITM)
