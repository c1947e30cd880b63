"""Bundles: every useful set of options at one site, as one column with one cost.

A site's cost is paid once, so the options of a site cannot be priced one by one. A bundle is a set
of options at one site, at most one of each station; it costs their sum and the site, and serves
what any of them serves. With bundles as columns the programme of step one is a plain set cover with
at most one column per site.
"""

# ruff: noqa: ANN001, ANN202, PLR0917
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numba import njit

from siting.models.covering import CoverModel
from siting.models.station_sets import StationSets, different_masks, station_sets


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
        Group each bundle belongs to, ascending; at most one bundle of a group is chosen, shape
        (bundles,).
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
        Costs, sites, stations and locks.
    cover
        The rows that matter, CSR of shape (rows, options).

    Notes
    -----
    Bundle S is useless when another bundle S' of the site serves at least the same rows with no
    more options for at most the cost: that is, when S' touches every row's set of options that S
    touches.
    """
    serves = np.bincount(cover.indices, minlength=cover.shape[1]) > 0
    sets = station_sets(model, serves | model.locked[model.option_site])
    row, block, mask = sets.served_by(cover)
    # of a locked site with several blocks, one is enough
    locked = model.locked[sets.site] & (np.diff(sets.site, prepend=-1) > 0)
    useful = _useful(
        sets.pointer, sets.mask, sets.cost, *different_masks(block, mask, len(sets.site)), locked
    )
    kept = np.flatnonzero(useful)
    owner = sets.owner[kept]
    entries, columns = _expand(sets, block, mask, kept)
    matrix = sp.csc_array(
        (np.ones(len(columns), dtype=bool), (row[entries], columns)),
        shape=(cover.shape[0], len(kept)),
    )
    matrix.sort_indices()
    options, pointer = _members(sets, kept)
    return Bundles(
        cover=matrix,
        cost=sets.cost[kept] + model.site_cost[sets.site[owner]],
        group=owner.astype(np.int32),
        forced=locked,
        options=options,
        option_ptr=pointer,
    )


def _expand(
    sets: StationSets,
    block: npt.NDArray[np.intp],
    mask: npt.NDArray[np.int64],
    kept: npt.NDArray[np.intp],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pair every (row, block) entry with the kept sets of the block that serve the row."""
    start = np.searchsorted(kept, sets.pointer)
    repeat = np.diff(start)[block]
    entries = np.repeat(np.arange(len(block)), repeat)
    offset = np.arange(len(entries)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    columns = start[block[entries]] + offset
    serves = (mask[entries] & sets.mask[kept[columns]]) != 0
    return entries[serves], columns[serves]


def _members(
    sets: StationSets, kept: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """List the options of each kept set."""
    bits = np.arange(int(np.diff(sets.option_ptr).max(initial=0)))
    holds = (np.right_shift(sets.mask[kept][:, None], bits[None, :]) & 1) > 0
    bundle, bit = np.nonzero(holds)
    options = sets.options[sets.option_ptr[sets.owner[kept[bundle]]] + bit]
    pointer = np.concatenate([[0], np.cumsum(holds.sum(axis=1))]).astype(np.int32)
    return options.astype(np.int32), pointer


@njit(cache=True, nogil=True)
def _useful(set_ptr, set_mask, cost, mask_ptr, mask, locked):
    """Mark the sets that serve something, or stand on a locked site, and are not made useless."""
    useful = np.zeros(len(set_mask), dtype=np.bool_)
    for b in range(len(set_ptr) - 1):
        first, last = set_ptr[b], set_ptr[b + 1]
        words = (mask_ptr[b + 1] - mask_ptr[b] + 63) // 64
        touched = np.zeros((last - first, words), dtype=np.uint64)
        size, count = np.zeros(last - first, np.int64), np.zeros(last - first, np.int64)
        for s in range(last - first):
            chosen = set_mask[first + s]
            while chosen:
                chosen &= chosen - 1
                count[s] += 1
            for m in range(mask_ptr[b], mask_ptr[b + 1]):
                if set_mask[first + s] & mask[m]:
                    place = m - mask_ptr[b]
                    touched[s, place >> 6] |= np.uint64(1) << np.uint64(place & 63)
                    size[s] += 1
        for one in range(last - first):
            useful[first + one] = (size[one] > 0 or locked[b]) and not _beaten(
                touched, size, cost[first:last], count, one
            )
    return useful


@njit(cache=True, nogil=True)
def _beaten(touched, size, cost, count, one):
    """Tell whether another set touches all that one does for no more; of equals the first stays."""
    for other in range(len(cost)):
        if other == one or cost[other] > cost[one] or count[other] > count[one]:
            continue
        if size[other] < size[one]:
            continue
        same = cost[other] == cost[one] and count[other] == count[one] and size[other] == size[one]
        if same and other > one:
            continue
        covers = True
        for word in range(touched.shape[1]):
            if touched[one, word] & ~touched[other, word]:
                covers = False
                break
        if covers:
            return True
    return False
