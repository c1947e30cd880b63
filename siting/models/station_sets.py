"""Sets of options that may stand together on one site: at most one option of each station.

A site's cost is paid once, so its options cannot be priced one by one; a station stands in one
configuration, so most sets of them are none. What is left is few enough to be listed. Stations of a
site are taken together, in the order of their options, as long as there are at most
:data:`MOST_SETS` sets; further ones form another block.
"""

# ruff: noqa: ANN001, ANN202
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numba import njit

from siting.models.covering import MOST_CONFIGURATIONS, CoverModel

#: Sets of one block, the empty one among them; a station alone may have more.
MOST_SETS = 256

IndexArray = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]
Masks = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationSets:
    """All sets of the blocks, none empty, block by block.

    Parameters
    ----------
    block, bit
        Block of each option and its place there, (k,); -1 and 0 for options left out.
    site
        Site of each block, ascending, (b,).
    options, option_ptr
        Options of block b in the order of their bits: ``options[option_ptr[b]:option_ptr[b + 1]]``.
    mask, cost
        Options of each set as bits of its block, and the sum of their costs without the site, (s,).
    pointer
        Sets of block b are ``pointer[b]`` to ``pointer[b + 1]``.
    """

    block: IndexArray
    bit: IndexArray
    site: IndexArray
    options: IndexArray
    option_ptr: IndexArray
    mask: Masks
    cost: FloatArray
    pointer: IndexArray

    def __len__(self) -> int:
        """Return the number of sets s."""
        return len(self.mask)

    @property
    def owner(self) -> IndexArray:
        """Block of each set, (s,)."""
        return np.repeat(np.arange(len(self.site)), np.diff(self.pointer))

    def served_by(self, cover: sp.csr_array) -> tuple[IndexArray, IndexArray, Masks]:
        """Return row, block and options of that block, for every row some option of it serves."""
        rows = cover.shape[0]
        inside = self.block[cover.indices] >= 0
        start = np.concatenate([[0], np.cumsum(inside)])[cover.indptr]
        option = cover.indices[inside]
        bits = np.left_shift(np.int64(1), self.bit[option].astype(np.int64))
        shape = (rows, max(len(self.site), 1))
        masks = sp.csr_array((bits, self.block[option], start), shape=shape)
        masks.sum_duplicates()
        row = np.repeat(np.arange(rows, dtype=np.intp), np.diff(masks.indptr))
        return row, masks.indices.astype(np.intp), masks.data.astype(np.int64)

    def value(self, cover: sp.csr_array, prices: FloatArray) -> FloatArray:
        """Return the cost of each set less the prices of the rows it serves, (s,)."""
        priced = np.flatnonzero(prices > 0.0)
        row, block, mask = self.served_by(sp.csr_array(cover[priced]))
        return self.cost - _served_prices(
            self.pointer, self.mask, *_by_block(block, mask, prices[priced[row]], len(self.site))
        )

    def serving(self, cover: sp.csr_array, rows: npt.NDArray[np.integer]) -> sp.csr_array:
        """Return which set serves which of some rows, CSR of ones, (n, s); others stay empty."""
        row, block, mask = self.served_by(sp.csr_array(cover[rows]))
        count = np.diff(self.pointer)[block]
        entry = np.repeat(np.arange(len(row)), count)
        first = np.repeat(self.pointer[block] - (np.cumsum(count) - count), count)
        chosen = first + np.arange(len(entry))
        serves = (self.mask[chosen] & mask[entry]) != 0
        pairs = (rows[row[entry[serves]]], chosen[serves])
        shape = (cover.shape[0], len(self.mask))
        return sp.csr_array((np.ones(len(pairs[0])), pairs), shape=shape)


