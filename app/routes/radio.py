"""Direct radio calls: a path over terrain, who sees whom, exposure of the public."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session

from app.repository import planning_data
from app.repository.planning_data import PlanningDataCache
from app.routes.dependencies import Running, Writing
from app.routes.paging import refuse_unknown_parameters
from app.schemas_radio import (
    MAX_PAIRS,
    ExposureIn,
    ExposureOut,
    PairOut,
    PointIn,
    ProfileIn,
    ProfileOut,
    SightIn,
    SightOut,
    SourceIn,
    SourceOut,
    TerrainOut,
)
from siting.errors import InputError, Problem, raise_if
from siting.geo import project, unproject
from siting.provenance import Provenance
from siting.radio.antenna import layout_pattern
from siting.radio.emf import compliance_distance_m, public_limit_w_m2
from siting.radio.ground.terrain import Terrain, clearance
from siting.radio.link import P1812_LEAST_M, P1812_MOST_MHZ, radio_link
from siting.radio.propagation.path_loss import Floats
from siting.scenario import PlanningData

router = APIRouter(
    prefix="/api/v1/radio", tags=["Radio"], dependencies=[Depends(refuse_unknown_parameters)]
)


@router.post("/profile", summary="One path over the terrain")
def profile(session: Writing, running: Running, asked: ProfileIn) -> ProfileOut:
    """Return ground, clearance, diffraction and loss between two places.

    The loss is that of ITU-R P.1812 for half of time and places where the method holds (from 250 m,
    up to 6 GHz); free space and Bullington's diffraction hold for every path.
    """
    data = _data(session, running.planning, asked.dataset)
    terrain = _terrain(data)
    xy, height = _places(data, terrain, {"start": asked.start, "end": asked.end})
    link = radio_link(
        terrain,
        *xy,
        from_height_m=height[0],
        to_height_m=height[1],
        frequency_mhz=asked.frequency_mhz,
        latitude_deg=float(unproject(xy.mean(axis=0), data.study_area.crs)[1][0]),
        gradient_n_units_per_km=asked.gradient_n_units_per_km,
        refractivity_n_units=asked.refractivity_n_units,
    )
    notes = [
        (
            f"assumed: fall of the refractive index {asked.gradient_n_units_per_km:g} N-units/km, "
            f"refractivity {asked.refractivity_n_units:g} N-units"
        )
    ]
    if link.basic_transmission_db is None:
        notes.append(
            f"ITU-R P.1812 holds from {P1812_LEAST_M:g} m and up to {P1812_MOST_MHZ:g} MHz; "
            "take free space and diffraction together"
        )
    if terrain.clutter_m is None:
        notes.append("buildings and trees are not in the terrain: the true loss may be greater")
    path = link.profile
    return ProfileOut(
        length_m=float(path.distance_m[-1]),
        distance_m=path.distance_m.tolist(),
        ground_m=path.terrain_m.tolist(),
        clutter_m=None if terrain.clutter_m is None else path.clutter_m.tolist(),
        clearance_fresnel=link.clearance,
        line_of_sight=link.clearance >= 0.0,
        free_space_db=link.free_space_db,
        diffraction_db=link.diffraction_db,
        basic_transmission_db=link.basic_transmission_db,
        notes=notes,
        terrain=_told(data, terrain),
    )


@router.post("/line-of-sight", summary="Which places see each other")
def line_of_sight(session: Writing, running: Running, asked: SightIn) -> SightOut:
    """Return for each pair whether the direct ray keeps the clearance asked for.

    Clearance is counted in radii of the first Fresnel zone, over ground and clutter on an Earth of
    4/3 of its radius; negative: the ray is blocked. At most 1,000 pairs a call.
    """
    data = _data(session, running.planning, asked.dataset)
    terrain = _terrain(data)
    pairs = _pairs(asked)
    named = {f"points[{number}]": point for number, point in enumerate(asked.points)}
    xy, height = _places(data, terrain, named)
    problems = [
        Problem(f"points[{start}]", f"is where points[{end}] is", "leave the pair out")
        for start, end in pairs
        if (xy[start] == xy[end]).all()
    ]
    raise_if(problems, InputError)
    found = []
    for start, end in pairs:
        path = terrain.profile(xy[start], xy[end])
        least = clearance(
            path,
            transmitter_height_m=height[start],
            receiver_height_m=height[end],
            frequency_mhz=asked.frequency_mhz,
        )
        found.append(
            PairOut(
                start=start,
                end=end,
                length_m=float(path.distance_m[-1]),
                clearance_fresnel=least,
                clear=least >= asked.clearance,
            )
        )
    return SightOut(pairs=found, terrain=_told(data, terrain))


@router.post("/exposure", summary="How far the public must stay from antennas")
def exposure(session: Writing, running: Running, asked: ExposureIn) -> ExposureOut:
    """Return compliance distances by GB 8702-2014 with the share a project may use up.

    Far-field formulas, which overstate the field close to an antenna. Synchronisation beams have
    less gain than traffic beams: give `gain_dbi` of the traffic beams where it is known.
    """
    data = _data(session, running.planning, asked.dataset)
    known = {item.id: item for item in data.technologies}
    problems = [
        Problem(
            f"sources[{number}].technology",
            f"unknown technology {source.technology!r}",
            "known: " + ", ".join(sorted(known)),
        )
        for number, source in enumerate(asked.sources)
        if source.technology is not None and source.technology not in known
    ]
    raise_if(problems, InputError)
    sources = [_source(data, source, asked) for source in asked.sources]
    notes = [f"assumed: mean over greatest power {asked.duty:g}, reflection {asked.reflection:g}"]
    if any(item.technology is not None and item.gain_dbi is None for item in asked.sources):
        notes.append(
            "a technology without gain_dbi counts with its synchronisation beams; traffic beams "
            "of active antennas have up to 9 dB more, which makes the distance 2.8 times as long"
        )
    # GB 8702-2014, section 4.1: the ratios to the limits add up, and each falls with distance².
    together = float(np.sqrt(sum(item.distance_m**2 for item in sources)))
    return ExposureOut(sources=sources, together_m=together, notes=notes)


def _source(data: PlanningData, source: SourceIn, asked: ExposureIn) -> SourceOut:
    """Return the distances of one antenna, known to be good."""
    directions = np.zeros(1)
    if source.technology is None:
        frequency, eirp = float(source.frequency_mhz or 0.0), float(source.eirp_dbm or 0.0)
    else:
        kind = next(item for item in data.technologies if item.id == source.technology)
        gain = kind.ssb_gain_dbi if source.gain_dbi is None else source.gain_dbi
        frequency, eirp = kind.frequency_mhz, kind.tx_power_dbm + gain
        if kind.sectors is not None:
            # In the beam, straight down, and behind.
            towards = layout_pattern(kind.sectors).gain(
                [0.0, 0.0, 180.0], [source.tilt_deg, 90.0, 0.0], tilt_deg=source.tilt_deg
            )
            directions = towards - towards[0]
    distance = compliance_distance_m(
        eirp + directions,
        frequency,
        share=asked.share,
        duty=asked.duty,
        reflection=asked.reflection,
    ).tolist()
    limit = float(public_limit_w_m2(frequency))
    return SourceOut(
        frequency_mhz=frequency,
        eirp_dbm=eirp,
        limit_w_m2=limit,
        permitted_w_m2=asked.share * limit,
        distance_m=distance[0],
        below_m=distance[1] if len(distance) > 1 else None,
        behind_m=distance[2] if len(distance) > 1 else None,
    )


def _data(session: Session, planning: PlanningDataCache, dataset: str) -> PlanningData:
    known = [row.id for row in planning_data.datasets(session)]
    if dataset not in known:
        what = f"unknown planning data {dataset!r}"
        hint = "known: " + (", ".join(known) or "none is loaded")
        raise InputError(Problem("dataset", what, hint))
    return planning.get(session, dataset)


def _terrain(data: PlanningData) -> Terrain:
    if data.terrain is None:
        raise InputError(Problem("dataset", "has no terrain", "load heights for it first"))
    return data.terrain


def _told(data: PlanningData, terrain: Terrain) -> TerrainOut:
    return TerrainOut(
        provenance=data.terrain_provenance.value,
        source=data.terrain_source,
        clutter_known=terrain.clutter_m is not None,
        rests_on_synthetic=data.terrain_provenance is Provenance.SYNTHETIC,
    )


def _pairs(asked: SightIn) -> list[tuple[int, int]]:
    """Return the pairs to look at; refuse positions that name no point, and too many pairs."""
    count = len(asked.points)
    pairs = list(combinations(range(count), 2)) if asked.pairs is None else asked.pairs
    problems = [
        Problem(f"pairs[{number}]", f"{list(pair)} names no two of the {count} points")
        for number, pair in enumerate(pairs)
        if pair[0] == pair[1] or not all(0 <= index < count for index in pair)
    ]
    if len(pairs) > MAX_PAIRS:
        what = f"{count} points make {len(pairs):,} pairs, at most {MAX_PAIRS:,} are looked at"
        problems.append(Problem("points", what, "name the pairs, or send fewer points"))
    raise_if(problems, InputError)
    return pairs


def _places(
    data: PlanningData, terrain: Terrain, named: dict[str, PointIn]
) -> tuple[Floats, list[float]]:
    """Return positions in the working CRS and heights, or name every point that is none."""
    sites = {site_id: index for index, site_id in enumerate(data.sites.id)}
    problems: list[Problem] = []
    xy, heights = np.zeros((len(named), 2)), []
    for number, (where, point) in enumerate(named.items()):
        height = point.height_m
        if point.lon is not None and point.lat is not None:
            xy[number] = project([point.lon], [point.lat], data.study_area.crs)[0]
        elif point.site in sites:
            xy[number] = data.sites.xy[sites[point.site]]
            height = height or float(data.sites.height_m[sites[point.site]])
        else:
            hint = "ids are those of the candidate sites"
            problems.append(Problem(f"{where}.site", f"unknown site {point.site!r}", hint))
            xy[number] = [terrain.grid.west_m, terrain.grid.south_m]
        heights.append(float(height or 0.0))
        problems += terrain.misplaced(where, xy[number])
    raise_if(problems, InputError)
    return xy, heights
