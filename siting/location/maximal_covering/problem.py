"""A maximal covering model made small: equal demand merged, useless options left out."""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numba import njit

from siting.location.covering import MaximalCovering
from siting.location.maximal_covering.tables import Cover
from siting.location.rows import merge_rows, merged_cover, sum_by_group
from siting.location.rules import Rules

log = logging.getLogger(__name__)

#: Costs may pass a budget by this share, the rounding of their sum.
ROUNDING = 1e-12
#: Greatest weight and sum of weights that are treated as whole numbers.
_WHOLE = 2.0**52
#: An option that may be chosen, must not be, must be.
FREE, OUT, IN = np.int8(0), np.int8(-1), np.int8(1)

FloatArray = npt.NDArray[np.float64]


class Limits(NamedTuple):
    """What may be chosen together.

    ``cost`` is what each option takes of ``limit`` (1 of p, or its cost of the budget). Options of
    site *s* are ``site_option[site_ptr[s]:site_ptr[s + 1]]``, of which at most ``most[s]`` are
    chosen; ``opening`` is what an open site takes of the limit. ``even``: every cost is 1 and no
    site matters; ``grouped``: some site does. ``pair`` are the conflicts, also held by option in
    ``rival_ptr`` and ``rival``.
    """

    cost: FloatArray
    limit: float
    even: bool
    grouped: bool
    site: npt.NDArray[np.int32]
    site_ptr: npt.NDArray[np.int32]
    site_option: npt.NDArray[np.int32]
    opening: FloatArray
    most: npt.NDArray[np.int32]
    pair: npt.NDArray[np.int32]
    rival_ptr: npt.NDArray[np.int32]
    rival: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """A reduced maximal covering problem; options keep their numbers.

    Parameters
    ----------
    cover
        Merged rows; options that are out have no entries.
    limits
        What may be chosen together.
    state
        1 for fixed options, -1 for those left out, 0 for the others, (m,).
    groups
        Row of every demand point, -1 for none.
    dominated
        Pairs (worse, better) of options, (q, 2).
    step
        All values are multiples of this; 0 when they are no whole numbers.
    """

    cover: Cover
    limits: Limits
    state: npt.NDArray[np.int8]
    groups: npt.NDArray[np.int32]
    dominated: npt.NDArray[np.intp]
    step: float

    @property
    def plain(self) -> bool:
        """Whether only p or the budget limits the choice."""
        return not self.limits.grouped and len(self.limits.pair) == 0


def reduce_model(model: MaximalCovering, *, dominance: bool = True) -> Problem:
    """Return the reduced problem of a model.

    Demand points with the same options and the same k are one row with the sum of their weights.
    An option bound by no rule that serves no row another such option does not serve, at no lower
    cost, is left out (where k = 1 throughout), unless `dominance` is false.
    """
    groups, merged = _merged(model)
    rows, columns = merged.shape
    weight = sum_by_group(groups, model.demand)
    need = np.ones(rows, dtype=np.int32)
    need[groups[groups >= 0]] = model.k[groups >= 0]
    rules = model.rules
    state = np.zeros(columns, dtype=np.int8)
    state[rules.fixed], state[rules.forbidden] = IN, OUT
    limits = _limits(model)
    dominated = np.zeros((0, 2), dtype=np.intp)
    if dominance:
        dominated = _without_use(merged, weight, need, rules, state, limits.cost)
    state[dominated[:, 0]] = OUT
    cover = _cover(merged, state, weight, need)
    log.info(
        "maximal covering: n=%d options=%d nnz=%d; rows=%d nnz=%d dominated=%d",
        *model.cover.shape,
        model.cover.nnz,
        rows,
        len(cover.row_col),
        len(dominated),
    )
    return Problem(
        cover=cover,
        limits=limits,
        state=state,
        groups=groups,
        dominated=dominated,
        step=_step(model.demand),
    )


