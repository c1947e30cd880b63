"""A partial covering model made small, exactly, and the way its proof goes back.

- demand with the same options in the same zone is one row, its weights summed;
- what fixed options serve is taken off the zones' requirements;
- options that a fixed one excludes, or for which its site has no room, are left out;
- a row its zone cannot spare is *hard*; rows that are served whenever a hard row is, are dropped
  and their weight credited; what is left is merged again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.covering import PartialCovering
from siting.location.partial_covering.problem import ColumnCover, FloatArray, column_cover
from siting.location.partial_covering.relaxation import Duals
from siting.location.partial_covering.zero_half import Cuts, PricedCuts, no_cuts
from siting.location.rows import implied_rows, merge_rows
from siting.location.solution import Prices

#: Relative weight by which a sum of floats may miss a zone's requirement.
WEIGHT_TOLERANCE = 1e-9
#: Relative rounding of a zone's weight; a row is hard only beyond it.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Rows of the certificate: demand points with the same options and zone, as one.

    Parameters
    ----------
    group
        Row of each demand point, -1 where nothing serves it, (n,).
    cover
        Options of each row, CSR (r, m).
    weight, zone
        Weight and zone of each row, (r,).
    need
        Weight each zone requires, less the tolerance, (zones,); 0: none.
    """

    group: npt.NDArray[np.int32]
    cover: sp.csr_array
    weight: FloatArray
    zone: npt.NDArray[np.intp]
    need: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced:
    """The problem the search works on, and where its parts come from.

    Parameters
    ----------
    rows
        Rows of the certificate.
    problem
        What is left to decide.
    option
        Option behind each column, (c,).
    base
        Cost of the fixed options and their sites.
    row_of
        Row of the problem for each row of the certificate, -1 for none, (r,).
    hard
        Rows of the certificate that must be served, (r,).
    pair
        Pair of the model behind each pair of the problem.
    possible
        Whether the zones and the fixed options leave any answer to look for.
    """

    rows: Rows
    problem: ColumnCover
    option: npt.NDArray[np.intp]
    base: float
    row_of: npt.NDArray[np.intp]
    hard: npt.NDArray[np.bool_]
    pair: npt.NDArray[np.intp]
    possible: bool


def rows_of(model: PartialCovering) -> Rows:
    """Merge the demand points with the same options and zone."""
    same = merge_rows(model.cover)
    zones = len(model.zones)
    some = np.flatnonzero(same >= 0)
    key = same[some].astype(np.int64) * zones + model.zone[some]
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    whole = np.full(len(same), -1, dtype=np.int32)
    whole[some] = group
    cover = sp.csr_array(model.cover[some[first]])
    cover.sort_indices()
    weight = np.bincount(group, weights=model.demand[some], minlength=len(first))
    need = (model.required - WEIGHT_TOLERANCE) * model.zone_weight
    need = np.where(model.required > 0, np.maximum(need, 0.0), 0.0)
    return Rows(
        group=whole,
        cover=cover,
        weight=weight.astype(np.float64),
        zone=model.zone[some[first]],
        need=need,
    )


