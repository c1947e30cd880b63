"""The cells of a radio network: which sector sends what, from where, in which direction.

A *cell* is meant as in 3GPP: one sector on one carrier. Sectors and bands of one site are cells
that share its position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.grid import Grid
from siting.radio.antenna import SAMPLES, AntennaPattern, Combination
from siting.radio.carrier import power_per_subcarrier_dbm
from siting.radio.link_budget import technology_problems
from siting.radio.propagation.path_loss import Floats, outside
from siting.technology import Technology
from siting.units import mhz_to_hz

Ints = npt.NDArray[np.int32]

#: Greatest effective power in one subcarrier [dBm]: 320 W on 100 MHz through 25 dBi give 45.
MOST_EIRP_DBM = 50.0

#: Today's disc model: the same gain in every direction. Levels take a pattern's attenuation alone,
#: so its own gain does not matter.
OMNI = AntennaPattern(
    name="omni",
    gain_dbi=0.0,
    horizontal_db=np.zeros(SAMPLES),
    vertical_db=np.zeros(SAMPLES),
    limit_db=0.0,
    combination=Combination.SUM,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """A network as parallel arrays, one entry per cell; every array has the shape (n,).

    Parameters
    ----------
    technologies, patterns
        Equipment and antenna patterns the cells use.
    site
        Number of the site a cell stands on, as the caller counts sites; names it in messages.
    xy
        Position in the working CRS [m], (n, 2).
    height_m
        Antenna above ground [m].
    azimuth_deg
        Direction of the boresight, clockwise from north [degrees], any turn.
    tilt_deg, mechanical_tilt_deg
        Electrical and mechanical downtilt [degrees].
    technology, pattern
        Indices into `technologies` and `patterns`.
    load
        Share of the cell's power that disturbs its neighbours, 0 to 1; NaN: the assumption's.
    active
        False for cells that send nothing: planned, switched off or taken away.
    operator
        Who runs the cell, or "" where that plays no part.
    """

    technologies: tuple[Technology, ...]
    patterns: tuple[AntennaPattern, ...]
    site: Ints
    xy: Floats
    height_m: Floats
    azimuth_deg: Floats
    tilt_deg: Floats
    mechanical_tilt_deg: Floats
    technology: Ints
    pattern: Ints
    load: Floats
    active: npt.NDArray[np.bool_]
    operator: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of cells n."""
        return len(self.site)

    def problems(self, grid: Grid | None = None) -> list[Problem]:
        """Name everything that keeps the cells from being predicted.

        Parameters
        ----------
        grid
            Raster that must hold every site; None: anywhere.

        Returns
        -------
        list of Problem
            No cell at all, arrays of different lengths, indices that name nothing, numbers that
            are none, carriers, frequencies and heights outside the model, powers beyond all reason,
            unlike spacings on one frequency, sites outside the raster; empty when all is well.
        """
        found = self._shape_problems()
        if found:
            return found
        return [
            *self._number_problems(),
            *self._equipment_problems(),
            *([] if grid is None else self._misplaced(grid)),
        ]

    def within(self, grid: Grid) -> npt.NDArray[np.bool_]:
        """Say which cells stand inside a raster, (n,)."""
        place = (self.xy - [grid.west_m, grid.south_m]) / grid.cell_size_m
        return np.all((place >= 0) & (place <= [grid.columns, grid.rows]), axis=1)

    def with_values(self, cells: npt.ArrayLike, **values: npt.ArrayLike) -> Cells:
        """Return a copy in which some cells have new values.

        Parameters
        ----------
        cells
            Indices of the cells.
        values
            New values by field, one for all or one per cell, e.g. ``azimuth_deg=[10, 130, 250]``.

        Raises
        ------
        InputError
            For cells and fields that do not exist.
        """
        chosen = np.asarray(cells)
        arrays = _ARRAYS.keys() | {"xy"}
        problems = [
            Problem(name, "is no field of a cell", f"one of {', '.join(sorted(arrays))}")
            for name in values
            if name not in arrays
        ]
        if chosen.dtype == np.bool_:
            named = chosen.shape == (len(self),)
        else:
            within = bool(((chosen >= 0) & (chosen < len(self))).all())
            named = np.issubdtype(chosen.dtype, np.integer) and within
        if not named:
            problems.append(Problem("cells", "name no cell", f"cells are 0 to {len(self) - 1}"))
        raise_if(problems, InputError)
        changed = {}
        for name, value in values.items():
            array = getattr(self, name).copy()
            try:
                array[chosen] = value
            except (TypeError, ValueError) as error:
                problems.append(Problem(f"cells.{name}", f"cannot be set: {error}"))
            changed[name] = array
        raise_if(problems, InputError)
        return replace(self, **changed)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Cells:
        """Return some of the cells, e.g. those of one operator; they are numbered anew.

        Parameters
        ----------
        chosen
            Whether to keep each cell, (n,).
        """
        kept = {name: getattr(self, name)[chosen] for name in (*_ARRAYS, "xy")}
        operator = tuple(np.array(self.operator, dtype=object)[chosen].tolist())
        return replace(self, **kept, operator=operator)

    def and_more(self, more: Cells) -> Cells:
        """Return these cells followed by more of the same equipment.

        Raises
        ------
        InputError
            When the two do not name the same technologies and patterns.
        """
        if more.technologies != self.technologies or more.patterns != self.patterns:
            what = "name other technologies or patterns"
            raise InputError(Problem("cells", what, "build both from the same tuples"))
        joined = {
            name: np.concatenate([getattr(self, name), getattr(more, name)])
            for name in (*_ARRAYS, "xy")
        }
        return replace(self, **joined, operator=self.operator + more.operator)

    def _shape_problems(self) -> list[Problem]:
        n = len(self.site)
        found = [] if n else [Problem("cells", "are none", "give at least one cell")]
        for name in _ARRAYS:
            shape = np.shape(getattr(self, name))
            if shape != (n,):
                found.append(Problem(f"cells.{name}", f"has shape {shape}, not ({n},)"))
        if np.shape(self.xy) != (n, 2):
            found.append(Problem("cells.xy", f"has shape {np.shape(self.xy)}, not ({n}, 2)"))
        if len(self.operator) != n:
            found.append(Problem("cells.operator", f"names {len(self.operator)} cells of {n}"))
        return found

    def _number_problems(self) -> list[Problem]:
        found = []
        for name, (least, most, unit) in _ARRAYS.items():
            if name == "height_m":
                continue  # its range depends on the technology
            if name in _WHOLE and not np.issubdtype(getattr(self, name).dtype, np.integer):
                found.append(Problem(f"cells.{name}", "is not of whole numbers"))
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if name == "load":
                value = value[~np.isnan(value)]
            found += outside(f"cells.{name}", value, least, most, unit)
        lost = np.flatnonzero(~np.isfinite(self.xy).all(axis=1))
        if len(lost):
            found.append(Problem("cells.xy", f"is no position for {self._named(lost)}"))
        for name, choice in (("technology", self.technologies), ("pattern", self.patterns)):
            wrong = np.flatnonzero((getattr(self, name) < 0) | (getattr(self, name) >= len(choice)))
            if len(wrong):
                what = f"names none of the {len(choice)} for {self._named(wrong)}"
                found.append(Problem(f"cells.{name}", what))
        return found

    def _equipment_problems(self) -> list[Problem]:
        found, spacing = [], {}
        for number, technology in enumerate(self.technologies):
            mine = self.technology == number
            if not mine.any():
                continue
            bad = technology_problems(technology, self.height_m[mine])
            found += bad
            where = f"technologies[{technology.id}]"
            other = spacing.setdefault(technology.frequency_mhz, technology)
            if other.subcarrier_spacing_khz != technology.subcarrier_spacing_khz:
                what = f"shares {technology.frequency_mhz:g} MHz with {other.id} at another spacing"
                found.append(Problem(f"{where}.subcarrier_spacing_khz", what))
            if not bad:
                level = eirp_per_subcarrier_dbm(technology)
                found += outside(f"{where} EIRP", np.asarray(level), -100.0, MOST_EIRP_DBM, "dBm")
        return found

    def _misplaced(self, grid: Grid) -> list[Problem]:
        lost = np.flatnonzero(~self.within(grid) & np.isfinite(self.xy).all(axis=1))
        if not len(lost):
            return []
        return [
            Problem(
                "cells.xy",
                f"outside the raster for {self._named(lost)}",
                "enlarge the raster, or ask for such cells to be left out",
            )
        ]

    def _named(self, cells: npt.NDArray[np.integer]) -> str:
        """Name cells by their sites, at most five."""
        sites = np.unique(self.site[cells])
        shown = ", ".join(str(site) for site in sites[:5].tolist())
        return f"site {shown}" + (f" and {len(sites) - 5} more" if len(sites) > 5 else "")  # noqa: PLR2004