def core_of(problem: Problem, kept: npt.NDArray[np.bool_]) -> Problem:
    """Return the problem with all options but some left out, and rows merged anew.

    Selections of the kept options serve in it what they serve in the whole problem.

    Parameters
    ----------
    problem
        The whole problem.
    kept
        Options that stay; fixed ones always do, (m,).
    """
    whole = problem.cover
    columns = len(problem.state)
    state = problem.state.copy()
    state[~kept & (state != IN)] = OUT
    inside = state[whole.row_col] != OUT
    start = np.concatenate([[0], np.cumsum(inside)])[whole.row_ptr].astype(np.int32)
    near = whole.row_col[inside]
    cover = sp.csr_array(
        (np.ones(len(near), dtype=np.bool_), near, start), shape=(len(whole.weight), columns)
    )
    group = merge_rows(cover, whole.need)
    merged = merged_cover(cover, group)
    need = np.ones(merged.shape[0], dtype=np.int32)
    need[group[group >= 0]] = whole.need[group >= 0]
    order = _side_by_side(
        merged.indptr, merged.indices, *_turned(merged.indptr, merged.indices, columns)
    )
    weight = sum_by_group(group, whole.weight)
    return replace(
        problem, cover=_cover(merged[order], state, weight[order], need[order]), state=state
    )


def _without_use(
    merged: sp.csr_array,
    weight: FloatArray,
    need: npt.NDArray[np.int32],
    rules: Rules,
    state: npt.NDArray[np.int8],
    cost: FloatArray,
) -> npt.NDArray[np.intp]:
    """Return pairs (worse, better) of options, looking at rows the fixed options do not serve."""
    if (need > 1).any():
        return np.zeros((0, 2), dtype=np.intp)
    active = weight > 0
    if len(rules.fixed):
        active &= ~(merged @ (state == IN))
    kept = np.repeat(active, np.diff(merged.indptr))
    row_ptr = np.concatenate([[0], np.cumsum(kept)])[merged.indptr].astype(np.int32)
    row_col = merged.indices[kept]
    simple = rules.simple_option
    usable = simple | (state == IN)
    col_ptr, col_row = _turned(row_ptr, row_col, len(state))
    better = _dominated(row_ptr, row_col, col_ptr, col_row, cost, simple, usable)
    worse = np.flatnonzero(better >= 0)
    return np.column_stack([worse, better[worse]]).astype(np.intp)


def _merged(model: MaximalCovering) -> tuple[npt.NDArray[np.int32], sp.csr_array]:
    """Return the row of every demand point, and the rows, those of near options side by side.

    Where nothing serves anything, each point is its own row.
    """
    same = bool((model.k == model.k[0]).all())
    groups = merge_rows(model.cover) if same else merge_rows(model.cover, model.k)
    if (groups < 0).all():
        groups = np.arange(len(groups), dtype=np.int32)
    merged = merged_cover(model.cover, groups)
    order = _side_by_side(
        merged.indptr, merged.indices, *_turned(merged.indptr, merged.indices, merged.shape[1])
    )
    place = np.empty(len(order) + 1, dtype=np.int32)
    place[order], place[-1] = np.arange(len(order)), -1
    return place[groups], merged[order]


@njit(cache=True, nogil=True)
def _side_by_side(row_ptr, row_col, col_ptr, col_row):
    """Return the rows in the order in which a walk from option to option meets them."""
    rows, columns = len(row_ptr) - 1, len(col_ptr) - 1
    order = np.empty(rows, dtype=np.int32)
    met = np.zeros(rows, dtype=np.bool_)
    known = np.zeros(columns, dtype=np.bool_)
    queue = np.empty(columns, dtype=np.int32)
    count = 0
    for first in range(columns):
        if known[first]:
            continue
        known[first] = True
        queue[0] = first
        head, tail = 0, 1
        while head < tail:
            o = queue[head]
            head += 1
            for entry in range(col_ptr[o], col_ptr[o + 1]):
                i = col_row[entry]
                if met[i]:
                    continue
                met[i] = True
                order[count] = i
                count += 1
                for at in range(row_ptr[i], row_ptr[i + 1]):
                    j = row_col[at]
                    if not known[j]:
                        known[j] = True
                        queue[tail] = j
                        tail += 1
    for i in range(rows):
        if not met[i]:
            order[count] = i
            count += 1
    return order


