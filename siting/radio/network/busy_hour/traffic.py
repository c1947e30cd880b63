"""What users ask of a network in its busiest hour, laid over the raster of a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.radio.propagation.path_loss import Floats, outside

if TYPE_CHECKING:
    from siting.demand import Demand
    from siting.grid import Grid

#: Weight of demand points that counts people.
PEOPLE = "population"
#: Pixels along one side that one sample of a demand cell stands for.
_SAMPLE_PIXELS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """Downlink traffic of the busiest hour by pixel, pixels without any left out.

    Parameters
    ----------
    pixels
        Ids of the pixels in the raster, ascending, (n,).
    mbps
        Traffic offered there, mean of the busiest hour [Mbit/s], (n,).
    people
        People it stands for, (n,); 0 where nothing is known of them.
    outside_mbps
        Traffic of demand points outside the raster, which nothing else counts [Mbit/s].
    """

    pixels: npt.NDArray[np.int64]
    mbps: Floats
    people: Floats
    outside_mbps: float = 0.0

    def __len__(self) -> int:
        """Return the number of pixels n."""
        return len(self.pixels)


def demand_traffic(
    demand: Demand, grid: Grid, *, kbps_per_unit: float, weight: str = PEOPLE
) -> Traffic:
    """Return the traffic of demand points.

    Parameters
    ----------
    demand
        Demand points with their weights.
    grid
        Raster of the prediction, in the CRS of the points.
    kbps_per_unit
        Traffic per unit of the weight [kbit/s], e.g.
        ``RadioAssumptions.busy_hour_kbps_per_person``; for a weight that is traffic in Mbit/s
        itself, 1000.
    weight
        What the traffic goes by: people, or a planner's own figures.

    Raises
    ------
    InputError
        For a weight the demand does not have or that holds a negative number or none, and for a
        traffic per unit that is negative or no number.

    Notes
    -----
    A point is sampled at the pixel that holds it; one that stands for a cell wider than two pixels
    at several places spread evenly over the cell, one for every two by two pixels. The total stays.
    """
    problems = outside("kbps_per_unit", np.asarray(kbps_per_unit, float), 0.0, 1e6, "kbit/s")
    units = demand.weights.get(weight)
    if units is None:
        known = "known: " + ", ".join(sorted(demand.weights))
        problems.append(Problem("weight", f"{weight!r} is no weight of the demand", known))
    else:
        problems += outside(f"demand.{weight}", units, 0.0, np.finfo(float).max, "")
    raise_if(problems, InputError)
    assert units is not None  # noqa: S101 - raised above
    people = demand.weights.get(PEOPLE, np.zeros(len(demand)))
    xy, parts = _samples(demand, grid.cell_size_m)
    mbps = np.repeat(units * (kbps_per_unit / 1e3 / parts), parts)
    return _laid_over(grid, xy, mbps, np.repeat(people / parts, parts))


def raster_traffic(grid: Grid, mbps: npt.ArrayLike, people: npt.ArrayLike | None = None) -> Traffic:
    """Return the traffic of a planner's own raster.

    Parameters
    ----------
    grid
        Raster of the prediction.
    mbps, people
        Traffic [Mbit/s] and people by pixel, (rows, columns), row 0 in the south.

    Raises
    ------
    InputError
        For rasters of another shape, and for values that are negative or no number.
    """
    shape, problems = (grid.rows, grid.columns), []
    given = {"mbps": np.asarray(mbps, dtype=np.float64)}
    if people is not None:
        given["people"] = np.asarray(people, dtype=np.float64)
    for name, values in given.items():
        if values.shape != shape:
            problems.append(Problem(name, f"has shape {values.shape}, the raster {shape}"))
        else:
            problems += outside(name, values, 0.0, np.finfo(float).max, "")
    raise_if(problems, InputError)
    flat = given["mbps"].ravel()
    pixels = np.flatnonzero(flat > 0.0)
    counted = given.get("people", np.zeros(shape)).ravel()
    return Traffic(pixels=pixels, mbps=flat[pixels], people=counted[pixels])


def _samples(demand: Demand, pixel_m: float) -> tuple[Floats, int]:
    """Return the places that stand for demand points, point by point, and how many for each."""
    side = demand.cell_size_m
    count = 1 if side is None else max(1, round(side / (_SAMPLE_PIXELS * pixel_m)))
    if side is None or count == 1:
        return demand.xy, 1
    step = ((np.arange(count) + 0.5) / count - 0.5) * side
    offset = np.stack(np.meshgrid(step, step), axis=-1).reshape(-1, 2)
    return (demand.xy[:, np.newaxis] + offset).reshape(-1, 2), count * count


def _laid_over(grid: Grid, xy: Floats, mbps: Floats, people: Floats) -> Traffic:
    """Add places up by pixel."""
    column, row = np.floor((xy - [grid.west_m, grid.south_m]) / grid.cell_size_m).astype(int).T
    within = (column >= 0) & (column < grid.columns) & (row >= 0) & (row < grid.rows)
    asked = within & (mbps > 0.0)
    pixels, place = np.unique(grid.ids(column[asked], row[asked]), return_inverse=True)
    return Traffic(
        pixels=pixels,
        mbps=_sums(place, mbps[asked], len(pixels)),
        people=_sums(place, people[asked], len(pixels)),
        outside_mbps=float(mbps[~within].sum()),
    )


def _sums(place: npt.NDArray[np.intp], values: Floats, count: int) -> Floats:
    return np.bincount(place, weights=values, minlength=count).astype(np.float64)
