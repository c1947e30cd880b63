"""Programmes the check solves itself: rows written anew, and HiGHS asked what it proves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from highspy.highs import HighsCallbackEvent

from siting.clock import Clock

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]

#: Size to which an objective without a step is scaled, so that absolute tolerances are fine enough.
OBJECTIVE_SIZE = 1e4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Programme:
    """``min offset + cost @ v`` with ``row_lower <= matrix @ v <= row_upper``.

    Parameters
    ----------
    offset
        What no variable changes.
    cost, lower, upper, integer
        Of each variable.
    matrix, row_lower, row_upper
        Rows.
    """

    offset: float
    cost: FloatArray
    lower: FloatArray
    upper: FloatArray
    integer: npt.NDArray[np.bool_]
    matrix: sp.csr_array
    row_lower: FloatArray
    row_upper: FloatArray


class Builder:
    """Gathers variables and rows of a programme."""

    def __init__(self) -> None:
        self.number = 0
        self.rows = 0
        self.cost: list[FloatArray] = []
        self.lower: list[FloatArray] = []
        self.upper: list[FloatArray] = []
        self.integer: list[npt.NDArray[np.bool_]] = []
        self.entries: list[tuple[IndexArray, IndexArray, FloatArray]] = []
        self.sides: list[tuple[FloatArray, FloatArray]] = []

    def variables(
        self,
        cost: FloatArray,
        *,
        integer: bool | npt.NDArray[np.bool_],
        lower: FloatArray | float = 0.0,
    ) -> IndexArray:
        """Add variables lower..1 and return their numbers."""
        count = len(cost)
        self.cost.append(cost)
        self.lower.append(np.broadcast_to(np.asarray(lower, dtype=np.float64), (count,)))
        self.upper.append(np.ones(count))
        self.integer.append(np.broadcast_to(np.asarray(integer), (count,)))
        self.number += count
        return np.arange(self.number - count, self.number)

    def row(self, columns: IndexArray, values: FloatArray, lower: float, upper: float) -> None:
        """Add one row."""
        self.many(np.zeros(len(columns), dtype=np.intp), columns, values, 1, lower, upper)

    def many(  # noqa: PLR0917 - one block of rows
        self,
        rows: IndexArray,
        columns: IndexArray,
        values: FloatArray,
        number: int,
        lower: FloatArray | float,
        upper: FloatArray | float,
    ) -> None:
        """Add a block of rows, numbered from 0 within it."""
        self.entries.append((rows + self.rows, columns, values))
        sides = [
            np.broadcast_to(np.asarray(x, dtype=np.float64), (number,)) for x in (lower, upper)
        ]
        self.sides.append((sides[0], sides[1]))
        self.rows += number

    def build(self, offset: float) -> Programme:
        """Stack everything."""
        none, nowhere = np.zeros(0), np.zeros(0, dtype=np.intp)
        rows = np.concatenate([nowhere, *(part[0] for part in self.entries)])
        columns = np.concatenate([nowhere, *(part[1] for part in self.entries)])
        values = np.concatenate([none, *(part[2] for part in self.entries)])
        return Programme(
            offset=offset,
            cost=np.concatenate([none, *self.cost]).astype(np.float64),
            lower=np.concatenate([none, *self.lower]),
            upper=np.concatenate([none, *self.upper]),
            integer=np.concatenate([np.zeros(0, dtype=bool), *self.integer]),
            matrix=sp.csr_array((values, (rows, columns)), shape=(self.rows, self.number)),
            row_lower=np.concatenate([none, *(part[0] for part in self.sides)]),
            row_upper=np.concatenate([none, *(part[1] for part in self.sides)]),
        )


def proven_least(programme: Programme, *, claim: float, step: float, clock: Clock) -> float:
    """Return what branch and bound proves to be a lower limit of a programme.

    Parameters
    ----------
    programme
        The programme.
    claim
        Limit that is claimed; it sets the scale.
    step
        Step of the objective, 0 for none.
    clock
        When to give up.

    Returns
    -------
    float
        Infinite when there is no answer at all, minus infinity when the clock ended it early.

    Notes
    -----
    Integrality and feasibility tolerances only widen what HiGHS looks through, so they make the
    limit lower, never higher; the dual tolerance is covered by the slack of whoever compares.
    """
    if not programme.cost.size:
        low, high = programme.row_lower, programme.row_upper
        return programme.offset if (low <= 0).all() and (high >= 0).all() else math.inf
    size = abs(claim) if math.isfinite(claim) else float(np.abs(programme.cost).sum())
    scale = step or (max(size, 1e-12) / OBJECTIVE_SIZE)
    highs = _passed(programme, scale, clock)
    highs.run()
    status, info = highs.getModelStatus(), highs.getInfo()
    if status in {
        highspy.HighsModelStatus.kInfeasible,
        highspy.HighsModelStatus.kUnboundedOrInfeasible,
    }:
        return math.inf
    if status != highspy.HighsModelStatus.kOptimal:
        return -math.inf
    found = float(info.objective_function_value)
    limit = float(info.mip_dual_bound) if programme.integer.any() else found
    return programme.offset + min(limit, found) * scale


def _passed(programme: Programme, scale: float, clock: Clock) -> highspy.Highs:
    """Return HiGHS with a programme, its objective divided by `scale`."""
    highs = highspy.Highs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 1e-9),
        ("mip_feasibility_tolerance", 1e-9),
        ("primal_feasibility_tolerance", 1e-9),
        ("dual_feasibility_tolerance", 1e-9),
        ("time_limit", min(max(clock.left_s, 0.01), 1e9)),
    ):
        highs.setOptionValue(name, value)
    if clock.limit_s < math.inf:
        highs.cbMipInterrupt += lambda event: _ask(clock, event)
        highs.cbSimplexInterrupt += lambda event: _ask(clock, event)
    rows, variables = programme.matrix.shape
    highs.passModel(
        variables,
        rows,
        programme.matrix.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        programme.cost / scale,
        programme.lower,
        programme.upper,
        programme.row_lower,
        programme.row_upper,
        programme.matrix.indptr.astype(np.int32),
        programme.matrix.indices.astype(np.int32),
        programme.matrix.data.astype(np.float64),
        programme.integer.astype(np.int32),
    )
    return highs


def _ask(clock: Clock, event: HighsCallbackEvent) -> None:
    if clock.expired():
        event.interrupt()