def _cover(
    merged: sp.csr_array, state: npt.NDArray[np.int8], weight: FloatArray, need: npt.NDArray
) -> Cover:
    """Return the cover without the entries of options that are out."""
    row_ptr, row_col = merged.indptr.astype(np.int32), merged.indices.astype(np.int32)
    if (state == OUT).any():
        kept = state[row_col] != OUT
        row_ptr = np.concatenate([[0], np.cumsum(kept)])[row_ptr].astype(np.int32)
        row_col = row_col[kept]
    col_ptr, col_row = _turned(row_ptr, row_col, len(state))
    return Cover(row_ptr, row_col, col_ptr, col_row, weight, need)


@njit(cache=True, nogil=True)
def _turned(row_ptr, row_col, columns):
    col_ptr = np.zeros(columns + 1, dtype=np.int32)
    for entry in range(len(row_col)):
        col_ptr[row_col[entry] + 1] += 1
    for o in range(columns):
        col_ptr[o + 1] += col_ptr[o]
    place = col_ptr[:-1].copy()
    col_row = np.empty(len(row_col), dtype=np.int32)
    for i in range(len(row_ptr) - 1):
        for entry in range(row_ptr[i], row_ptr[i + 1]):
            o = row_col[entry]
            col_row[place[o]] = i
            place[o] += 1
    return col_ptr, col_row


def _limits(model: MaximalCovering) -> Limits:
    rules = model.rules
    columns = rules.options
    hosted = np.bincount(rules.site, minlength=len(rules.site_cost))
    by_number = model.p is not None
    cost = np.ones(columns) if by_number else model.cost
    opening = np.zeros(len(hosted)) if by_number else rules.site_cost
    grouped = bool((opening > 0).any() or (rules.max_options < hosted).any())
    pair = rules.conflicts.astype(np.int32)
    ends = np.concatenate([pair, pair[:, ::-1]])
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    return Limits(
        cost=cost,
        limit=float(model.p if model.p is not None else model.budget or 0.0),
        even=not grouped and bool((cost == 1).all()),
        grouped=grouped,
        site=rules.site.astype(np.int32),
        site_ptr=np.concatenate([[0], np.cumsum(hosted)]).astype(np.int32),
        site_option=np.argsort(rules.site, kind="stable").astype(np.int32),
        opening=opening,
        most=rules.max_options.astype(np.int32),
        pair=pair,
        rival_ptr=np.searchsorted(ends[:, 0], np.arange(columns + 1)).astype(np.int32),
        rival=np.ascontiguousarray(ends[:, 1]),
    )


@njit(cache=True, nogil=True)
def _dominated(row_ptr, row_col, col_ptr, col_row, cost, simple, usable):
    """Return an option that makes each one needless, -1 for none; chains are followed to the end.

    Of equal options the first stays. Comparisons are limited to a multiple of the entries.
    """
    columns = len(col_ptr) - 1
    better = np.full(columns, -1, dtype=np.int32)
    mark = np.full(len(row_ptr) - 1, -1, dtype=np.int32)
    left = 64 * len(row_col) + 1000
    for c in range(columns):
        length = col_ptr[c + 1] - col_ptr[c]
        if not simple[c] or not usable[c] or length == 0 or left < 0:
            continue
        shortest = col_row[col_ptr[c]]
        for entry in range(col_ptr[c], col_ptr[c + 1]):
            row = col_row[entry]
            mark[row] = c
            if row_ptr[row + 1] - row_ptr[row] < row_ptr[shortest + 1] - row_ptr[shortest]:
                shortest = row
        for entry in range(row_ptr[shortest], row_ptr[shortest + 1]):
            other = row_col[entry]
            span = col_ptr[other + 1] - col_ptr[other]
            if other == c or not usable[other] or better[other] >= 0:
                continue
            if span < length or cost[other] > cost[c]:
                continue
            if span == length and cost[other] == cost[c] and other > c:
                continue
            common, at = 0, col_ptr[other]
            while at < col_ptr[other + 1] and common + (col_ptr[other + 1] - at) >= length:
                common += mark[col_row[at]] == c
                at += 1
            left -= at - col_ptr[other]
            if common == length:
                better[c] = other
                break
    return better


def _step(weight: FloatArray) -> float:
    """Return the greatest number of which all weights are multiples, 0 for fractions."""
    if float(weight.sum()) >= _WHOLE or not (weight == np.rint(weight)).all():
        return 0.0
    return float(np.gcd.reduce(weight.astype(np.int64)))