def reduce(model: PartialCovering) -> Reduced:
    """Return what is left to decide of a model."""
    rows, rules = rows_of(model), model.rules
    free, room = _free(model)
    fixed = np.zeros(rules.options, dtype=bool)
    fixed[rules.fixed] = True
    served = rows.cover @ fixed.astype(np.float64) > 0
    able = served | (rows.cover @ free.astype(np.float64) > 0)
    counted = (rows.need[rows.zone] > 0) & (rows.weight > 0) & able
    zones = len(rows.need)
    reach = np.bincount(rows.zone[counted], weights=rows.weight[counted], minlength=zones)
    spare = reach - rows.need
    edge = ROUNDING * np.maximum(model.zone_weight, rows.need)
    hard = counted & (rows.weight > (spare + edge)[rows.zone])
    open_ = np.flatnonzero(counted & ~served)
    columns = np.flatnonzero(free)
    columns = columns[np.argsort(rules.site[columns], kind="stable")]
    matrix = sp.csr_array(rows.cover[open_][:, columns].astype(np.float64))
    matrix.sort_indices()
    alive = ~_implied(matrix, hard[open_])
    group = merge_rows(matrix)
    alive &= group >= 0
    must = np.zeros(len(open_) + 1, dtype=bool)
    must[group[alive & hard[open_]]] = True
    sure = counted.copy()
    sure[open_[alive & ~must[group]]] = False
    need = _left(model, rows, sure)
    live = np.flatnonzero(alive & (must[group] | (need[rows.zone[open_]] > 0)))
    _, first, group = np.unique(group[live], return_index=True, return_inverse=True)
    row_of = np.full(len(rows.weight), -1, dtype=np.intp)
    row_of[open_[live]] = group
    problem, pair = _problem(
        model,
        rows,
        columns,
        room=room,
        matrix=sp.csr_array(matrix[live[first]]),
        row_of=row_of,
        hard=hard,
        need=need,
    )
    used = fixed[rules.conflicts]
    taken = np.bincount(rules.site[rules.fixed], minlength=len(room))
    possible = bool(
        np.all(spare >= -edge) and not used.all(axis=1).any() and np.all(taken <= rules.max_options)
    )
    return Reduced(
        rows=rows,
        problem=problem,
        option=columns,
        base=rules.cost(rules.fixed, model.cost),
        row_of=row_of,
        hard=hard,
        pair=pair,
        possible=possible,
    )


def _left(model: PartialCovering, rows: Rows, sure: npt.NDArray[np.bool_]) -> FloatArray:
    """Return what each zone requires besides the rows that are served in any case."""
    have = np.bincount(rows.zone[sure], weights=rows.weight[sure], minlength=len(rows.need))
    need = np.maximum(rows.need - have, 0.0)
    return np.where(need > ROUNDING * model.zone_weight, need, 0.0)


def _free(model: PartialCovering) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """Return which options may still be chosen, and how many more at each site."""
    rules = model.rules
    free = np.ones(rules.options, dtype=bool)
    free[rules.forbidden] = False
    taken = np.bincount(rules.site[rules.fixed], minlength=len(rules.site_cost))
    room = rules.max_options - taken
    free &= (room > 0)[rules.site]
    chosen = np.zeros(rules.options, dtype=bool)
    chosen[rules.fixed] = True
    one, other = rules.conflicts[:, 0], rules.conflicts[:, 1]
    free[other[chosen[one]]] = False
    free[one[chosen[other]]] = False
    free[rules.fixed] = False
    return free, room


