"""Stations that stand: which option each of them is, and what it costs to aim it anew.

A station that stands costs nothing as it is aimed now, a little to aim it anew, and its site is
paid already; so whoever plans at least cost turns and tilts what stands before building.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from siting.errors import Problem
from siting.technology import Options, Technology

if TYPE_CHECKING:
    from siting.sites import CandidateSites
    from siting.spec import ExistingSpec, ScenarioSpec

Indices = npt.NDArray[np.intp]


class Work(StrEnum):
    """What is done for an option of a plan."""

    STANDS = "stands"  #: it stays as it is
    REAIMED = "reaimed"  #: a station that stands is turned or tilted
    NEW = "new"  #: it is built


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """Options and sites with what stands taken into account.

    Parameters
    ----------
    options
        The options; what stands costs nothing.
    sites
        The sites; opening one with a station that stands costs nothing.
    present
        Option that each station that stands is now, ascending, (e,).
    """

    options: Options
    sites: CandidateSites
    present: Indices


def stand(
    spec: ScenarioSpec,
    sites: CandidateSites,
    technologies: Sequence[Technology],
    options: Options,
    problems: list[Problem],
) -> Standing:
    """Find the option that each station of a document is, and price it as standing.

    Parameters
    ----------
    spec
        The document; without stations that stand nothing changes.
    sites, technologies, options
        What the options refer to, and those that may be chosen.
    problems
        Unknown sites and technologies, a station given twice, one without any option, a direction
        that the technology cannot have, more stations than there may be.

    Notes
    -----
    Of the options of the same technology at the site the nearest counts: the least sum of the
    difference in azimuth, over the turn after which the rose looks the same, and in tilt. Where no
    direction is given the first way to aim the technology is taken.
    """
    present: list[int] = []
    place = {str(site_id): index for index, site_id in enumerate(sites.id)}
    number = {item.id: index for index, item in enumerate(technologies)}
    for at, item in enumerate(spec.existing):
        found = _faults(item, f"existing[{at}]", place, number, technologies)
        if not found:
            mine = (options.site == place[item.site]) & (
                options.technology == number[item.technology]
            )
            own = np.flatnonzero(mine)
            if not len(own):
                what = f"site {item.site!r} has no option of {item.technology!r}"
                hint = "it is forbidden, excluded, or of a kind that cannot carry it"
                found = [Problem(f"existing[{at}]", what, hint)]
            elif int(options.station[own[0]]) in options.station[present]:
                what = f"a second station on the carrier of {item.technology!r} at {item.site!r}"
                found = [Problem(f"existing[{at}]", what, "a carrier is on air once at a site")]
            else:
                present.append(_nearest(item, own, options, technologies))
        problems += found
    if spec.stations is not None and len(present) > spec.stations:
        what = f"{len(present)} stations stand, and {spec.stations} are allowed"
        problems.append(Problem("stations", what, "allow at least those that stand"))
    chosen = np.sort(np.array(present, dtype=np.intp))
    return _priced(spec, sites, options, chosen)


def _faults(
    item: ExistingSpec,
    where: str,
    place: dict[str, int],
    number: dict[str, int],
    technologies: Sequence[Technology],
) -> list[Problem]:
    """Name what keeps a station from being looked up."""
    found = []
    if item.site not in place:
        hint = "ids are those of the candidate sites"
        found.append(Problem(f"{where}.site", f"unknown site {item.site!r}", hint))
    if item.technology not in number:
        known = "known: " + ", ".join(sorted(number))
        found.append(Problem(f"{where}.technology", f"unknown {item.technology!r}", known))
    elif item.turn_deg is not None and technologies[number[item.technology]].sectors is None:
        what = f"{item.technology!r} has no sectors"
        found.append(Problem(f"{where}.turn_deg", what, "leave turn_deg and tilt_deg out"))
    return found


def _nearest(
    item: ExistingSpec, own: Indices, options: Options, technologies: Sequence[Technology]
) -> int:
    """Return the option nearest to a station's direction; ties go to the first."""
    layout = technologies[int(options.technology[own[0]])].sectors
    if layout is None or item.turn_deg is None or item.tilt_deg is None:
        return int(own[0])
    rose = 360.0 / layout.sectors
    turn = np.mod(options.turn_deg[own] - item.turn_deg, rose)
    apart = np.minimum(turn, rose - turn) + np.abs(options.tilt_deg[own] - item.tilt_deg)
    return int(own[np.argmin(apart)])


def _priced(
    spec: ScenarioSpec, sites: CandidateSites, options: Options, present: Indices
) -> Standing:
    """Charge what stands with nothing, and another direction of it with the work."""
    if not len(present):
        return Standing(options=options, sites=sites, present=present)
    cost = options.cost_cny.copy()
    cost[work_of(options, present) == Work.REAIMED] = spec.reaim_cost_cny
    cost[present] = 0
    opened = np.unique(options.site[present])
    fixed, existing = sites.fixed_cost_cny.copy(), np.array(sites.existing, dtype=np.bool_)
    fixed[opened], existing[opened] = 0, True
    return Standing(
        options=replace(options, cost_cny=cost),
        sites=replace(sites, fixed_cost_cny=fixed, existing=existing),
        present=present,
    )


def work_of(options: Options, present: Indices) -> npt.NDArray[np.str_]:
    """Say of every option what is done for it: a value of :class:`Work`, (k,)."""
    work = np.full(len(options), Work.NEW.value, dtype="U8")
    if not len(present):
        return work
    most = int(options.technology.max(initial=0)) + 1
    pair = options.site * most + options.technology
    work[np.isin(pair, pair[present])] = Work.REAIMED.value
    work[present] = Work.STANDS.value
    return work
