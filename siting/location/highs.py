"""HiGHS as the rooms use it: one thread, silent, ending when the clock does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from highspy.highs import HighsCallbackEvent

from siting.clock import Clock

FloatArray = npt.NDArray[np.float64]

#: The tolerances a proof is asked for; HiGHS takes them as 1e-6 or 1e-7 otherwise.
TIGHT = {
    "mip_feasibility_tolerance": 1e-9,
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-9,
}


def new_highs(
    clock: Clock, options: Mapping[str, float | str | bool] | None = None
) -> highspy.Highs:
    """Return HiGHS without a programme, on one thread, interrupted by the clock.

    Parameters
    ----------
    clock
        Its time left becomes the limit; where it can be stopped, HiGHS asks it.
    options
        HiGHS's options by name; the time limit too can be set anew.
    """
    highs = highspy.Highs()
    given = {
        "output_flag": False,
        "threads": 1,
        "random_seed": 0,
        "mip_rel_gap": 0.0,
        "time_limit": float(min(max(clock.left_s, 0.01), 1e9)),
        **(options or {}),
    }
    for name, value in given.items():
        highs.setOptionValue(name, value)
    if clock.stop is not None:
        for interrupted in (highs.cbSimplexInterrupt, highs.cbIpmInterrupt, highs.cbMipInterrupt):
            interrupted.subscribe(_interrupt(clock))
    return highs


def pass_programme(  # noqa: PLR0917 - the parts of one programme
    highs: highspy.Highs,
    cost: FloatArray,
    matrix: sp.csr_array,
    row_lower: FloatArray,
    row_upper: FloatArray,
    upper: FloatArray,
    integer: npt.NDArray[np.bool_],
    *,
    lower: FloatArray | None = None,
) -> highspy.HighsStatus:
    """Hand over ``min cost @ x, row_lower <= matrix @ x <= row_upper, lower <= x <= upper``.

    Parameters
    ----------
    highs
        Receives the programme.
    cost, upper, integer
        Of each variable, shape (v,).
    matrix
        Shape (r, v).
    row_lower, row_upper
        Limits of the rows, shape (r,); infinite where there is none.
    lower
        Least values of the variables; 0 when left out.
    """
    rows, variables = matrix.shape
    return highs.passModel(
        variables,
        rows,
        matrix.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        cost,
        np.zeros(variables) if lower is None else lower,
        upper,
        row_lower,
        row_upper,
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data.astype(np.float64),
        integer.astype(np.int32),
    )


def _interrupt(clock: Clock) -> Callable[[HighsCallbackEvent], None]:
    """Return a callback that ends HiGHS when the clock expires."""

    def ask(event: HighsCallbackEvent) -> None:
        if clock.expired():
            event.interrupt()

    return ask