def _implied(matrix: sp.csr_array, hard: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mark the rows that are served whenever a hard row with other options is."""
    if not hard.any():
        return np.zeros(matrix.shape[0], dtype=bool)
    group = merge_rows(matrix)
    live = np.flatnonzero(group >= 0)
    _, first, inside = np.unique(group[live], return_index=True, return_inverse=True)
    distinct = sp.csr_array(matrix[live[first]])
    distinct.sort_indices()
    by_column = distinct.tocsc()
    by_column.sort_indices()
    must = np.bincount(inside, weights=hard[live]) > 0
    found = implied_rows(
        distinct.indptr, distinct.indices, by_column.indptr, by_column.indices, must
    )
    implied = np.zeros(matrix.shape[0], dtype=bool)
    implied[live] = found[inside]
    return implied


def _problem(
    model: PartialCovering,
    rows: Rows,
    columns: npt.NDArray[np.intp],
    *,
    room: npt.NDArray[np.intp],
    matrix: sp.csr_array,
    row_of: npt.NDArray[np.intp],
    hard: npt.NDArray[np.bool_],
    need: FloatArray,
) -> tuple[ColumnCover, npt.NDArray[np.intp]]:
    """Put the problem together; return it, and the model's pair behind each of its pairs."""
    rules, zones, number = model.rules, len(rows.need), matrix.shape[0]
    member = np.flatnonzero(row_of >= 0)
    must = np.bincount(row_of[member], weights=hard[member], minlength=number) > 0
    soft = member[~must[row_of[member]]]
    entries = (rows.weight[soft], (row_of[soft], rows.zone[soft]))
    weights = sp.csc_array(entries, shape=(number, zones))
    most = np.asarray(weights.sum(axis=0)).ravel()
    slack = 0.5 * WEIGHT_TOLERANCE * model.zone_weight
    aim = np.where(need > 0, np.minimum(need + slack, np.maximum(most, need)), 0.0)
    present, group_of = np.unique(rules.site[columns], return_inverse=True)
    opened = np.isin(present, rules.site[rules.fixed])
    place = np.full(rules.options, -1, dtype=np.intp)
    place[columns] = np.arange(len(columns))
    pairs = place[rules.conflicts]
    inside = np.flatnonzero((pairs >= 0).all(axis=1))
    problem = column_cover(
        matrix,
        cost=model.cost[columns],
        group_of=group_of,
        group_cost=np.where(opened, 0.0, rules.site_cost[present]),
        group_most=room[present],
        strict=True,
        forced=np.zeros(len(present), dtype=bool),
        pairs=pairs[inside],
        hard=must,
        weights=sp.csc_array(weights.multiply((need > 0)[None, :])),
        need=need,
        aim=aim,
    )
    return problem, inside


def lift(
    model: PartialCovering, reduced: Reduced, duals: Duals, cuts: PricedCuts | None = None
) -> tuple[Prices, Cuts]:
    """Carry multipliers back to the certificate's rows, the zones and the pairs of the model.

    Returns
    -------
    prices, cuts
        Prices of the certificate, and the cuts of its rows.

    Notes
    -----
    The price of a row is divided among the certificate's rows it stands for in proportion to their
    value in the bound, or given to the one that must be served, which leaves the bound unchanged;
    in cuts the most valuable one stands for it. A pair with a fixed option gets so high a price
    that the other option never pays.
    """
    rows, problem = reduced.rows, reduced.problem
    priced = no_cuts(problem.rows) if cuts is None else cuts
    member = np.flatnonzero(reduced.row_of >= 0)
    row = reduced.row_of[member]
    value = duals.multipliers[rows.zone[member]] * rows.weight[member]
    value = np.where(problem.hard[row], reduced.hard[member].astype(np.float64), value)
    first = most_valuable(row, value, problem.rows)
    moved = priced.cuts.moved(np.append(member, -1)[first], len(rows.weight))
    named = PricedCuts(cuts=moved, prices=priced.prices)
    charged = named.charged(~reduced.hard)
    demand = np.zeros(len(rows.weight))
    demand[member] = divided(row, value, duals.prices[: problem.rows], charged[member])
    conflicts = model.rules.conflicts
    conflict = np.zeros(len(conflicts))
    conflict[reduced.pair] = duals.prices[problem.rows :]
    fixed = np.isin(conflicts, model.rules.fixed)
    held = fixed.any(axis=1) & ~fixed.all(axis=1)
    worth = rows.cover.T @ demand
    other = np.where(fixed[:, 0], conflicts[:, 1], conflicts[:, 0])[held]
    conflict[held] = worth[other]
    prices = Prices(
        demand=demand, zone=duals.multipliers.copy(), conflict=conflict, cuts=priced.prices
    )
    return prices, moved


def most_valuable(
    row: npt.NDArray[np.integer], value: FloatArray, rows: int
) -> npt.NDArray[np.intp]:
    """Return the place of each merged row's most valuable member, -1 without any, shape (rows,)."""
    order = np.lexsort((-np.arange(len(row)), value, row))
    first = np.full(rows, -1, dtype=np.intp)
    first[row[order]] = order  # the last of a row in this order stays
    return first


def divided(
    row: npt.NDArray[np.integer], value: FloatArray, prices: FloatArray, charged: FloatArray
) -> FloatArray:
    """Divide the price of each merged row so that price and charge are as the members' values.

    Parameters
    ----------
    row, value
        Merged row of each member, and what serving the member is worth.
    prices
        Price of each merged row.
    charged
        What cuts charge each member with besides.
    """
    rows = len(prices)
    whole = np.bincount(row, weights=value, minlength=rows)
    share = np.divide(value, whole[row], out=np.zeros_like(value), where=whole[row] > 0)
    total = prices + np.bincount(row, weights=charged, minlength=rows)
    wanted = np.maximum(share * total[row] - charged, 0.0)
    asked = np.bincount(row, weights=wanted, minlength=rows)
    factor = np.divide(prices, asked, out=np.zeros_like(prices), where=asked > 0)
    return wanted * factor[row]
