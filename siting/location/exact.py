"""Any model by branch and bound over its whole programme: for small ones and rare rules.

The certificate holds the multipliers of the linear relaxation and, when HiGHS finished, one leaf
that says so; the check repeats that branch and bound over the options the multipliers leave open.
"""

from __future__ import annotations

import logging
import math

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.clock import Clock
from siting.location.capacity import CapacitatedCovering, CapacitatedFacilityLocation
from siting.location.control import NOTHING_BETTER, PROVEN, STOPPED, TIMED_OUT, Control, Found
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.highs import TIGHT, new_highs, pass_programme
from siting.location.programme import LocationModel, Programme, programme
from siting.location.solution import Certificate, Node, Prices
from siting.status import Sense

log = logging.getLogger(__name__)

#: Relative error of a bound made of float64 sums, with room for a check that is four times tighter.
MARGIN = 2.0**-38
#: Relative distance below which two objectives that are no whole numbers are the same.
SAME = 1e-9
#: Largest whole number that a float64 holds with all its neighbours.
MOST_WHOLE = 2.0**52

FloatArray = npt.NDArray[np.float64]


def solve_exact(model: LocationModel, control: Control) -> Found:
    """Solve a model by HiGHS on its whole programme.

    Parameters
    ----------
    model
        Any model but a :class:`~siting.location.distance.PCenter`, whose programme has no useful
        relaxation.
    control
        When to end.

    Returns
    -------
    Found
        The best answer found and a certificate; the bound is infinite when nothing keeps the rules.
    """
    built = programme(model)
    size = len(built.cost)
    relaxed = _run(built, control.clock, gap=0.0, relax=True)
    prices = _prices(model, built, relaxed)
    bound = _safe_bound(built, relaxed)
    log.info("exact: %d variables, %d rows, relaxation %.6g", size, len(built.row_lower), bound)
    solved: highspy.Highs | None = None
    infeasible = relaxed.getModelStatus() == highspy.HighsModelStatus.kInfeasible
    if not control.clock.expired() and not infeasible:
        solved = _run(built, control.clock, gap=control.gap, relax=False)
        infeasible = solved.getModelStatus() == highspy.HighsModelStatus.kInfeasible
    if infeasible:
        limit = math.inf if model.sense is Sense.MINIMISE else -math.inf
        leaf = Certificate(bound=limit, nodes=(Node(closing="kernel"),))
        return Found(selected=None, certificate=leaf, ended="no choice keeps all rules together")
    values = None if solved is None else _answer(solved)
    finished = solved is not None and solved.getModelStatus() == highspy.HighsModelStatus.kOptimal
    claim = _claim(model, built, bound, solved if finished else None)
    certificate = None
    if prices is not None and math.isfinite(claim):
        nodes = (Node(prices=0, closing="kernel" if finished else "prices"),)
        certificate = Certificate(bound=claim, prices=(prices,), nodes=nodes)
    if values is None:
        return Found(selected=None, certificate=certificate, ended=_ended(control, finished))
    whole = _rounded(built, values)
    options = whole[built.variables("y")]
    return Found(
        selected=np.flatnonzero(options > 0).astype(np.intp),
        certificate=certificate,
        ended=_ended(control, finished),
        assignment=_assignment(model, built, whole),
    )


def _answer(solved: highspy.Highs) -> FloatArray | None:
    """Return the best answer HiGHS found, None without any."""
    if solved.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None
    return np.asarray(solved.getSolution().col_value)


def _claim(
    model: LocationModel, built: Programme, bound: float, finished: highspy.Highs | None
) -> float:
    """Return the limit to claim: of the relaxation, or of a branch and bound that finished.

    HiGHS proves within its tolerances, so no more is claimed than whole numbers or nine digits.
    """
    sign, step = (1.0 if built.sense is Sense.MINIMISE else -1.0), _step(model)
    lowest = sign * bound
    if finished is not None:
        proven = float(finished.getInfo().mip_dual_bound)
        lowest = proven - (1e-6 if step else 0.5 * SAME * abs(proven))
    return sign * (_round_up(lowest, step))


def _ended(control: Control, finished: bool) -> str:  # noqa: FBT001 - one fact
    if finished:
        return PROVEN
    if control.clock.expired():
        return STOPPED if control.clock.stopped else TIMED_OUT
    return NOTHING_BETTER


def _run(built: Programme, clock: Clock, *, gap: float, relax: bool) -> highspy.Highs:
    """Run HiGHS on a programme, or on its linear relaxation, minimising."""
    highs = new_highs(clock, {"mip_rel_gap": gap, "mip_abs_gap": 1e-9, **TIGHT})
    sign = 1.0 if built.sense is Sense.MINIMISE else -1.0
    pass_programme(
        highs,
        sign * built.cost,
        built.matrix,
        built.row_lower,
        built.row_upper,
        built.upper,
        np.zeros_like(built.integer) if relax else built.integer,
        lower=built.lower,
    )
    highs.run()
    return highs


def _duals(built: Programme, solved: highspy.Highs) -> FloatArray | None:
    """Return dual prices of the rows with the signs the rows allow, None without any."""
    solution = solved.getSolution()
    if not solution.dual_valid:
        return None
    duals = np.asarray(solution.row_dual, dtype=np.float64)
    duals = np.where(np.isneginf(built.row_lower), np.minimum(duals, 0.0), duals)
    duals = np.where(np.isposinf(built.row_upper), np.maximum(duals, 0.0), duals)
    return duals if np.isfinite(duals).all() else None


