"""Which option serves which demand point: from the physical prediction to sparse matrices.

A scenario's coverage model says how: by distance alone every station serves a disc
(:func:`served_demand`); with sectors its antennas have a direction, and the terrain counts
(:mod:`siting.radio.sector_coverage`). Interference is no part of it: it depends on the whole plan.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.errors import Problem, raise_if
from siting.progress import Progress, Report, Stop
from siting.radio.link_budget import service_range_m, standard_problems, technology_problems
from siting.radio.network.demand_quality import quality_problems
from siting.radio.point_grid import (
    PointGrid,
    build_grid,
    checked_xy,
    count_in_discs,
    list_in_discs,
)
from siting.radio.sector_coverage import sector_question, served_points, terrain_problems
from siting.technology import CoverageModel

if TYPE_CHECKING:
    from siting.scenario import Scenario
    from siting.technology import ServiceStandard

log = logging.getLogger(__name__)

#: Options in one block of work. Blocks are independent; the result does not depend on this.
BLOCK_OPTIONS = 4096

_Block = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
_Arguments = tuple[Sequence[Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """What every option of a scenario would serve.

    Parameters
    ----------
    by_standard
        Per standard id a boolean CSR matrix of shape (n demand points, k options): option o serves
        demand point i. Column indices are sorted and int32.
    ranges_m
        Per standard id the service range of every option over level ground in its strongest
        direction [m], shape (k,); 0 where it serves nothing.
    """

    by_standard: Mapping[str, sp.csr_array]
    ranges_m: Mapping[str, npt.NDArray[np.float64]]


def build_coverage(
    scenario: Scenario,
    *,
    executor: Executor | None = None,
    stop: Stop | None = None,
    progress: Report | None = None,
    block_options: int = BLOCK_OPTIONS,
) -> Coverage:
    """Predict what every option of a scenario serves, by each of its standards.

    By distance, option o serves demand point i by standard s when their horizontal distance is at
    most the service range of o's technology at o's height by s (:func:`~siting.radio.link_budget.
    service_range_m`), the rim included. With sectors, when what o's antennas and the terrain take
    away is within the margin that s leaves at that distance.

    Parameters
    ----------
    scenario
        The question.
    executor
        Where blocks of options are worked on; None: here, one after the other.
    stop
        Asked before every block.
    progress
        Told after every block, phase ``"coverage"``.
    block_options
        Options in a block, about; no influence on the result.

    Raises
    ------
    InputError
        When a technology or standard leaves the validity of the radio model, a position is not
        finite, or the terrain does not cover a site or demand point.
    concurrent.futures.CancelledError
        When `stop` ended the computation; half a coverage would call reachable demand unreachable.

    Notes
    -----
    Time and memory grow with the number of served pairs: about 4 bytes and 20 ns for each.
    """
    begun = time.monotonic()
    demand, options = scenario.data.demand, scenario.options
    raise_if(coverage_problems(scenario))
    ranges = {item.id: option_ranges_m(scenario, item) for item in scenario.standards}
    if scenario.coverage_model is CoverageModel.SECTORS:
        serve, blocks = _by_sectors(scenario, block_options)
    else:
        serve, blocks = _by_distance(scenario, ranges, block_options)
    parts: list[list[_Block]] = []
    work = map(serve, *blocks) if executor is None else executor.map(serve, *blocks)
    for number in range(len(blocks[0])):
        if stop is not None and stop():
            message = "coverage was stopped before it was complete"
            raise CancelledError(message)
        parts.append(next(work))
        if progress is not None:
            share, elapsed = (number + 1) / len(blocks[0]), time.monotonic() - begun
            progress(Progress(phase="coverage", fraction=share, elapsed_s=elapsed))
    by_standard = {
        item.id: _assemble([part[number] for part in parts], len(demand), len(options))
        for number, item in enumerate(scenario.standards)
    }
    for name, matrix in by_standard.items():
        log.info(
            "coverage %s: %d demand points, %d options, %d pairs", name, *matrix.shape, matrix.nnz
        )
    log.info("coverage by %s in %.2f s", scenario.coverage_model, time.monotonic() - begun)
    return Coverage(by_standard=MappingProxyType(by_standard), ranges_m=MappingProxyType(ranges))


def _by_distance(
    scenario: Scenario, ranges: Mapping[str, npt.NDArray[np.float64]], block_options: int
) -> tuple[Callable[..., list[_Block]], _Arguments]:
    """Return what serves a block of options by distance, and its arguments for every block."""
    grid = build_grid(scenario.data.demand.xy)
    xy = checked_xy("sites", scenario.data.sites.xy)[scenario.options.site]
    cuts = [slice(first, first + block_options) for first in range(0, len(xy), block_options)]
    reaches = [[range_m[cut] for range_m in ranges.values()] for cut in cuts]
    return _discs, ([grid] * len(cuts), [xy[cut] for cut in cuts], reaches)


def _discs(
    grid: PointGrid, xy: npt.NDArray[np.float64], ranges_m: list[npt.NDArray[np.float64]]
) -> list[_Block]:
    return [served_demand(grid, xy, range_m) for range_m in ranges_m]


def _by_sectors(
    scenario: Scenario, block_options: int
) -> tuple[Callable[..., list[_Block]], _Arguments]:
    """Return what serves a block of masts with sectors, and its arguments for every block."""
    data = scenario.data
    question = sector_question(
        scenario.options,
        data.sites.xy,
        scenario.technologies,
        scenario.standards,
        data.demand.xy,
        data.terrain,
    )
    last = np.arange(block_options, len(scenario.options) + block_options, block_options)
    cuts = np.minimum(np.searchsorted(question.first, last), question.masts)
    cuts = np.unique(np.concatenate([[0], cuts]))
    first, last = cuts[:-1].tolist(), cuts[1:].tolist()
    return served_points, ([question] * len(first), first, last)


def coverage_problems(scenario: Scenario) -> list[Problem]:
    """List everything the radio model cannot answer for; empty: none."""
    options = scenario.options
    problems: list[Problem] = []
    for number, technology in enumerate(scenario.technologies):
        heights = options.height_m[options.technology == number]
        problems.extend(technology_problems(technology, heights))
    for standard in scenario.standards:
        problems.extend(standard_problems(standard))
    problems.extend(quality_problems(scenario))
    if scenario.coverage_model is CoverageModel.SECTORS:
        data = scenario.data
        sites = data.sites.xy[np.unique(options.site)]
        problems.extend(terrain_problems(data.terrain, sites, "candidate sites"))
        problems.extend(terrain_problems(data.terrain, data.demand.xy, "demand points"))
    return problems


def option_ranges_m(scenario: Scenario, standard: ServiceStandard) -> npt.NDArray[np.float64]:
    """Return the service range of every option by a standard [m], shape (k,).

    A carrier that does not count for the standard, being too narrow or another operator's, serves
    nothing: range 0.
    """
    options = scenario.options
    ranges = np.zeros(len(options))
    for number, technology in enumerate(scenario.technologies):
        mine = options.technology == number
        if mine.any() and standard.counts(technology):
            ranges[mine] = service_range_m(technology, standard, options.height_m[mine])
    return ranges


def served_demand(
    grid: PointGrid, xy: npt.NDArray[np.float64], range_m: npt.NDArray[np.float64]
) -> _Block:
    """List the demand points each option of a block serves.

    Parameters
    ----------
    grid
        The demand points.
    xy
        Position of the options [m], shape (b, 2).
    range_m
        Service range of the options [m], shape (b,); 0 serves nothing.

    Returns
    -------
    start, demand
        Option o of the block serves ``demand[start[o]:start[o + 1]]``, shapes (b + 1,) and
        (served pairs,).
    """
    start = np.zeros(len(xy) + 1, dtype=np.int64)
    np.cumsum(count_in_discs(grid, xy, range_m), out=start[1:])
    demand = np.empty(start[-1], dtype=np.int32)
    list_in_discs(grid, xy, range_m, demand)
    return start, demand


def _assemble(parts: list[_Block], rows: int, columns: int) -> sp.csr_array:
    counts = [np.diff(start) for start, _ in parts]
    start = np.zeros(columns + 1, dtype=np.int64)
    if parts:
        np.cumsum(np.concatenate(counts), out=start[1:])
    demand = np.concatenate([part for _, part in parts]) if parts else np.zeros(0, dtype=np.int32)
    if start[-1] <= np.iinfo(np.int32).max:
        start = start.astype(np.int32)
    by_option = sp.csc_array((np.ones(len(demand), dtype=np.bool_), demand, start), (rows, columns))
    # Transposing walks the options in order, so every row comes out sorted.
    return by_option.tocsr()
