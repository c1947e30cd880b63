"""Bundles: every useful set of options at one site, as one column with one cost.

A site's cost is paid once, so the options of a site cannot be priced one by one. A bundle is a set
of options at one site; it costs their sum and the site, and serves what any of them serves. With
bundles as columns the programme of step one is a plain set cover with at most one column per site.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.models.covering import CoverModel

#: Options of one site that are bundled together; further ones form another group.
MOST_IN_BUNDLE = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundles:
    """Columns made of options.

    Parameters
    ----------
    cover
        Row served by bundle, CSC of shape (rows, bundles).
    cost
        Cost of the options and the site [CNY], shape (bundles,).
    group
        Group each bundle belongs to, ascending; one bundle of a group suffices, shape (bundles,).
    forced
        Whether a group must have a bundle (its site is locked), shape (groups,).
    options, option_ptr
        Options of bundle b are ``options[option_ptr[b]:option_ptr[b + 1]]``.
    """

    cover: sp.csc_array
    cost: npt.NDArray[np.float64]
    group: npt.NDArray[np.int32]
    forced: npt.NDArray[np.bool_]
    options: npt.NDArray[np.int32]
    option_ptr: npt.NDArray[np.int32]


def make_bundles(model: CoverModel, cover: sp.csr_array) -> Bundles:
    """List the bundles of each site that no other bundle of the site makes useless.

    Parameters
    ----------
    model
        Costs, sites and locks.
    cover
        The rows that matter, CSR of shape (rows, options).

    Notes
    -----
    Bundle S is useless when another bundle S' of the site serves at least the same rows for at
    most the cost. ``|rows(S)|`` follows from one histogram per group of the rows' option masks.
    """
    group, bit, site = _groups(model, cover)
    groups = len(site)
    width = 1 << int(bit.max(initial=0) + 1)
    masks = _row_masks(cover, group, bit, groups)
    row, owner, mask = masks
    histogram = np.bincount(owner * width + mask, minlength=groups * width)
    meets = (np.arange(width)[:, None] & np.arange(width)[None, :]) > 0
    size = histogram.reshape(groups, width) @ meets.astype(np.int64)
    cost, count = _bundle_costs(model, group, bit, site, width)
    useful = _useful(size, cost, count, model.locked[site])
    owners, chosen = np.nonzero(useful)
    entries, columns = _expand(owner, mask, owners, chosen)
    matrix = sp.csc_array(
        (np.ones(len(columns), dtype=bool), (row[entries], columns)),
        shape=(cover.shape[0], len(owners)),
    )
    matrix.sort_indices()
    options, pointer = _members(group, bit, owners, chosen, width)
    return Bundles(
        cover=matrix,
        cost=cost[owners, chosen].astype(np.float64),
        group=owners.astype(np.int32),
        forced=model.locked[site],
        options=options,
        option_ptr=pointer,
    )


def _groups(
    model: CoverModel, cover: sp.csr_array
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return group and bit of each option (-1 when useless), and the site of each group."""
    options = cover.shape[1]
    serves = np.bincount(cover.indices, minlength=options) > 0
    useful = np.flatnonzero(serves | model.locked[model.option_site])
    order = useful[np.lexsort((useful, model.option_site[useful]))]
    site = model.option_site[order]
    start = np.flatnonzero(np.diff(site, prepend=-1))
    rank = np.arange(len(order)) - np.repeat(start, np.diff(start, append=len(order)))
    first = rank % MOST_IN_BUNDLE == 0
    group = np.full(options, -1, dtype=np.intp)
    bit = np.zeros(options, dtype=np.intp)
    group[order] = np.cumsum(first) - 1
    bit[order] = rank % MOST_IN_BUNDLE
    return group, bit, site[first]


def _row_masks(
    cover: sp.csr_array, group: npt.NDArray[np.intp], bit: npt.NDArray[np.intp], groups: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return row, group and option mask for every row a group's options serve."""
    parts = ((1 << bit)[cover.indices], group[cover.indices], cover.indptr)
    masks = sp.csr_array(parts, shape=(cover.shape[0], max(groups, 1)))
    masks.sum_duplicates()
    row = np.repeat(np.arange(cover.shape[0], dtype=np.int32), np.diff(masks.indptr))
    return row, masks.indices.astype(np.int64), masks.data.astype(np.int64)


def _bundle_costs(
    model: CoverModel,
    group: npt.NDArray[np.intp],
    bit: npt.NDArray[np.intp],
    site: npt.NDArray[np.intp],
    width: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return cost and number of options of every mask, -1 options where the mask is no bundle."""
    groups, bits = len(site), max(width.bit_length() - 1, 1)
    single = np.zeros((groups, bits), dtype=np.int64)
    present = np.zeros((groups, bits), dtype=bool)
    used = np.flatnonzero(group >= 0)
    single[group[used], bit[used]] = model.option_cost[used]
    present[group[used], bit[used]] = True
    holds = ((np.arange(width)[None, :] >> np.arange(bits)[:, None]) & 1).astype(np.int64)
    cost = single @ holds + model.site_cost[site][:, None]
    missing = (~present).astype(np.int64) @ holds
    count = np.where(missing > 0, -1, holds.sum(axis=0)[None, :])
    return cost, count


def _useful(
    size: npt.NDArray[np.int64],
    cost: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
    locked: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Mark the bundles no other bundle of the same group makes useless."""
    width = size.shape[1]
    useful = (count > 0) & ((size > 0) | locked[:, None])
    for one in range(1, width):
        for other in range(1, width):
            if one == other:
                continue
            covers = (count[:, other] > 0) & (size[:, one | other] == size[:, other])
            strictly = (
                (cost[:, other] < cost[:, one])
                | (size[:, other] > size[:, one])
                | (count[:, other] < count[:, one])
                | (other < one)
            )
            better = covers & (cost[:, other] <= cost[:, one]) & strictly
            better &= count[:, other] <= count[:, one]
            useful[:, one] &= ~better
    return useful


def _expand(
    owner: npt.NDArray[np.int64],
    mask: npt.NDArray[np.int64],
    owners: npt.NDArray[np.intp],
    chosen: npt.NDArray[np.intp],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pair every (row, group) entry with the group's bundles that serve the row."""
    groups = int(max(owner.max(initial=-1), owners.max(initial=-1))) + 1
    number = np.bincount(owners, minlength=groups)
    start = np.cumsum(number) - number
    repeat = number[owner]
    entries = np.repeat(np.arange(len(owner)), repeat)
    offset = np.arange(len(entries)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    columns = start[owner[entries]] + offset
    keep = (mask[entries] & chosen[columns]) > 0
    return entries[keep], columns[keep]


def _members(
    group: npt.NDArray[np.intp],
    bit: npt.NDArray[np.intp],
    owners: npt.NDArray[np.intp],
    chosen: npt.NDArray[np.intp],
    width: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """List the options of each bundle."""
    bits = max(width.bit_length() - 1, 1)
    option_of = np.full((int(group.max(initial=0)) + 1, bits), -1, dtype=np.int32)
    used = np.flatnonzero(group >= 0)
    option_of[group[used], bit[used]] = used
    holds = ((chosen[:, None] >> np.arange(bits)[None, :]) & 1).astype(bool)
    options = option_of[owners][holds]
    pointer = np.concatenate([[0], np.cumsum(holds.sum(axis=1))]).astype(np.int32)
    return options.astype(np.int32), pointer