def _safe_bound(built: Programme, solved: highspy.Highs) -> float:
    """Return a limit on the objective that the duals prove whatever their rounding.

    Notes
    -----
    For any y of the right signs, ``min c x`` over ``lower <= x <= upper`` and the rows is at least
    ``b y + sum_j min over the bounds of (c - A' y)_j x_j``.
    """
    sign = 1.0 if built.sense is Sense.MINIMISE else -1.0
    duals = _duals(built, solved)
    if duals is None:
        return -sign * math.inf
    cost = sign * built.cost
    reduced = cost - built.matrix.T @ duals
    if (np.isposinf(built.upper) & (reduced < 0)).any():
        return -sign * math.inf
    side = np.where(duals > 0, built.row_lower, built.row_upper)
    terms = np.where(duals == 0.0, 0.0, duals * np.where(np.isfinite(side), side, 0.0))
    upper = np.where(np.isposinf(built.upper), 0.0, built.upper)
    ends = np.where(reduced < 0, reduced * upper, reduced * built.lower)
    size = np.abs(cost).sum() + (abs(built.matrix).T @ np.abs(duals)).sum() + np.abs(terms).sum()
    return sign * (math.fsum(terms) + math.fsum(ends) - MARGIN * float(size))


def _prices(model: LocationModel, built: Programme, solved: highspy.Highs) -> Prices | None:
    """Read the multipliers of a certificate from the duals of the relaxation."""
    duals = _duals(built, solved)
    if duals is None:
        return None
    conflict = np.maximum(-duals[built.rows("conflict")], 0.0)
    limit = built.rows("number"), built.rows("budget")
    price = float(max([0.0, *(-duals[rows].sum() for rows in limit)]))
    match model:
        case SetCovering():
            demand = np.maximum(duals[built.rows("cover")], 0.0)
        case MaximalCovering() | PartialCovering():
            demand = np.maximum(-duals[built.rows("cover")], 0.0)
        case CapacitatedFacilityLocation():
            demand = _per_unit(duals[built.rows("assigned")], model.demand)
        case CapacitatedCovering():
            demand = _per_unit(-duals[built.rows("assigned")], model.demand)
            demand = np.maximum(demand, 0.0)
        case _:
            demand = duals[built.rows("assigned")]
    zone = np.zeros(0)
    if isinstance(model, PartialCovering | CapacitatedCovering) and model.required is not None:
        zone = np.zeros(len(model.zones))
        zone[model.required > 0] = np.maximum(duals[built.rows("zone")], 0.0)
    return Prices(demand=demand, zone=zone, limit=price, conflict=conflict)


def _per_unit(duals: FloatArray, demand: FloatArray) -> FloatArray:
    """Divide the price of a whole demand point by its weight."""
    return np.divide(duals, demand, out=np.zeros_like(duals), where=demand > 0)


def _rounded(built: Programme, values: FloatArray) -> FloatArray:
    """Return values with the whole ones really whole."""
    return np.where(built.integer, np.rint(values), values)


def _assignment(
    model: LocationModel, built: Programme, values: FloatArray
) -> npt.NDArray[np.intp] | sp.csr_array | None:
    """Return which option serves what share of each demand point, for capacitated models."""
    if not isinstance(model, CapacitatedCovering | CapacitatedFacilityLocation):
        return None
    share = values[built.variables("x")]
    n, m = len(model.demand), model.rules.options
    if model.single_source:
        server = np.full(n, -1, dtype=np.intp)
        whole = share > 0.5  # noqa: PLR2004
        server[built.served[whole]] = built.server[whole]
        return server
    some = share > SAME
    place = (built.served[some], built.server[some])
    return sp.csr_array((np.minimum(share[some], 1.0), place), shape=(n, m))


def _step(model: LocationModel) -> float:
    """Return a number of which every value of the objective is a multiple, 0 when none is known."""
    match model:
        case SetCovering() | PartialCovering():
            return _divisor(model.cost, model.rules.site_cost)
        case MaximalCovering():
            return _divisor(model.demand)
        case CapacitatedCovering():
            return _step_of_covering(model)
        case CapacitatedFacilityLocation():
            return _step_of_service(model)
        case _:
            finite = np.where(np.isfinite(model.distance), model.distance, 0.0)
            if not (_divisor(finite.ravel()) and _divisor(model.demand)):
                return 0.0
            return _divisor((finite * model.demand[:, None]).ravel(), model.rules.site_cost)


def _step_of_covering(model: CapacitatedCovering) -> float:
    if model.required is not None:
        return _divisor(model.cost, model.rules.site_cost)
    if model.single_source:
        return _divisor(model.demand)
    return _divisor(model.demand, model.capacity)  # flows between whole numbers can be whole


def _step_of_service(model: CapacitatedFacilityLocation) -> float:
    unit = np.where(np.isfinite(model.distance), model.distance, 0.0).ravel()
    if not (_divisor(unit) and _divisor(model.demand)):
        return 0.0
    if model.single_source:
        carried = _divisor((unit.reshape(model.distance.shape) * model.demand[:, None]).ravel())
    else:
        carried = _divisor(model.demand, model.capacity) * _divisor(unit)
    opening = [model.cost, model.rules.site_cost]
    return _divisor(np.array([carried]), *opening) if carried else 0.0


def _divisor(*parts: FloatArray) -> float:
    """Return the greatest common divisor of some values, 0 unless all are whole."""
    values = np.concatenate(parts)
    if not np.array_equal(values, np.rint(values)) or values.max(initial=0) > MOST_WHOLE:
        return 0.0
    return float(np.gcd.reduce(values.astype(np.int64), initial=0))


def _round_up(bound: float, step: float) -> float:
    return math.ceil(bound / step) * step if step and math.isfinite(bound) else bound
