"""What a prediction is made of, read from files: stations, and the terrain they stand on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from siting.errors import InputError, Problem, raise_if
from siting.grid import Grid
from siting.io.raster import ImportedTerrain, read_terrain
from siting.io.station_list import StationList, read_stations
from siting.radio.network.assumptions import RadioAssumptions
from siting.radio.network.plan_prediction import Ground, prediction_grid
from siting.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PredictionInput:
    """Everything :func:`siting.radio.network.plan_prediction.predict_stations` asks for.

    Parameters
    ----------
    listed
        The stations.
    grid
        Raster over the study area.
    ground
        Terrain under it: from files, or that of the planning data.
    imported
        Report on the terrain's files; None when none were given.
    """

    listed: StationList
    grid: Grid
    ground: Ground
    imported: ImportedTerrain | None


def read_prediction_input(
    scenario: Scenario,
    *,
    stations: Path,
    terrain: Sequence[Path] = (),
    clutter: Sequence[Path] = (),
    cell_size_m: float = 50.0,
    assumptions: RadioAssumptions,
) -> PredictionInput:
    """Read stations and terrain for a prediction over a scenario's study area.

    Parameters
    ----------
    scenario
        Study area and equipment.
    stations
        List of :func:`siting.io.station_list.read_stations`.
    terrain, clutter
        Files of :func:`siting.io.raster.read_terrain`; no terrain: that of the planning data.
    cell_size_m
        Side of a pixel [m].
    assumptions
        Held against their ranges here, so that their faults come with the others.

    Raises
    ------
    FileError
        When a file is missing, damaged or of no known format.
    InputError
        With the faults of all of them.
    """
    crs = scenario.data.study_area.crs
    problems = assumptions.problems()
    if clutter and not terrain:
        hint = "give the ground with --terrain too"
        problems.append(Problem("clutter", "is given without terrain", hint))
    grids: list[Grid] = []
    lists: list[StationList] = []
    heights: list[ImportedTerrain] = []
    with _gathered(problems):
        grids.append(prediction_grid(scenario.data, cell_size_m))
    with _gathered(problems):
        lists.append(read_stations(stations, technologies=scenario.technologies, crs=crs))
    if terrain and grids:
        with _gathered(problems):
            heights.append(read_terrain(terrain, grid=grids[0], clutter=clutter))
    raise_if(problems, InputError)
    ground = Ground.of(scenario.data)
    for imported in heights:
        ground = Ground(
            terrain=imported.terrain,
            provenance=imported.provenance,
            source=", ".join(file.name for file in (*imported.ground, *imported.clutter)),
        )
    return PredictionInput(
        listed=lists[0], grid=grids[0], ground=ground, imported=heights[0] if heights else None
    )


@contextmanager
def _gathered(problems: list[Problem]) -> Iterator[None]:
    """Gather the faults of one input instead of ending at them."""
    try:
        yield
    except InputError as error:
        problems += error.problems
