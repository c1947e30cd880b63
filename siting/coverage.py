"""Which option serves which demand point: from the physical prediction to sparse matrices.

:func:`served_demand` is the one place that says what an option serves. Today's prediction depends
on distance alone, so it is a disc; a prediction with terrain, sectors or interference replaces that
function and nothing else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError, Executor
from dataclasses import dataclass
from itertools import repeat
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.errors import Problem, raise_if
from siting.progress import Progress, Report, Stop
from siting.radio.link_budget import service_range_m, standard_problems, technology_problems
from siting.radio.point_grid import (
    PointGrid,
    build_grid,
    checked_xy,
    count_in_discs,
    list_in_discs,
)

if TYPE_CHECKING:
    from siting.scenario import Scenario
    from siting.technology import ServiceStandard

log = logging.getLogger(__name__)

#: Options in one block of work. Blocks are independent; the result does not depend on this.
BLOCK_OPTIONS = 4096

_Block = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """What every option of a scenario would serve.

    Parameters
    ----------
    by_standard
        Per standard id a boolean CSR matrix of shape (n demand points, k options): option o serves
        demand point i. Column indices are sorted and int32.
    ranges_m
        Per standard id the service range of every option [m], shape (k,); 0 where it serves
        nothing.
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

    Option o serves demand point i by standard s when their horizontal distance is at most the
    service range of o's technology at o's height by s (:func:`~siting.radio.link_budget.
    service_range_m`), the rim included.

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
        Options in a block; no influence on the result.

    Raises
    ------
    InputError
        When a technology or standard leaves the validity of the radio model, or a position is not
        finite.
    concurrent.futures.CancelledError
        When `stop` ended the computation; half a coverage would call reachable demand unreachable.

    Notes
    -----
    Time and memory grow with the number of served pairs: about 4 bytes and 20 ns for each.
    """
    begun = time.monotonic()
    demand, options = scenario.data.demand, scenario.options
    raise_if(coverage_problems(scenario))
    grid = build_grid(demand.xy)
    xy = checked_xy("sites", scenario.data.sites.xy)[options.site]
    blocks = max(1, -(-len(options) // block_options))
    by_standard: dict[str, sp.csr_array] = {}
    ranges: dict[str, npt.NDArray[np.float64]] = {}
    for number, standard in enumerate(scenario.standards):
        ranges[standard.id] = range_m = option_ranges_m(scenario, standard)
        parts: list[_Block] = []
        for part in _blocks(
            grid, xy, range_m, block_options=block_options, executor=executor, stop=stop
        ):
            parts.append(part)
            if progress is not None:
                share = (number + len(parts) / blocks) / len(scenario.standards)
                elapsed = time.monotonic() - begun
                progress(Progress(phase="coverage", fraction=share, elapsed_s=elapsed))
        by_standard[standard.id] = _assemble(parts, len(demand), len(options))
        log.info(
            "coverage %s: n=%d options=%d nnz=%d in %.2f s",
            standard.id,
            len(demand),
            len(options),
            by_standard[standard.id].nnz,
            time.monotonic() - begun,
        )
    return Coverage(by_standard=MappingProxyType(by_standard), ranges_m=MappingProxyType(ranges))


def coverage_problems(scenario: Scenario) -> list[Problem]:
    """List every technology and standard the radio model cannot answer for; empty: none."""
    options = scenario.options
    problems: list[Problem] = []
    for number, technology in enumerate(scenario.technologies):
        heights = options.height_m[options.technology == number]
        problems.extend(technology_problems(technology, heights))
    for standard in scenario.standards:
        problems.extend(standard_problems(standard))
    return problems


def option_ranges_m(scenario: Scenario, standard: ServiceStandard) -> npt.NDArray[np.float64]:
    """Return the service range of every option by a standard [m], shape (k,).

    A carrier narrower than the standard's least bandwidth serves nothing: range 0.
    """
    options = scenario.options
    ranges = np.zeros(len(options))
    for number, technology in enumerate(scenario.technologies):
        mine = options.technology == number
        if mine.any() and technology.bandwidth_mhz >= standard.min_bandwidth_mhz:
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


def _blocks(
    grid: PointGrid,
    xy: npt.NDArray[np.float64],
    range_m: npt.NDArray[np.float64],
    *,
    block_options: int,
    executor: Executor | None,
    stop: Stop | None,
) -> Iterator[_Block]:
    cuts = range(0, len(xy), block_options)
    places = [xy[cut : cut + block_options] for cut in cuts]
    reaches = [range_m[cut : cut + block_options] for cut in cuts]
    run = map if executor is None else executor.map
    work = run(served_demand, repeat(grid), places, reaches)
    for _ in cuts:
        if stop is not None and stop():
            message = "coverage was stopped before it was complete"
            raise CancelledError(message)
        yield next(work)


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
