"""Zero-half cuts: half the sum of some rows, rounded up.

For whole ``y >= 0`` that keep rows ``a y >= b`` of whole numbers, ``ceil(sum a / 2) y`` is at least
``ceil(sum b / 2)``. A fraction of a covering problem's linear relaxation breaks such a cut where an
odd number of tight rows share their columns in pairs. Cuts may be summed up into further cuts.

References
----------
Caprara, Fischetti 1996, "{0, 1/2}-Chvatal-Gomory cuts", Mathematical Programming 74, 221-235,
doi 10.1007/BF02592196.
Koster, Zymolka, Kutschka 2009, "Algorithms to separate {0, 1/2}-Chvatal-Gomory cuts", Algorithmica
55, 375-391, doi 10.1007/s00453-008-9218-7.
"""

# ruff: noqa: ANN001, ANN202, NPY002, PLR0917
# Compiled functions take plain arrays, whose types numba infers, and draw from its own generator.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numba import njit

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.signedinteger]

#: Rows that a cut is summed up from, at most.
MOST_SUMMED = 16
#: Entries looked at in one search for cuts, at most; a fraction of a second.
MOST_LOOKED = 2e8
#: Slack beyond which a row is in no cut, and the least violation of one.
SLACK, VIOLATED = 0.5, 0.02
#: Values of the relaxation below this are none.
NOTHING = 1e-7
#: Mean number of new cuts that a cut's columns are in already, at most.
ALIKE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cuts:
    """Zero-half cuts of some rows.

    Parameters
    ----------
    rows
        Number of rows they begin with; these ask for at least 1.
    pointer, members
        Cut q is half the sum of ``members[pointer[q]:pointer[q + 1]]``, rounded up; a member below
        `rows` is a row, any other is cut ``member - rows``, an earlier one.
    """

    rows: int
    pointer: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]

    @classmethod
    def none(cls, rows: int) -> Cuts:
        """Return no cuts."""
        return cls(rows=rows, pointer=np.zeros(1, np.int64), members=np.zeros(0, np.int64))

    def __len__(self) -> int:
        """Return the number of cuts."""
        return len(self.pointer) - 1

    @property
    def right(self) -> npt.NDArray[np.int64]:
        """What each cut asks for."""
        side = np.ones(self.rows + len(self), dtype=np.int64)
        for q in range(len(self)):
            summed = side[self.members[self.pointer[q] : self.pointer[q + 1]]].sum()
            side[self.rows + q] = -(-summed // 2)
        return side[self.rows :]

    def coefficients(self, matrix: sp.csr_array) -> sp.csr_array:
        """Return what each cut makes of the columns of the rows' matrix, CSR (cuts, columns)."""
        level = np.zeros(self.rows + len(self), dtype=np.int64)
        for q in range(len(self)):
            level[self.rows + q] = 1 + level[self._of(q)].max()
        place = np.full(self.rows + len(self), -1, dtype=np.int64)
        base = np.unique(self.members[self.members < self.rows])
        place[base] = np.arange(len(base))
        stacked = sp.csr_array(matrix[base].astype(np.float64))
        for height in range(1, int(level.max(initial=0)) + 1):
            here = np.flatnonzero(level[self.rows :] == height)
            members = [place[self._of(q)] for q in here.tolist()]
            line = np.repeat(np.arange(len(here)), [len(part) for part in members])
            every = np.concatenate(members)
            pick = sp.csr_array(
                (np.ones(len(every)), (line, every)), shape=(len(here), stacked.shape[0])
            )
            half = sp.csr_array(pick @ stacked)
            half.data = np.ceil(half.data / 2)
            place[self.rows + here] = stacked.shape[0] + np.arange(len(here))
            stacked = sp.csr_array(sp.vstack([stacked, half]))
        return sp.csr_array(stacked[place[self.rows :]])

    def _of(self, cut: int) -> npt.NDArray[np.int64]:
        return self.members[self.pointer[cut] : self.pointer[cut + 1]]

    def joined(self, pointer: IndexArray, members: IndexArray) -> Cuts:
        """Return these cuts and further ones."""
        return Cuts(
            rows=self.rows,
            pointer=np.concatenate([self.pointer, self.pointer[-1] + pointer[1:]]),
            members=np.concatenate([self.members, members]),
        )

    def and_more(self, others: Cuts) -> Cuts:
        """Return these cuts and those of another list over the same rows."""
        moved = others.members + np.where(others.members >= self.rows, len(self), 0)
        return self.joined(others.pointer, moved)

    def moved(self, row_of: IndexArray, rows: int) -> Cuts:
        """Return the cuts of other rows that stand for these, which `row_of` names."""
        number = np.concatenate([row_of, rows + np.arange(len(self))]).astype(np.int64)
        return Cuts(rows=rows, pointer=self.pointer, members=number[self.members])

    def kept(self, wanted: npt.NDArray[np.bool_]) -> tuple[Cuts, npt.NDArray[np.intp]]:
        """Return the cuts wanted with those they are made of, and the number each had."""
        needed = wanted.copy()
        for q in range(len(self) - 1, -1, -1):
            if needed[q]:
                inner = self._of(q)
                needed[inner[inner >= self.rows] - self.rows] = True
        old = np.flatnonzero(needed)
        number = np.arange(self.rows + len(self), dtype=np.int64)
        number[self.rows + old] = self.rows + np.arange(len(old))
        parts = [number[self._of(q)] for q in old.tolist()]
        pointer = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
        members = np.concatenate([np.zeros(0, dtype=np.int64), *parts])
        return Cuts(rows=self.rows, pointer=pointer.astype(np.int64), members=members), old


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PricedCuts:
    """Cuts with their prices.

    Parameters
    ----------
    cuts
        The cuts.
    prices
        Price >= 0 of each, shape (q,).
    """

    cuts: Cuts
    prices: FloatArray

    def earned(self, matrix: sp.csr_array) -> FloatArray:
        """Return what each column of the rows' matrix earns, shape (columns,)."""
        if not len(self.cuts):
            return np.zeros(matrix.shape[1])
        return self.cuts.coefficients(matrix).T @ self.prices

    def charged(self, soft: npt.NDArray[np.bool_]) -> FloatArray:
        """Return what serving each soft row is charged with besides its price, shape (rows,)."""
        return self.earned(sp.csr_array(sp.diags_array(soft.astype(np.float64), format="csr")))

    @property
    def gain(self) -> float:
        """What the right sides add to a bound."""
        return float(self.prices @ self.cuts.right)


def no_cuts(rows: int) -> PricedCuts:
    """Return no cuts of so many rows."""
    return PricedCuts(cuts=Cuts.none(rows), prices=np.zeros(0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """Cuts that a value of the relaxation breaks.

    Parameters
    ----------
    pointer, members
        Rows of the programme each is summed up from.
    matrix, right
        Their coefficients and right sides.
    """

    pointer: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]
    matrix: sp.csr_array
    right: FloatArray


def separate(
    matrix: sp.csr_array, right: FloatArray, values: FloatArray, *, most: int, seed: int
) -> Found:
    """Look for cuts of ``matrix @ y >= right`` that some values break.

    Parameters
    ----------
    matrix, right
        Rows of whole numbers.
    values
        Of the columns, 0..1; they keep the rows.
    most
        Number of cuts.
    seed
        Randomness of ties.
    """
    some = np.flatnonzero(values > NOTHING)
    near = sp.csr_array(matrix[:, some])
    slack = np.maximum(matrix @ values - right, 0.0)
    odd = near.copy()
    odd.data %= 2
    odd.eliminate_zeros()
    odd.sort_indices()
    turned = odd.tocsc()
    turned.sort_indices()
    members, pointer = _combined(
        odd.indptr, odd.indices, turned.indptr, turned.indices, values[some], slack,
        right % 2 > 0, np.random.default_rng(seed).permutation(len(right)), seed,
    )  # fmt: skip
    pick = sp.csr_array(
        (np.ones(len(members)), members, pointer), shape=(len(pointer) - 1, len(right))
    )
    cut = sp.csr_array(pick @ matrix)
    cut.data = np.ceil(cut.data / 2)
    side = np.ceil(np.asarray(pick @ right) / 2)
    chosen = _different(sp.csr_array(cut[:, some]), side - cut @ values, most)
    lengths = np.diff(pointer)[chosen]
    inside = sp.csr_array(pick[chosen])
    inside.sort_indices()
    return Found(
        pointer=np.concatenate([[0], np.cumsum(lengths)]),
        members=inside.indices.astype(np.int64),
        matrix=sp.csr_array(cut[chosen]),
        right=side[chosen],
    )


def _different(near: sp.csr_array, broken: FloatArray, most: int) -> npt.NDArray[np.intp]:
    """Return the deepest cuts that do not lie on the same columns."""
    length = np.sqrt(np.asarray(near.multiply(near).sum(axis=1)).ravel())
    depth = np.where(broken > VIOLATED / 2, broken / np.maximum(length, 1.0), 0.0)
    used, chosen = np.zeros(near.shape[1]), []
    for q in np.argsort(-depth, kind="stable").tolist():
        if depth[q] <= 0 or len(chosen) >= most:
            break
        columns = near.indices[near.indptr[q] : near.indptr[q + 1]]
        if used[columns].mean() <= ALIKE:
            used[columns] += 1
            chosen.append(q)
    return np.array(chosen, dtype=np.intp)


@njit(cache=True, nogil=True)
def _combined(row_ptr, row_cols, col_ptr, col_rows, values, slack, odd_side, order, seed):
    """Sum up tight rows until few columns are left an odd number of times; return the sums.

    Notes
    -----
    ``weight`` is the slack of the rows plus the values of columns they hold an odd number of times;
    with an odd right side, a sum of weight below 1 makes a cut broken by half of what is missing.
    From each row on, the row that lowers the weight most is added, and none is added twice.
    """
    np.random.seed(seed)
    rows, found, size, work = len(slack), 0, 0, 0.0
    members, pointer = np.empty(rows * 4 + MOST_SUMMED, np.int64), np.zeros(rows + 1, np.int64)
    odd, seen = np.zeros(len(values), np.bool_), np.full(rows, -1, np.int64)
    summed, looked = np.full(rows, -1, np.int64), np.empty(MOST_SUMMED, np.int64)
    for start in order:
        if work > MOST_LOOKED or size + MOST_SUMMED > len(members):
            break
        if slack[start] > SLACK:
            continue
        row, weight, side, number = start, 0.0, False, 0
        least, short = 1.0 - VIOLATED, 0
        while row >= 0 and number < MOST_SUMMED:
            looked[number] = row
            number += 1
            summed[row] = start
            side ^= odd_side[row]
            weight += slack[row] + _change(row_ptr, row_cols, values, odd, row)
            for entry in range(row_ptr[row], row_ptr[row + 1]):
                odd[row_cols[entry]] = not odd[row_cols[entry]]
            if side and number > 1 and weight < least:
                least, short = weight, number
            row, looks = _next(
                row_ptr, row_cols, col_ptr, col_rows, values, slack, odd, looked[:number],
                summed, seen, start, int(work),
            )  # fmt: skip
            work += looks
        for place in range(number):
            for entry in range(row_ptr[looked[place]], row_ptr[looked[place] + 1]):
                odd[row_cols[entry]] = False
        if short:
            members[size : size + short] = looked[:short]
            size += short
            found += 1
            pointer[found] = size
    return members[:size].copy(), pointer[: found + 1].copy()


@njit(cache=True, nogil=True)
def _change(row_ptr, row_cols, values, odd, row):
    """Return what adding a row changes of the value of columns held an odd number of times."""
    change = 0.0
    for entry in range(row_ptr[row], row_ptr[row + 1]):
        j = row_cols[entry]
        change += -values[j] if odd[j] else values[j]
    return change


@njit(cache=True, nogil=True)
def _next(
    row_ptr, row_cols, col_ptr, col_rows, values, slack, odd, looked, summed, seen, start, stamp
):
    """Return the tight row, not summed up yet, that lowers the weight most, and the entries seen.

    `stamp` marks the rows seen in this call; it is greater than in any before.
    """
    best, least, looks = -1, np.inf, 1
    for row in looked:
        for entry in range(row_ptr[row], row_ptr[row + 1]):
            j = row_cols[entry]
            if not odd[j]:
                continue
            for other in range(col_ptr[j], col_ptr[j + 1]):
                i = col_rows[other]
                if seen[i] == stamp or summed[i] == start or slack[i] > SLACK:
                    continue
                seen[i] = stamp
                looks += 1 + row_ptr[i + 1] - row_ptr[i]
                change = slack[i] + _change(row_ptr, row_cols, values, odd, i)
                change += 1e-3 * np.random.random()
                if change < least:
                    best, least = i, change
    return best, looks
