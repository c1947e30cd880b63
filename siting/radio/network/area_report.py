"""What a predicted network delivers by zone and district, and how sure that is."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.special import ndtri
from shapely.geometry.base import BaseGeometry

from siting.errors import InputError, Problem, raise_if
from siting.grid import Grid
from siting.radio.network.area_prediction import Prediction
from siting.radio.network.tally import QualityStandard, Tally
from siting.radio.propagation.path_loss import outside
from siting.technology import Penetration
from siting.zones import Zone

log = logging.getLogger(__name__)

#: Fewest independent places a share is judged on, and the confidence of its interval.
FEWEST_PLACES = 30
CONFIDENCE = 0.95

_LEVELS = "planning practice; derived from LTE field notes, no primary source"

#: 'Covered' and 'good', in the street and behind a low-loss wall.
QUALITY_STANDARDS = tuple(
    QualityStandard(
        id=f"{name}-{'indoor' if wall is not Penetration.OUTDOOR else 'outdoor'}",
        min_ss_rsrp_dbm=level,
        min_ss_sinr_db=sinr,
        penetration=wall,
        required_share=0.95,
        source=_LEVELS,
    )
    for wall in (Penetration.OUTDOOR, Penetration.LOW_LOSS)
    for name, level, sinr in (("covered", -105.0, -3.0), ("good", -95.0, 0.0))
)


class Confidence(StrEnum):
    """How far a test's verdict can be trusted, as far as chance in shadow fading goes."""

    SURE = "sure"  #: the interval of the share lies on one side of the required share
    UNSURE = "unsure"  #: the required share lies in the interval
    TOO_FEW = "too_few"  #: too few independent places for any judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardFigures:
    """How much of a zone meets one standard; shares are 0..1 of the pixels assessed, NaN: none.

    Parameters
    ----------
    standard
        Id of the standard.
    pixels
        Pixels assessed.
    rsrp_share, sinr_share, share
        Share of area whose median SS-RSRP, whose SS-SINR, and both of one carrier, reach the
        standard.
    low, high
        Wilson's 95 % interval of `share`, counting only places far enough apart to be independent.
    locations_share
        Share of locations that reach the level, with shadow fading and spread of walls.
    passes
        Whether both `share` and `locations_share` reach the required share.
    confidence
        How far to trust that.
    """

    standard: str
    pixels: int
    rsrp_share: float
    sinr_share: float
    share: float
    low: float
    high: float
    locations_share: float
    passes: bool
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFigures:
    """What one zone receives; shares are 0..1 of its pixels, NaN where it holds none.

    Parameters
    ----------
    zone
        Id of the zone.
    pixels, area_m2
        Pixels whose centre lies in it, and their area [m²].
    heard_share
        Share that hears any cell.
    overlap_share, pollution_share
        Share with two or more, and with four or more servers within the assumed overlap, on the
        carrier received strongest.
    mean_downlink_mbps, mean_uplink_mbps
        Mean rates of a user who has a carrier for himself, pixels without server counting 0.
    edge_share
        Share that reaches the least rates of the edge, down and up.
    standards
        One entry per standard.
    """

    zone: str
    pixels: int
    area_m2: float
    heard_share: float
    overlap_share: float
    pollution_share: float
    mean_downlink_mbps: float
    mean_uplink_mbps: float
    edge_share: float
    standards: tuple[StandardFigures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaReport:
    """Figures of all zones.

    Parameters
    ----------
    zones
        One entry per zone, in the order given.
    """

    zones: tuple[ZoneFigures, ...]

    def frame(self) -> pd.DataFrame:
        """Return one row per zone and standard."""
        rows = []
        for zone in self.zones:
            whole = {name: getattr(zone, name) for name in ZoneFigures.__slots__}
            for figures in whole.pop("standards"):
                part = {name: getattr(figures, name) for name in StandardFigures.__slots__}
                part["assessed_pixels"] = part.pop("pixels")
                rows.append(whole | part)
        return pd.DataFrame(rows)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReportAreas:
    """Zones laid over a raster; made by :func:`report_areas`.

    Parameters
    ----------
    grid
        The raster.
    zones
        Ids of the zones.
    membership
        1 where a pixel lies in a zone, (pixels, zones).
    """

    grid: Grid
    zones: tuple[str, ...]
    membership: sparse.csr_array

    def sums(
        self, pixels: npt.NDArray[np.int64], values: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.int64]:
        """Add up values of pixels, (q, n), by zone, (zones, q)."""
        part = self.membership[pixels].T
        return np.column_stack([part @ row for row in values])

    def within(self, pixels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Say which pixels lie in any zone, (n,)."""
        start = self.membership.indptr
        return start[pixels + 1] > start[pixels]


def report_areas(
    grid: Grid, zones: Sequence[Zone], *, water: BaseGeometry | None = None
) -> ReportAreas:
    """Lay zones over a raster: a pixel belongs to every zone that holds its centre.

    Parameters
    ----------
    grid
        The raster.
    zones
        Zones and districts, in the CRS of the raster; they may overlap.
    water
        Area that does not count, e.g. lakes.

    Raises
    ------
    InputError
        Without any zone, or when two have the same id.
    """
    names = [zone.id for zone in zones]
    problems = [] if names else [Problem("zones", "are none", "give at least one zone")]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        problems.append(Problem("zones", f"share the ids {', '.join(twice)}", "give each its own"))
    raise_if(problems, InputError)
    dry = np.ones(len(grid), dtype=np.bool_)
    if water is not None:
        dry[grid.inside(water)] = False
    inside = [grid.inside(zone.geometry) for zone in zones]
    inside = [pixels[dry[pixels]] for pixels in inside]
    pixel = np.concatenate(inside)
    zone = np.repeat(np.arange(len(zones)), [len(pixels) for pixels in inside])
    ones = np.ones(len(pixel), dtype=np.int64)
    shape = (len(grid), len(zones))
    membership = sparse.csr_array(sparse.coo_array((ones, (pixel, zone)), shape=shape))
    return ReportAreas(grid=grid, zones=tuple(names), membership=membership)


def area_report(
    prediction: Prediction,
    areas: ReportAreas,
    *,
    standards: Sequence[QualityStandard] = QUALITY_STANDARDS,
    walls: npt.NDArray[np.int8] | None = None,
) -> AreaReport:
    """Return what each zone receives, and whether it meets each standard.

    Parameters
    ----------
    prediction
        The network on the raster.
    areas
        Zones on the same raster.
    standards
        Levels, and the share of area that must reach them.
    walls
        Kind of building by pixel, (rows, columns): 0 none, 1 low-loss, 2 high-loss walls. Indoor
        standards then assess the pixels with buildings alone, each behind its own kind of wall.

    Raises
    ------
    InputError
        For zones or walls of another raster, and for standards that are none.

    Notes
    -----
    A pixel counts for a standard when one and the same carrier reaches both the level, in the
    median, and the SINR; of all carriers the best counts. Predictions err in the mean as well as by
    chance: the interval speaks of chance alone.
    """
    begun = time.monotonic()
    tally = checked_tally(prediction, areas, standards, walls)
    totals = count(prediction, areas, tally)
    log.info("area report: zones=%d in %.2f s", len(areas.zones), time.monotonic() - begun)
    return figures(prediction, areas, tally, totals)


def checked_tally(
    prediction: Prediction,
    areas: ReportAreas,
    standards: Sequence[QualityStandard],
    walls: npt.NDArray[np.int8] | None,
) -> Tally:
    """Return what is to be counted, or say all that is wrong with it."""
    grid, problems = prediction.grid, []
    if areas.grid != grid:
        problems.append(Problem("areas", "lie on another raster", "use report_areas on this one"))
    if walls is not None and walls.shape != (grid.rows, grid.columns):
        what = f"have shape {walls.shape}, the raster {(grid.rows, grid.columns)}"
        problems.append(Problem("walls", what))
    elif walls is not None and not np.isin(walls, (0, 1, 2)).all():
        problems.append(Problem("walls", "hold other values than 0, 1 and 2"))
    if not standards:
        problems.append(Problem("standards", "are none", "give at least one"))
    for standard in standards:
        where, real = f"standards[{standard.id}].", np.finfo(np.float64).max
        for name, least, most in (
            ("min_ss_rsrp_dbm", -real, real),
            ("min_ss_sinr_db", -real, real),
            ("required_share", 0.0, 1.0),
            ("min_bandwidth_mhz", 0.0, real),
        ):
            value = np.asarray(getattr(standard, name), dtype=np.float64)
            problems += outside(where + name, value, least, most, "")
    raise_if(problems, InputError)
    return Tally(standards=tuple(standards), walls=None if walls is None else walls.reshape(-1))


def count(prediction: Prediction, areas: ReportAreas, tally: Tally) -> npt.NDArray[np.int64]:
    """Count everything in every zone, (zones, columns of the tally)."""

    def piece(first: int) -> npt.NDArray[np.int64]:
        pixels = np.arange(first, min(first + _CHUNK, len(prediction.grid)), dtype=np.int64)
        pixels = pixels[areas.within(pixels)]
        return areas.sums(pixels, tally.columns(prediction.received(pixels)))

    with ThreadPoolExecutor(prediction.threads) as pool:
        parts = list(pool.map(piece, range(0, len(prediction.grid), _CHUNK)))
    return np.add.reduce(parts, axis=0)


#: Pixels counted at once.
_CHUNK = 1 << 16


def figures(
    prediction: Prediction, areas: ReportAreas, tally: Tally, totals: npt.NDArray[np.int64]
) -> AreaReport:
    """Turn counts into shares, means and verdicts."""
    side = prediction.grid.cell_size_m
    apart = (side / max(side, prediction.model.assumptions.fading_distance_m)) ** 2
    zones = []
    for name, row in zip(areas.zones, totals.tolist(), strict=True):
        whole = dict(zip(tally.WHOLE, row, strict=False))
        n = whole["pixels"]
        parts = tally.by_standard(row)
        zones.append(
            ZoneFigures(
                zone=name,
                pixels=n,
                area_m2=n * side * side,
                heard_share=_ratio(whole["heard"], n),
                overlap_share=_ratio(whole["overlap"], n),
                pollution_share=_ratio(whole["pollution"], n),
                mean_downlink_mbps=_ratio(whole["downlink_kbps"], n) / 1e3,
                mean_uplink_mbps=_ratio(whole["uplink_kbps"], n) / 1e3,
                edge_share=_ratio(whole["edge"], n),
                standards=tuple(
                    _judge(standard, part, apart)
                    for standard, part in zip(tally.standards, parts, strict=True)
                ),
            )
        )
    return AreaReport(zones=tuple(zones))


def wilson_interval(share: float, places: float) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a share seen at a number of independent places.

    References
    ----------
    E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference,
    J. Am. Stat. Assoc. 22(158), doi:10.1080/01621459.1927.10502953.
    """
    z = float(ndtri(0.5 + CONFIDENCE / 2.0))
    centre = (share + z * z / (2.0 * places)) / (1.0 + z * z / places)
    half = z / (1.0 + z * z / places)
    half *= float(np.sqrt(share * (1.0 - share) / places + z * z / (4.0 * places * places)))
    return max(0.0, centre - half), min(1.0, centre + half)


def _judge(standard: QualityStandard, part: dict[str, int], apart: float) -> StandardFigures:
    """Judge one zone by one standard; `apart` is the number of independent places per pixel."""
    n = part["assessed"]
    share, locations = _ratio(part["both"], n), _ratio(part["locations"], n) / 1e6
    places = n * apart
    low, high = wilson_interval(share, places) if n else (float("nan"), float("nan"))
    if places < FEWEST_PLACES:
        confidence = Confidence.TOO_FEW
    elif low <= standard.required_share <= high:
        confidence = Confidence.UNSURE
    else:
        confidence = Confidence.SURE
    return StandardFigures(
        standard=standard.id,
        pixels=n,
        rsrp_share=_ratio(part["rsrp"], n),
        sinr_share=_ratio(part["sinr"], n),
        share=share,
        low=low,
        high=high,
        locations_share=locations,
        passes=min(share, locations) >= standard.required_share,
        confidence=confidence,
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