#: Arrays of whole numbers.
_WHOLE = ("site", "technology", "pattern")
#: Range and unit of every array but the positions.
_ARRAYS: dict[str, tuple[float, float, str]] = {
    "site": (-(2.0**31), 2.0**31, ""),
    "height_m": (-np.finfo(float).max, np.finfo(float).max, "m"),
    "azimuth_deg": (-1e6, 1e6, "deg"),
    "tilt_deg": (-90.0, 90.0, "deg"),
    "mechanical_tilt_deg": (-90.0, 90.0, "deg"),
    "technology": (-(2.0**31), 2.0**31, ""),
    "pattern": (-(2.0**31), 2.0**31, ""),
    "load": (0.0, 1.0, ""),
    "active": (0.0, 1.0, ""),
}


def sectors(
    xy: npt.ArrayLike,
    technology: Technology | Sequence[Technology],
    *,
    height_m: npt.ArrayLike,
    pattern: AntennaPattern = OMNI,
    azimuths_deg: npt.ArrayLike = (0.0,),
    tilt_deg: npt.ArrayLike = 0.0,
    mechanical_tilt_deg: npt.ArrayLike = 0.0,
    operator: str = "",
) -> Cells:
    """Return the cells of sites that are all equipped alike.

    Parameters
    ----------
    xy
        Positions of the sites [m], (m, 2).
    technology
        Equipment of every sector; several make as many cells per sector.
    height_m
        Antenna above ground [m], one for all or one per site.
    pattern
        Antenna of every sector.
    azimuths_deg
        Boresights [degrees], (k,) for all sites or (m, k).
    tilt_deg, mechanical_tilt_deg
        Downtilts [degrees], likewise, or one for all.
    operator
        Who runs the cells.

    Returns
    -------
    Cells
        Ordered by site, then technology, then azimuth.

    Raises
    ------
    InputError
        For arrays that fit neither all sites nor one each.
    """
    places = np.atleast_2d(np.asarray(xy, dtype=np.float64))
    equipment = (technology,) if isinstance(technology, Technology) else tuple(technology)
    aims = np.atleast_2d(np.asarray(azimuths_deg, dtype=np.float64))
    shape = (len(places), len(equipment), aims.shape[-1])
    problems = _misfits(
        {"xy": (places, (len(places), 2)), "height_m": (height_m, shape[:1])}
        | {
            name: (value, (len(places), shape[2]))
            for name, value in {
                "azimuths_deg": azimuths_deg,
                "tilt_deg": tilt_deg,
                "mechanical_tilt_deg": mechanical_tilt_deg,
            }.items()
        }
    )
    raise_if(problems, InputError)

    def spread(values: npt.ArrayLike) -> Floats:
        given = np.asarray(values, dtype=np.float64)
        if given.ndim:
            given = np.atleast_2d(given)[:, np.newaxis, :]
        return np.broadcast_to(given, shape).ravel()

    site, number, _ = np.indices(shape, dtype=np.int32)
    heights = np.broadcast_to(np.asarray(height_m, dtype=np.float64), len(places))
    count = site.size
    return Cells(
        technologies=equipment,
        patterns=(pattern,),
        site=site.ravel(),
        xy=places[site.ravel()],
        height_m=heights[site.ravel()],
        azimuth_deg=spread(aims),
        tilt_deg=spread(tilt_deg),
        mechanical_tilt_deg=spread(mechanical_tilt_deg),
        technology=number.ravel(),
        pattern=np.zeros(count, dtype=np.int32),
        load=np.full(count, np.nan),
        active=np.ones(count, dtype=np.bool_),
        operator=(operator,) * count,
    )


def _misfits(given: dict[str, tuple[npt.ArrayLike, tuple[int, ...]]]) -> list[Problem]:
    """Name the arrays that cannot be spread over a shape."""
    found = []
    for name, (value, shape) in given.items():
        own = np.shape(value)
        sides = zip(own[::-1], shape[::-1], strict=False)
        if len(own) > len(shape) or any(a not in {1, b} for a, b in sides):
            found.append(Problem(name, f"has shape {own}, which does not fit {shape}"))
    return found


def eirp_per_subcarrier_dbm(technology: Technology) -> float:
    """Return EPRE plus the gain of the synchronisation beams, in the strongest direction [dBm]."""
    return power_per_subcarrier_dbm(technology) + technology.ssb_gain_dbi


def spacing_hz(technology: Technology) -> float:
    """Return the width of one subcarrier [Hz]."""
    return float(mhz_to_hz(technology.subcarrier_spacing_khz / 1e3))
