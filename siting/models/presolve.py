"""Step one made small, exactly: a set cover with few rows, and the way back.

Every reduction keeps an optimal answer and, through :meth:`SetCover.lift`, the proof:

- rows no target counts, and rows nothing serves, are dropped;
- rows served by the same options are merged and their weights summed;
- a row that a target cannot do without (the target needs all it can reach) is *hard*;
- a row that is served whenever a hard row is, is dropped and its weight credited;
- the options of a site become bundles, and bundles that another serves as well for no more cost
  are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.partial_covering.problem import ColumnCover, column_cover
from siting.location.partial_covering.reduce import divided, most_valuable
from siting.location.partial_covering.zero_half import PricedCuts, no_cuts
from siting.location.rows import dominated_columns, implied_rows, merge_rows
from siting.models.bounds import best_multiplier
from siting.models.bundles import Bundles, make_bundles
from siting.models.covering import CoverModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SetCover:
    """The reduced step one: choose columns at least cost.

    Parameters
    ----------
    problem
        The columns, each a bundle of options of one site, and what they serve.
    column_options, column_ptr
        Options of the model behind each column.
    row_of
        Reduced row of each row of the model, -1 when dropped, shape (n,).
    hard_target
        A target that makes the model's row hard, or -1, shape (n,).
    """

    problem: ColumnCover
    column_options: npt.NDArray[np.int32]
    column_ptr: npt.NDArray[np.int32]
    row_of: npt.NDArray[np.int32]
    hard_target: npt.NDArray[np.int32]

    def options_of(self, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return the model's options behind some columns, ascending."""
        parts = [self.column_options[self.column_ptr[c] : self.column_ptr[c + 1]] for c in columns]
        return np.unique(np.concatenate([np.zeros(0, dtype=np.int32), *parts])).astype(np.intp)

    def columns_of(self, options: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return columns whose options are all among `options`: of each group, the fullest."""
        chosen = np.zeros(int(self.column_options.max(initial=0)) + 1, dtype=np.int64)
        chosen[options[options < len(chosen)]] = 1
        inside = np.concatenate([[0], np.cumsum(chosen[self.column_options])])
        lengths = np.diff(self.column_ptr)
        within = inside[self.column_ptr[1:]] - inside[self.column_ptr[:-1]] == lengths
        columns = np.flatnonzero(within)
        columns = columns[np.argsort(-lengths[columns], kind="stable")]
        _, fullest = np.unique(self.problem.group_of[columns], return_index=True)
        return np.sort(columns[fullest]).astype(np.intp)


def reduce_targets(model: CoverModel) -> SetCover:
    """Reduce step one of a model; the model's `needed` weights are met by its `reach`."""
    hard, hard_target = _hard_rows(model)
    counted = np.asarray((model.target_weights > 0).sum(axis=0)).ravel() > 0
    kept = np.flatnonzero(counted & model.reachable)
    cover = _rows(model.cover, kept)
    group = merge_rows(cover)
    rows = int(group.max(initial=-1)) + 1
    _, first = np.unique(group, return_index=True)
    cover = _rows(cover, first)
    is_hard = np.bincount(group, weights=hard[kept], minlength=rows) > 0
    merge = sp.csr_array(
        (np.ones(len(kept)), (group, np.arange(len(kept)))), shape=(rows, len(kept))
    )
    weights = sp.csr_array(merge @ model.target_weights[:, kept].T)
    bundles = make_bundles(model, cover)
    bundles, alive = _shrink(bundles, is_hard)
    soft = alive & ~is_hard
    need = np.maximum(model.needed - weights.T @ (~soft).astype(np.float64), 0.0)
    need[need <= 1e-12 * model.total] = 0.0
    soft &= np.asarray((weights[:, need > 0] > 0).sum(axis=1)).ravel() > 0
    live = np.flatnonzero(soft | (alive & is_hard))
    place = np.full(rows, -1, dtype=np.int32)
    place[live] = np.arange(len(live), dtype=np.int32)
    row_of = np.full(model.cover.shape[0], -1, dtype=np.int32)
    row_of[kept] = place[group]
    return _assemble(
        bundles,
        live,
        hard=is_hard[live],
        weights=weights[live].multiply(soft[live][:, None] & (need > 0)[None, :]),
        need=need,
        slack=model.slack,
        row_of=row_of,
        hard_target=hard_target,
    )


def _rows(matrix: sp.csr_array, index: npt.NDArray[np.intp]) -> sp.csr_array:
    taken = sp.csr_array(matrix[index])
    taken.sort_indices()
    return taken


def _hard_rows(
    model: CoverModel,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int32]]:
    """Find the rows without which a target that needs all it can reach would fail."""
    rows = model.cover.shape[0]
    target = np.full(rows, -1, dtype=np.int32)
    spare = model.reach - model.needed
    everything = (spare <= 2 * model.slack) & (model.needed > 0)
    reachable = model.reachable
    for index in np.flatnonzero(everything)[::-1]:
        start, stop = model.target_weights.indptr[index : index + 2]
        members = model.target_weights.indices[start:stop]
        heavy = model.target_weights.data[start:stop] > spare[index]
        target[members[heavy & reachable[members]]] = index
    return target >= 0, target


