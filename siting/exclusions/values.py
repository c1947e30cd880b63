"""What the rules are and what they did, as values in the working CRS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapely.geometry.base import BaseGeometry

    from siting.exclusion_spec import ExclusionAssumptions, SensitiveKind
    from siting.obstacle_surfaces import Runway
    from siting.provenance import Provenance
    from siting.radio.ground.terrain import Terrain

#: Heights of lowered antennas are multiples of this [m], as heights of mountings are stated.
HEIGHT_STEP_M = 0.5
#: Exposure is evaluated at points of an outline not farther apart than this [m] …
OUTLINE_STEP_M = 5.0
#: … and at levels of a building not farther apart than this [m], about a storey.
LEVEL_STEP_M = 3.0
#: Nobody stands nearer to an antenna than this [m]; the far-field formula ends there.
NEAREST_M = 0.1


class Reason(StrEnum):
    """Why an option is left out; an option that breaks several rules has the first of these."""

    AREA = "area"  #: inside an area where nothing may be built, or in the strip around it
    WATER = "water"  #: in the study area's water
    AERODROME = "aerodrome"  #: a runway's surface leaves less height than an antenna needs
    HIGHER_BUILDING = "higher_building"  #: a sensitive building nearby is higher than the antenna
    EXPOSURE = "exposure"  #: more power density at a sensitive building than its share of the limit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """Where nothing may be built.

    Parameters
    ----------
    name
        Name shown to people.
    geometry
        Shape in the working CRS [m].
    buffer_m
        Strip around it [m], its rim included.
    """

    name: str
    geometry: BaseGeometry
    buffer_m: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedRunway:
    """A runway and the elevation of its aerodrome [m above mean sea level]."""

    name: str
    runway: Runway
    aerodrome_elevation_m: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensitive:
    """A building that is spared exposure and masts.

    Parameters
    ----------
    name, kind
        What it is.
    geometry
        Point or outline in the working CRS [m].
    height_m
        Height above ground [m].
    """

    name: str
    kind: SensitiveKind
    geometry: BaseGeometry
    height_m: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exclusions:
    """The rules of a scenario, raw: what the independent check starts from.

    Parameters
    ----------
    areas, runways, sensitive
        As the document names them, in its order.
    water
        Water of the study area where no site may stand; None: not asked for, or not supplied.
    water_missing
        No site may stand in water, but the planning data have none.
    ground_elevation_m
        Ground taken where no terrain is known [m above mean sea level]; None: not given.
    assumptions
        Figures of the rules.
    provenance
        Origin of each area, runway and sensitive place, in this order.
    beyond
        Names of areas and sensitive places that lie outside the study area.
    """

    areas: tuple[Area, ...]
    runways: tuple[NamedRunway, ...]
    sensitive: tuple[Sensitive, ...]
    water: BaseGeometry | None
    water_missing: bool
    ground_elevation_m: float | None
    assumptions: ExclusionAssumptions
    provenance: tuple[Provenance, ...]
    beyond: tuple[str, ...]

    @property
    def read_terrain(self) -> bool:
        """Whether a rule asks how high the ground is."""
        return bool(self.runways or self.sensitive)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """Options of one technology at one site that are left out for one reason.

    Parameters
    ----------
    site, technology
        Index of the site in the candidate sites, and of the technology in the scenario.
    reason
        The first rule they break.
    by
        Name of the area, runway or building; empty for water.
    amount, permitted
        Worst case and what the rule permits, in the unit of the reason: distance to the area
        [m], height left by the surface [m], height of the building over the antenna [m],
        power density [W/m2]; both 0 for water.
    options
        How many options: ways to aim.
    """

    site: int
    technology: int
    reason: Reason
    by: str
    amount: float
    permitted: float
    options: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """A technology that stands lower at a site than it wants.

    Parameters
    ----------
    site, technology
        Index of the site in the candidate sites, and of the technology in the scenario.
    by
        Name of the runway.
    wanted_m, height_m
        Mounting height it wants, and what the surface leaves, rounded down [m].
    """

    site: int
    technology: int
    by: str
    wanted_m: float
    height_m: float


#: Unit of amounts, by reason.
UNITS: dict[Reason, str] = {
    Reason.AREA: "m",
    Reason.WATER: "",
    Reason.AERODROME: "m",
    Reason.HIGHER_BUILDING: "m",
    Reason.EXPOSURE: "W/m2",
}


def ground_m(terrain: Terrain | None, xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the ground of the cell that holds each position, (n, 2); NaN where not known [m]."""
    return _of_cells(terrain, xy, reach=0)


def highest_ground_m(
    terrain: Terrain | None, xy: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the highest ground of the cell of each position and its neighbours [m].

    What stands on a slope must not be promised height that its own place does not have.
    """
    return _of_cells(terrain, xy, reach=1)


def bases_m(
    item: Sensitive, site_xy: npt.NDArray[np.float64], terrain: Terrain | None
) -> npt.NDArray[np.float64]:
    """Return how much higher the ground at a building is than at sites, (n, 2) [m], (n,).

    0, level ground, where the terrain does not know both.
    """
    middle = shapely.get_coordinates(item.geometry.representative_point())
    rise = ground_m(terrain, middle) - ground_m(terrain, site_xy)
    return np.where(np.isnan(rise), 0.0, rise)


def _of_cells(
    terrain: Terrain | None, xy: npt.NDArray[np.float64], *, reach: int
) -> npt.NDArray[np.float64]:
    found = np.full(len(xy), np.nan)
    if terrain is None or not len(xy):
        return found
    grid = terrain.grid
    cell = np.floor((xy - [grid.west_m, grid.south_m]) / grid.cell_size_m).astype(np.int64)
    known = ((cell >= 0) & (cell < [grid.columns, grid.rows])).all(axis=1)
    for column, row in _window(reach):
        near = np.clip(cell[known] + [column, row], 0, [grid.columns - 1, grid.rows - 1])
        found[known] = np.fmax(found[known], terrain.ground_m[near[:, 1], near[:, 0]])
    return found


def _window(reach: int) -> Iterator[tuple[int, int]]:
    span = range(-reach, reach + 1)
    return ((column, row) for column in span for row in span)
