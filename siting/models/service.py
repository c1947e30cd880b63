"""Step two made small, exactly: rows not served yet, merged, and the options that reach them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.rows import merge_rows
from siting.models.covering import CoverModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaxCover:
    """The reduced step two: choose at most `most` columns that serve the most weight.

    Parameters
    ----------
    row_ptr, row_cols
        Columns that serve each row (CSR).
    col_ptr, col_rows
        Rows that each column serves (CSC).
    weight
        Weight of each row, > 0, shape (r,).
    most
        Columns that may be chosen.
    base
        Weight served already.
    options
        Option of the model behind each column, ascending, shape (c,).
    row_of
        Reduced row of each row of the model, -1 when dropped, shape (n,).
    """

    row_ptr: npt.NDArray[np.int32]
    row_cols: npt.NDArray[np.int32]
    col_ptr: npt.NDArray[np.int32]
    col_rows: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float64]
    most: int
    base: float
    options: npt.NDArray[np.intp]
    row_of: npt.NDArray[np.int32]

    @property
    def rows(self) -> int:
        """Number of reduced rows."""
        return len(self.weight)

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.options)

    def value(self, chosen: npt.NDArray[np.intp]) -> float:
        """Return the weight served with some columns chosen, what is served already included."""
        served = np.zeros(self.rows, dtype=bool)
        for column in chosen:
            served[self.col_rows[self.col_ptr[column] : self.col_ptr[column + 1]]] = True
        return self.base + float(self.weight[served].sum())


def reduce_service(model: CoverModel, fixed: npt.NDArray[np.intp]) -> MaxCover:
    """Reduce step two of a model after the options `fixed` of step one."""
    done = model.served(fixed)
    kept = np.flatnonzero(~done & (model.objective > 0) & model.reachable)
    cover = sp.csr_array(model.cover[kept])
    group = merge_rows(cover)
    rows = int(group.max(initial=-1)) + 1
    _, first = np.unique(group, return_index=True)
    cover = sp.csr_array(cover[first])
    options = np.unique(cover.indices).astype(np.intp)
    place = np.zeros(model.cover.shape[1], dtype=np.int32)
    place[options] = np.arange(len(options), dtype=np.int32)
    by_row = sp.csr_array(
        (cover.data, place[cover.indices], cover.indptr), shape=(rows, len(options))
    )
    by_row.sort_indices()
    by_column = by_row.tocsc()
    row_of = np.full(model.cover.shape[0], -1, dtype=np.int32)
    row_of[kept] = group
    stations = model.cover.shape[1] if model.stations is None else model.stations
    return MaxCover(
        row_ptr=by_row.indptr.astype(np.int32),
        row_cols=by_row.indices.astype(np.int32),
        col_ptr=by_column.indptr.astype(np.int32),
        col_rows=by_column.indices.astype(np.int32),
        weight=np.bincount(group, weights=model.objective[kept], minlength=rows).astype(np.float64),
        most=max(stations - len(fixed), 0),
        base=float(model.objective[done].sum()),
        options=options,
        row_of=row_of,
    )


def lift_service(
    model: CoverModel, reduced: MaxCover, prices: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Carry prices of the reduced rows back to every row of the model, shape (n,).

    The price of a merged row is divided in proportion to the members' weights; a row nothing
    serves is priced at its whole weight, which removes it from the bound.
    """
    share = prices / reduced.weight if reduced.rows else prices
    cover = np.where(model.reachable, 0.0, model.objective)
    member = np.flatnonzero(reduced.row_of >= 0)
    row = reduced.row_of[member]
    cover[member] = np.minimum(share[row], 1.0) * model.objective[member]
    return cover
