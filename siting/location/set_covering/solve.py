"""Set covering solved: reduced, priced, searched and proven, part by part."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.control import (
    GAP_REACHED,
    NOTHING_BETTER,
    PROVEN,
    STOPPED,
    TIMED_OUT,
    Control,
    Found,
)
from siting.location.covering import SetCovering
from siting.location.exact import solve_exact
from siting.location.set_covering.components import components
from siting.location.set_covering.part import Part
from siting.location.set_covering.reductions import Reduced, Reducer
from siting.location.solution import Block, Certificate, Node, Prices
from siting.status import Sense

log = logging.getLogger(__name__)

IndexArray = npt.NDArray[np.intp]
#: Turns of tree and search at most; each is longer than the one before.
TURNS = 7
SHORT = "a demand point has too few options"
ABOVE = "no cover is as cheap as asked"
FOUND = "a cover as cheap as asked is found"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cover:
    """Answer to a covering problem on plain arrays.

    Parameters
    ----------
    selected
        Columns of the best cover found, ascending, fixed ones included; None when none was found.
    value
        Its cost, infinite without one.
    bound
        Proven: no cover costs less (with a `cutoff`: none that is of use does).
    certificate
        Proof of `bound` for a :class:`~siting.location.covering.SetCovering` of the same arrays.
    ended
        Why the search ended.
    """

    selected: IndexArray | None
    value: float
    bound: float
    certificate: Certificate
    ended: str


def solve_set_covering(model: SetCovering, control: Control) -> Found:
    """Cover all demand at least cost.

    Parameters
    ----------
    model
        What to cover.
    control
        When to end.

    Returns
    -------
    Found
        The best cover found and the proof of its bound.
    """
    if not model.rules.plain:
        return solve_exact(model, control)
    cover = solve_cover(
        model.cover,
        model.cost,
        model.k,
        control=control,
        fixed=model.rules.fixed,
        forbidden=model.rules.forbidden,
    )
    return Found(selected=cover.selected, certificate=cover.certificate, ended=cover.ended)


def solve_cover(
    cover: sp.csr_array,
    cost: npt.NDArray[np.float64],
    k: int | npt.NDArray[np.integer] = 1,
    *,
    control: Control,
    cutoff: float | None = None,
    fixed: npt.ArrayLike = (),
    forbidden: npt.ArrayLike = (),
    start: npt.ArrayLike | None = None,
) -> Cover:
    """Cover every row ``k_i`` times at least cost.

    Parameters
    ----------
    cover
        Which column covers which row: canonical CSR with int32 indices, (n, m).
    cost
        ``f`` >= 0, (m,).
    k
        Columns that must cover each row, >= 1, one number or (n,).
    control
        When to end.
    cutoff
        Ask only whether a cover of at most this cost exists: the search ends as soon as one is
        found, or as soon as `bound` exceeds it.
    fixed, forbidden
        Columns that must and must not be chosen.
    start
        Columns of a known cover, or None.

    Returns
    -------
    Cover
        The best cover found and the proof of its bound.
    """
    need = np.full(cover.shape[0], k, dtype=np.int32) if np.ndim(k) == 0 else np.asarray(k)
    cost = np.ascontiguousarray(cost, dtype=np.float64)
    return _Solver(cover, cost, need.astype(np.int32), control, cutoff).run(
        np.asarray(fixed, dtype=np.intp), np.asarray(forbidden, dtype=np.intp), start
    )


def common_step(values: npt.NDArray[np.float64]) -> float:
    """Return the greatest number of which all values are multiples; 0 unless all are whole."""
    if not len(values) or np.abs(values).max() >= 2**50 or (values != np.rint(values)).any():
        return 0.0
    return float(np.gcd.reduce(np.abs(values).astype(np.int64)))


class _Solver:
    """One run of :func:`solve_cover`."""

    def __init__(
        self,
        cover: sp.csr_array,
        cost: npt.NDArray[np.float64],
        need: npt.NDArray[np.int32],
        control: Control,
        cutoff: float | None,
    ) -> None:
        self.cover, self.cost, self.need = cover, cost, need
        self.control, self.cutoff = control, cutoff
        self.parts: list[Part] = []
        self.members: list[tuple[IndexArray, IndexArray]] = []
        self.blocks: list[tuple[IndexArray, IndexArray]] = []
        self.base = 0.0
        self.spans: npt.NDArray[np.intp] | None = None
        self.allowed = np.ones(len(cost), dtype=np.bool_)

    def run(self, fixed: IndexArray, forbidden: IndexArray, start: npt.ArrayLike | None) -> Cover:
        """Solve the problem."""
        reduced = self._reduce(fixed, forbidden)
        if len(reduced.short):
            return self._impossible()
        kernel = reduced.kernel
        self.base = math.fsum(self.cost[reduced.taken].tolist())
        if (self.need == 1).all():
            self.members = components(kernel)
        elif kernel.rows or len(reduced.tight):
            self.members = [(np.arange(kernel.rows), np.arange(kernel.columns))]
        self.blocks = [self._block(reduced, rows) for rows, _ in self.members]
        for (rows, columns), block in zip(self.members, self.blocks, strict=True):
            part = kernel if len(self.members) == 1 else kernel.part(rows, columns)
            self.parts.append(Part(part, common_step(self.cost[block[1]]), self.control))
        if start is not None:
            self._offer(reduced, np.asarray(start, dtype=np.intp))
        self._search()
        return self._answer(reduced)

    def _reduce(self, fixed: IndexArray, forbidden: IndexArray) -> Reduced:
        reducer = Reducer(self.cover, self.cost, self.need, self.control.clock)
        if len(forbidden):
            reducer.leave(forbidden)
        if len(fixed):
            reducer.fix(fixed)
        self.allowed[forbidden] = False
        free = self.allowed.copy()
        free[fixed] = False
        if not len(reducer.short()):
            nothing = np.flatnonzero((self.cost == 0) & free)
            if len(nothing):
                reducer.take(nothing)
            reducer.run(free)
        reduced = reducer.result()
        log.info(
            "reduced: rows=%d columns=%d nnz=%d taken=%d",
            reduced.kernel.rows,
            reduced.kernel.columns,
            len(reduced.kernel.row_cols),
            len(reduced.taken),
        )
        return reduced

    def _block(self, reduced: Reduced, rows: IndexArray) -> tuple[IndexArray, IndexArray]:
        """Return the rows of a block and every option that covers one."""
        demand = np.union1d(reduced.rows[rows], reduced.tight)
        options = np.unique(self.cover[demand].indices).astype(np.intp)
        return demand, options[self.allowed[options]]

    def _offer(self, reduced: Reduced, start: IndexArray) -> None:
        """Give every part what a known cover chooses in it."""
        inside = np.zeros(len(self.cost), dtype=np.bool_)
        inside[start] = True
        for pair in reduced.dominated[::-1]:
            inside[pair[1]] |= inside[pair[0]]
        for part, (_, columns) in zip(self.parts, self.members, strict=True):
            chosen = inside[reduced.columns[columns]]
            if (part.kernel.counts(np.flatnonzero(chosen)) >= part.kernel.need).all():
                part.offer(chosen)

    def _search(self) -> None:
        """Begin every part, then go on with those that are open, in ever longer turns."""
        for part in self.parts:
            self._ask(part)
            part.begin()
            if self.cutoff is not None and self.bound() > self.cutoff:
                return
        for turn in range(TURNS):
            for part in self.parts:
                if self._over():
                    return
                self._ask(part)
                if not part.done:
                    part.go_on(turn)
                    self.control.report(
                        Sense.MINIMISE, (turn + 1) / TURNS, self.value(), self.bound()
                    )

    def _over(self) -> bool:
        """Tell whether the question is answered or the clock has ended the search."""
        value, bound = self.value(), self.bound()
        if self.cutoff is not None and (value <= self.cutoff or bound > self.cutoff):
            return True
        if self.control.gap and value - bound <= self.control.gap * value:
            return True
        return self.control.clock.expired()

    def _ask(self, part: Part) -> None:
        """Tell a part what the cutoff leaves for it."""
        if self.cutoff is None:
            return
        rest = self.cutoff - (self.bound() - part.bound)
        part.most = self._above(rest, part.step)
        if len(self.parts) == 1:
            part.enough = rest

    @staticmethod
    def _above(cutoff: float, step: float) -> float:
        """Return the least cost above a cutoff."""
        if step:
            return (math.floor(cutoff / step + 1e-9) + 1) * step
        return cutoff * (1 + 2e-9) + 1e-300

    def value(self) -> float:
        """Return the cost of the best cover."""
        return self.base + math.fsum(part.value for part in self.parts)

    def bound(self) -> float:
        """Return the proven least cost."""
        return self.base + math.fsum(part.bound for part in self.parts)

    def _impossible(self) -> Cover:
        leaf = Certificate(
            bound=math.inf,
            prices=(Prices(demand=np.zeros(len(self.need), dtype=np.float32)),),
            nodes=(Node(prices=0),),
        )
        return Cover(selected=None, value=math.inf, bound=math.inf, certificate=leaf, ended=SHORT)

    def _answer(self, reduced: Reduced) -> Cover:
        value, bound = self.value(), self.bound()
        step = common_step(self.cost)
        if step:
            bound = math.ceil(bound / step - 1e-7) * step
        else:
            bound -= 2.0**-38 * (2 * abs(bound) + float(self.cost[reduced.taken].sum()))
        certificate = Certificate(
            bound=bound,
            prices=(Prices(demand=np.zeros(len(self.need), dtype=np.float32)),),
            nodes=(Node(prices=0),),
            blocks=tuple(self._proven(reduced, number) for number in range(len(self.parts))),
        )
        selected = None
        if math.isfinite(value):
            chosen = [
                reduced.columns[columns[part.chosen]]
                for part, (_, columns) in zip(self.parts, self.members, strict=True)
            ]
            selected = np.unique(np.concatenate([reduced.taken, *chosen]))
        return Cover(
            selected=selected,
            value=value,
            bound=bound,
            certificate=certificate,
            ended=self._ended(value, bound),
        )

    def _ended(self, value: float, bound: float) -> str:
        if self.cutoff is not None and value <= self.cutoff:
            return FOUND
        if self.cutoff is not None and bound > self.cutoff:
            return ABOVE
        if bound >= value * (1 - 1e-9):
            return PROVEN
        if math.isfinite(value) and value - bound <= self.control.gap * value:
            return GAP_REACHED
        if self.control.clock.expired():
            return STOPPED if self.control.clock.stopped else TIMED_OUT
        return NOTHING_BETTER

    def _proven(self, reduced: Reduced, number: int) -> Block:
        """Return the block of a part's proof."""
        part, (demand, options) = self.parts[number], self.blocks[number]
        rows, columns = self.members[number]
        taken = np.intersect1d(reduced.taken, options, assume_unique=True)
        names, pairs = self._names(reduced, reduced.columns[columns], taken, options)
        proof = part.proof.certificate(
            names,
            pairs,
            np.searchsorted(demand, reduced.rows[rows]),
            len(demand),
            math.fsum(self.cost[taken].tolist()),
        )
        return Block(demand=demand, options=options, certificate=proof)

    def _spans(self, reduced: Reduced) -> npt.NDArray[np.intp]:
        """Return how many of the rows left each option covers, (m,)."""
        left = np.zeros(len(self.need), dtype=np.bool_)
        left[reduced.rows] = True
        left[reduced.tight] = True
        return np.bincount(
            self.cover.indices[np.repeat(left, np.diff(self.cover.indptr))],
            minlength=len(self.cost),
        )

    def _names(
        self, reduced: Reduced, kept: IndexArray, taken: IndexArray, options: IndexArray
    ) -> tuple[IndexArray, IndexArray]:
        """Return each kept column's number in the block, and the dominated pairs there.

        Of options that are equal in what is left the first represents the others.
        """
        place = np.full(len(self.cost), -1, dtype=np.intp)
        place[options] = np.arange(len(options))
        if not len(reduced.dominated):
            return place[kept], np.zeros((0, 2), dtype=np.intp)
        better = np.arange(len(self.cost))
        better[reduced.dominated[:, 0]] = reduced.dominated[:, 1]
        for _ in range(64):
            further = better[better]
            if (further == better).all():
                break
            better = further
        is_kept = np.zeros(len(self.cost), dtype=np.bool_)
        is_kept[kept] = True
        is_kept[taken] = True
        worse = options[(better[options] != options) & is_kept[better[options]]]
        if self.spans is None:
            self.spans = self._spans(reduced)
        spans = self.spans
        same = worse[
            (spans[worse] == spans[better[worse]]) & (self.cost[worse] == self.cost[better[worse]])
        ]
        named = np.arange(len(self.cost))
        np.minimum.at(named, better[same], same)
        held = np.flatnonzero(is_kept)
        moved = held[named[held] != held]
        pairs = np.column_stack((worse, named[better[worse]]))
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        pairs = np.concatenate([pairs, np.column_stack((moved, named[moved]))])
        return place[named[kept]], place[pairs]