def _shrink(bundles: Bundles, hard: npt.NDArray[np.bool_]) -> tuple[Bundles, npt.NDArray[np.bool_]]:
    """Drop implied rows and dominated columns in turn; return what is left."""
    alive = np.ones(bundles.cover.shape[0], dtype=bool)
    keep = bundles.forced[bundles.group]
    columns = np.arange(len(bundles.cost))
    cover = bundles.cover
    for _ in range(3):
        by_row = cover.tocsr()
        implied = implied_rows(
            by_row.indptr, by_row.indices, cover.indptr, cover.indices, hard & alive
        )
        alive &= ~implied
        cover = _without_rows(cover, alive)
        by_row = cover.tocsr()
        gone = dominated_columns(
            by_row.indptr,
            by_row.indices,
            cover.indptr,
            cover.indices,
            bundles.cost[columns],
            keep[columns],
        )
        columns = columns[~gone]
        cover = sp.csc_array(cover[:, ~gone])
        cover.sort_indices()
        if not implied.any() and not gone.any():
            break
    parts = [bundles.options[bundles.option_ptr[c] : bundles.option_ptr[c + 1]] for c in columns]
    pointer = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int32)
    smaller = Bundles(
        cover=cover,
        cost=bundles.cost[columns],
        group=bundles.group[columns],
        forced=bundles.forced,
        options=np.concatenate([np.zeros(0, dtype=np.int32), *parts]),
        option_ptr=pointer,
    )
    return smaller, alive


def _without_rows(cover: sp.csc_array, alive: npt.NDArray[np.bool_]) -> sp.csc_array:
    """Empty the rows that are not alive; the shape stays."""
    keep = alive[cover.indices]
    kept = np.concatenate([[0], np.cumsum(keep)])
    parts = (cover.data[keep], cover.indices[keep], kept[cover.indptr].astype(np.int32))
    return sp.csc_array(parts, shape=cover.shape)


def _assemble(
    bundles: Bundles,
    live: npt.NDArray[np.intp],
    *,
    hard: npt.NDArray[np.bool_],
    weights: sp.sparray,
    need: npt.NDArray[np.float64],
    slack: npt.NDArray[np.float64],
    row_of: npt.NDArray[np.int32],
    hard_target: npt.NDArray[np.int32],
) -> SetCover:
    present, group_of = np.unique(bundles.group, return_inverse=True)
    column_weights = sp.csc_array(weights)
    column_weights.eliminate_zeros()
    most = column_weights.T @ np.ones(len(live))
    aim = np.where(need > 0, np.minimum(need + 0.5 * slack, np.maximum(most, need)), 0.0)
    problem = column_cover(
        sp.csr_array(bundles.cover.tocsr()[live]),
        cost=bundles.cost,
        group_of=group_of,
        group_cost=np.zeros(len(present)),
        group_most=np.ones(len(present), dtype=np.int32),
        strict=True,
        forced=bundles.forced[present],
        pairs=np.zeros((0, 2), dtype=np.int32),
        hard=hard,
        weights=column_weights,
        need=need,
        aim=aim,
    )
    return SetCover(
        problem=problem,
        column_options=bundles.options,
        column_ptr=bundles.option_ptr,
        row_of=row_of,
        hard_target=hard_target,
    )


def lift(
    model: CoverModel,
    reduced: SetCover,
    prices: npt.NDArray[np.float64],
    multipliers: npt.NDArray[np.float64],
    cuts: PricedCuts | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], PricedCuts]:
    """Carry multipliers of the reduced set cover back to every row and target of the model.

    Parameters
    ----------
    prices
        Price of each reduced row, shape (r,).
    multipliers
        Multiplier of each target's soft need, shape (number of targets,).
    cuts
        Cuts of the reduced rows, or None.

    Returns
    -------
    cover, targets, cuts
        Multipliers of the model's rows, shape (n,), targets and cuts.

    Notes
    -----
    The price of a merged row is divided among its members in proportion to their value in the
    bound, which leaves the bound unchanged; in cuts its most valuable member stands for it. Hard
    rows are priced through the target that makes them hard; its multiplier is the least at which
    every such price counts in full, then each multiplier is moved to its exact maximum with the
    others fixed.
    """
    rows = model.cover.shape[0]
    priced = no_cuts(reduced.problem.rows) if cuts is None else cuts
    member = np.flatnonzero(reduced.row_of >= 0)
    row = reduced.row_of[member]
    value = _values(model, reduced, multipliers)
    owner = reduced.hard_target
    hard_member = owner[member] >= 0
    # of a hard merged row only the hard members carry the price
    value_of = np.where(hard_member == reduced.problem.hard[row], value[member], 0.0)
    first = most_valuable(row, value_of, reduced.problem.rows)
    standing = np.append(member, -1)[first]
    moved = PricedCuts(cuts=priced.cuts.moved(standing, rows), prices=priced.prices)
    charged = np.zeros(len(prices))
    np.add.at(charged, row, moved.charged(np.ones(rows, dtype=bool))[member])
    cover, spread = np.zeros(rows), np.zeros(rows)
    cover[member] = divided(row, value_of, prices, np.zeros(len(row)))
    spread[member] = divided(row, value_of, charged, np.zeros(len(row)))
    targets = multipliers.copy()
    by_target = np.unique(owner[owner >= 0])
    targets[by_target] = 0.0
    order = np.argsort(~np.isin(np.arange(len(targets)), by_target), kind="stable")
    for index in order:
        targets[index] = best_multiplier(model, cover + spread, targets, index)
    # a row nothing serves costs nothing to price, and so drops out of the bound
    lost = ~model.reachable
    cover[lost] = (model.target_weights.T @ targets)[lost]
    return cover, targets, moved


def _values(
    model: CoverModel, reduced: SetCover, multipliers: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return what serving each row is worth; of a hard row, its share of its target, shape (n,)."""
    value = model.target_weights.T @ multipliers
    owner = reduced.hard_target
    hard = np.flatnonzero(owner >= 0)
    value[hard] = 0.0
    by_row = model.target_weights.tocsc()
    for index in hard:
        start, stop = by_row.indptr[index : index + 2]
        where = by_row.indices[start:stop] == owner[index]
        value[index] = by_row.data[start:stop][where][0] / max(model.total[owner[index]], 1e-300)
    return value
