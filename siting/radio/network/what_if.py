"""What if a site were moved, turned, added or taken away: only what it touches is computed anew.

The powers at a pixel are sums of whole numbers, so the old share of a cell is taken away exactly
and its new one added. The servers of a pixel are looked for again only where the changed cell was
among them. Either way the result is the one a full prediction gives, to the last bit.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from siting.errors import InputError, Problem, raise_if
from siting.radio.network.accumulate import ADD, REFILL, REMOVE, Mast, State
from siting.radio.network.area_prediction import Prediction, apply_to_rows
from siting.radio.network.area_report import (
    QUALITY_STANDARDS,
    AreaReport,
    ReportAreas,
    checked_tally,
    count,
    figures,
)
from siting.radio.network.cells import Cells
from siting.radio.network.masts import Place, mast, places_of
from siting.radio.network.radio_model import RadioModel
from siting.radio.network.received import Received
from siting.radio.network.tally import QualityStandard

log = logging.getLogger(__name__)

#: Changes that can be taken back; each keeps what its pixels received before.
MOST_UNDO = 20

Box = tuple[slice, slice]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Step:
    """What a change replaced, so that it can be taken back."""

    prediction: Prediction
    saved: list[tuple[Box, State]]
    totals: npt.NDArray[np.int64] | None


class WhatIf:
    """A network to try changes on; the prediction it starts from is left as it is.

    Parameters
    ----------
    prediction
        The network as it stands, best predicted with `keep_surroundings`.
    areas
        Zones whose figures follow every change; None: no figures.
    standards, walls
        As for :func:`~siting.radio.network.area_report.area_report`.

    Raises
    ------
    InputError
        As :func:`~siting.radio.network.area_report.area_report` does.
    """

    def __init__(
        self,
        prediction: Prediction,
        areas: ReportAreas | None = None,
        *,
        standards: Sequence[QualityStandard] = QUALITY_STANDARDS,
        walls: npt.NDArray[np.int8] | None = None,
    ) -> None:
        self._areas = areas
        self._tally = None
        self._totals = None
        if areas is not None:
            self._tally = checked_tally(prediction, areas, standards, walls)
            self._totals = count(prediction, areas, self._tally)
        prediction.surroundings.keep = True
        self._now = replace(prediction, state=prediction.state.copy())
        grid = prediction.grid
        self._marks = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
        self._steps: deque[_Step] = deque(maxlen=MOST_UNDO)

    @property
    def prediction(self) -> Prediction:
        """The network with all changes; its rasters change with the next one."""
        return self._now

    @property
    def areas(self) -> ReportAreas | None:
        """The zones whose figures follow."""
        return self._areas

    @property
    def standards(self) -> tuple[QualityStandard, ...]:
        """The standards the zones are held against; none without zones."""
        return () if self._tally is None else self._tally.standards

    def report(self) -> AreaReport:
        """Return the figures of all zones with all changes.

        Raises
        ------
        InputError
            When no zones were given.
        """
        if self._areas is None or self._tally is None or self._totals is None:
            raise InputError(Problem("areas", "were not given", "give them to WhatIf"))
        return figures(self._now, self._areas, self._tally, self._totals)

    def change(self, cells: npt.ArrayLike, **values: npt.ArrayLike) -> None:
        """Give cells new values: position, height, azimuth, tilts, load, activity, equipment.

        Parameters
        ----------
        cells
            Indices of the cells.
        values
            As for :meth:`siting.radio.network.cells.Cells.with_values`.

        Raises
        ------
        InputError
            For cells and values that make no network; nothing has changed then.
        """
        after = self._now.cells.with_values(cells, **values)
        touched = np.arange(len(after))[np.asarray(cells)]
        self._apply(after, np.unique(touched))

    def remove(self, site: int) -> None:
        """Take all cells of a site away; their numbers stay theirs.

        Raises
        ------
        InputError
            When no cell stands on the site.
        """
        mine = np.flatnonzero(self._now.cells.site == site)
        if not len(mine):
            raise InputError(Problem("site", f"{site} carries no cell"))
        self.change(mine, active=False)

    def add(self, more: Cells) -> None:
        """Add cells of the same technologies and patterns; they are numbered after the others.

        Raises
        ------
        InputError
            For cells that make no network or use other equipment; nothing has changed then.
        """
        after = self._now.cells.and_more(more)
        self._apply(after, np.arange(len(self._now.cells), len(after)))

    def swap(self, cells: npt.NDArray[np.intp], more: Cells) -> None:
        """Take cells away and add others, as one change.

        Parameters
        ----------
        cells
            Indices of the cells that go; their numbers stay theirs.
        more
            Cells of the same technologies and patterns; they are numbered after the others.

        Raises
        ------
        InputError
            As :meth:`change` and :meth:`add` do; nothing has changed then.
        """
        count = len(self._now.cells)
        after = self._now.cells.with_values(cells, active=False).and_more(more)
        self._apply(after, np.concatenate([np.unique(cells), np.arange(count, len(after))]))

    def undo(self) -> None:
        """Take the last change back, up to :data:`MOST_UNDO` in a row.

        Raises
        ------
        InputError
            When there is none left.
        """
        if not self._steps:
            raise InputError(Problem("undo", "no change is left to take back"))
        step = self._steps.pop()
        for box, old in step.saved:
            for part, values in zip(self._now.state, old, strict=True):
                part[(slice(None), *box)] = values
        self._now = step.prediction
        self._totals = step.totals

    def _apply(self, after: Cells, touched: npt.NDArray[np.intp]) -> None:
        """Replace the cells, and bring servers, powers and counts up to date."""
        begun = time.monotonic()
        before = self._now
        raise_if(after.problems(None if before.left_out else before.grid), InputError)
        old_cells = touched[touched < len(before.cells)]
        model = before.model.with_cells(after)
        with ThreadPoolExecutor(before.threads) as pool:
            old = self._masts(before.model, old_cells[before.cells.active[old_cells]], pool)
            new = self._masts(model, touched[after.active[touched]], pool)
            boxes = _merged([_box(one) for one in old + new])
            saved = [(box, before.state.copy(*box)) for box in boxes]
            self._run(before.model, old, boxes, REMOVE, pool)
            self._run(model, new, boxes, ADD, pool)
            self._now = replace(before, model=model)
            self._search_again(boxes, pool)
            self._steps.append(_Step(prediction=before, saved=saved, totals=self._totals))
            for box, was in saved:
                self._count(before.model, box, was, touched, pool)
        log.info("what-if: cells=%d in %.0f ms", len(touched), 1e3 * (time.monotonic() - begun))

    def _masts(
        self, model: RadioModel, chosen: npt.NDArray[np.intp], pool: ThreadPoolExecutor
    ) -> list[Mast]:
        """Return the masts of some cells."""

        def some(items: list[tuple[Place, list[int]]]) -> list[Mast]:
            return [
                mast(
                    *item,
                    curve=model.table.curve,
                    directional=model.directional,
                    surroundings=self._now.surroundings,
                )
                for item in items
            ]

        inside = chosen[model.cells.within(model.grid)[chosen]]
        places = list(places_of(model.cells, inside).items())
        # a part per thread: most windows are at hand, and a task for each would cost more than it
        size = max(1, -(-len(places) // self._now.threads))
        parts = [places[first : first + size] for first in range(0, len(places), size)]
        return [one for part in pool.map(some, parts) for one in part]

    def _run(
        self,
        model: RadioModel,
        masts: Sequence[Mast],
        boxes: Iterable[Box],
        action: int,
        pool: ThreadPoolExecutor,
    ) -> None:
        """Apply masts to the rows of boxes, the rows shared among the threads."""
        now = self._now

        def part(rows: tuple[int, int]) -> None:
            for one in masts:
                if one.row < rows[1] and one.row + one.rows > rows[0]:
                    where = (model, now.surroundings, now.state, one, rows)
                    apply_to_rows(*where, action=action, dirty=self._marks)

        list(pool.map(part, _row_parts(boxes, now.threads)))

    def _search_again(self, boxes: Iterable[Box], pool: ThreadPoolExecutor) -> None:
        """Find the servers of the marked pixels among all cells, and clear the marks."""
        state, dirty, near = self._now.state, [], []
        for rows, columns in boxes:
            row, column = np.nonzero(self._marks[rows, columns])
            if not len(row):
                continue
            row, column = row + rows.start, column + columns.start
            state.level[:, row, column] = -np.inf
            state.server[:, row, column] = -1
            box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in (row, column))
            dirty.append(box)
            near.append(self._near(*box))
        if dirty:
            masts = self._masts(self._now.model, np.unique(np.concatenate(near)), pool)
            self._run(self._now.model, masts, dirty, REFILL, pool)
        for box in dirty:
            self._marks[box] = False

    def _near(self, rows: slice, columns: slice) -> npt.NDArray[np.intp]:
        """Return the active cells heard in a box."""
        model, reach = self._now.model, self._now.surroundings.radius_m / self._now.grid.cell_size_m
        x, y = model.table.x, model.table.y
        dx = x - np.clip(x, columns.start, columns.stop)
        dy = y - np.clip(y, rows.start, rows.stop)
        return np.flatnonzero(model.cells.active & (dx * dx + dy * dy <= reach * reach))

    def _count(
        self,
        before: RadioModel,
        box: Box,
        was: State,
        touched: npt.NDArray[np.intp],
        pool: ThreadPoolExecutor,
    ) -> None:
        """Bring the counts of the zones up to date with a box that received `was` before."""
        now, areas, tally, totals = self._now, self._areas, self._tally, self._totals
        if areas is None or tally is None or totals is None:
            return
        rows, columns = (np.arange(side.start, side.stop) for side in box)
        pixels = (rows[:, np.newaxis] * now.grid.columns + columns).ravel()
        was, new = was.by_id(), now.state.copy(*box).by_id()
        # a changed cell may deliver the same level on another bandwidth
        served = np.isin(new.server[:, :, 0] >> 2, touched).any(axis=0)
        served |= (was.server[:, :, 0] != new.server[:, :, 0]).any(axis=0)
        other = served | (was.power != new.power).any(axis=0)
        other |= (was.level != new.level).any(axis=(0, 2))
        changed = np.flatnonzero(other & areas.within(pixels))

        def difference(some: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
            after, first = (
                tally.columns(
                    Received(model=model, pixels=pixels[some], state=state.at(some)), served[some]
                )
                for model, state in ((now.model, new), (before, was))
            )
            return areas.sums(pixels[some], after - first)

        parts = np.array_split(changed, now.threads)
        for shift in pool.map(difference, parts):
            totals = totals + shift
        self._totals = totals


def _box(one: Mast) -> Box:
    return slice(one.row, one.row + one.rows), slice(one.column, one.column + one.columns)


def _merged(boxes: list[Box]) -> list[Box]:
    """Join boxes that share pixels, until none do."""
    apart: list[Box] = []
    for given in boxes:
        box = given
        while True:
            touching = [other for other in apart if _share(box, other)]
            if not touching:
                break
            apart = [other for other in apart if other not in touching]
            every = [box, *touching]
            box = (
                slice(min(b[0].start for b in every), max(b[0].stop for b in every)),
                slice(min(b[1].start for b in every), max(b[1].stop for b in every)),
            )
        apart.append(box)
    return apart


def _share(a: Box, b: Box) -> bool:
    return all(x.start < y.stop and y.start < x.stop for x, y in zip(a, b, strict=True))


def _row_parts(boxes: Iterable[Box], parts: int) -> list[tuple[int, int]]:
    """Divide the rows of boxes among threads; no row twice."""
    rows = np.unique(np.concatenate([np.arange(b[0].start, b[0].stop) for b in boxes] or [[]]))
    chunks = np.array_split(rows.astype(np.int64), max(1, parts))
    runs = []
    for chunk in chunks:
        cuts = np.flatnonzero(np.diff(chunk) > 1) + 1
        runs += [(int(run[0]), int(run[-1]) + 1) for run in np.split(chunk, cuts) if len(run)]
    return runs