def station_sets(model: CoverModel, useful: npt.NDArray[np.bool_] | None = None) -> StationSets:
    """List the sets of a model's options; those that are not `useful` are left out."""
    options = len(model.option_cost)
    chosen = np.arange(options) if useful is None else np.flatnonzero(useful)
    order = chosen[np.lexsort((chosen, _rank(model)[chosen], model.option_site[chosen]))]
    site, station = model.option_site[order], model.option_station[order]
    first = _block_starts(site, station)
    place = np.cumsum(first) - 1
    pointer = np.append(np.flatnonzero(first), len(order)).astype(np.intp)
    block, bit = np.full(options, -1, dtype=np.intp), np.zeros(options, dtype=np.intp)
    block[order] = place
    bit[order] = np.arange(len(order)) - pointer[place]
    sets, mask, cost = _enumerate(pointer, station, model.option_cost[order].astype(np.float64))
    return StationSets(
        block=block,
        bit=bit,
        site=site[first],
        options=order,
        option_ptr=pointer,
        mask=mask,
        cost=cost,
        pointer=sets.astype(np.intp),
    )


def _rank(model: CoverModel) -> IndexArray:
    """Return, for each option, the first option of its station, (k,)."""
    _, first, station = np.unique(model.option_station, return_index=True, return_inverse=True)
    return first[station]


def _by_block(
    block: IndexArray, mask: Masks, weight: FloatArray, blocks: int
) -> tuple[IndexArray, Masks, FloatArray]:
    """Add up the weights of equal masks of a block; return the blocks' pointer, masks, weights."""
    order = np.lexsort((mask, block))
    block, mask = block[order], mask[order]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (np.diff(block) != 0) | (np.diff(mask) != 0)
    start = np.flatnonzero(fresh)
    summed = np.add.reduceat(weight[order], start) if len(start) else np.zeros(0)
    pointer = np.searchsorted(block[start], np.arange(blocks + 1))
    return pointer.astype(np.intp), mask[start], summed


def different_masks(block: IndexArray, mask: Masks, blocks: int) -> tuple[IndexArray, Masks]:
    """Return the different masks of each block: pointer and masks."""
    pointer, masks, _ = _by_block(block, mask, np.zeros(len(mask)), blocks)
    return pointer, masks


@njit(cache=True, nogil=True)
def _block_starts(site, station):
    """Say at which options, in their order, a new block begins."""
    first = np.zeros(len(site), dtype=np.bool_)
    sets, length, at = 1, 0, 0
    while at < len(site):
        end = at
        while end < len(site) and station[end] == station[at]:
            end += 1
        number = end - at
        new_site = at == 0 or site[at] != site[at - 1]
        if new_site or sets * (number + 1) > MOST_SETS or length + number > MOST_CONFIGURATIONS:
            first[at] = True
            sets, length = 1, 0
        sets *= number + 1
        length += number
        at = end
    return first


@njit(cache=True, nogil=True)
def _enumerate(option_ptr, station, option_cost):
    """List the sets of every block: pointer, masks and costs."""
    blocks = len(option_ptr) - 1
    pointer = np.zeros(blocks + 1, dtype=np.int64)
    for b in range(blocks):
        sets, number = 1, 0
        for at in range(option_ptr[b], option_ptr[b + 1]):
            if at > option_ptr[b] and station[at] != station[at - 1]:
                sets *= number + 1
                number = 0
            number += 1
        pointer[b + 1] = pointer[b] + sets * (number + 1) - 1
    mask = np.empty(pointer[blocks], dtype=np.int64)
    cost = np.empty(pointer[blocks])
    for b in range(blocks):
        start, count, base = pointer[b], 0, 0
        for at in range(option_ptr[b], option_ptr[b + 1]):
            if at > option_ptr[b] and station[at] != station[at - 1]:
                base = count
            bit = np.int64(1) << (at - option_ptr[b])
            mask[start + count], cost[start + count] = bit, option_cost[at]
            count += 1
            for other in range(base):
                mask[start + count] = mask[start + other] | bit
                cost[start + count] = cost[start + other] + option_cost[at]
                count += 1
    return pointer, mask, cost


@njit(cache=True, nogil=True)
def _served_prices(set_ptr, set_mask, mask_ptr, mask, price):
    """Add up, for every set, the prices of the masks of its block that it touches."""
    total = np.zeros(len(set_mask))
    for b in range(len(set_ptr) - 1):
        for s in range(set_ptr[b], set_ptr[b + 1]):
            for m in range(mask_ptr[b], mask_ptr[b + 1]):
                if set_mask[s] & mask[m]:
                    total[s] += price[m]
    return total
