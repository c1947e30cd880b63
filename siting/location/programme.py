"""A location model as a mixed-integer programme on plain arrays.

Variables, in this order: ``y_o`` for every option; ``s_s`` for every site, where opening one costs
something; then ``z_i`` (demand point is served) or ``x_ij`` (share of demand i served by j), and
``r`` for centre models. Rows carry the names used in the models' docstrings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.capacity import (
    CapacitatedCovering,
    CapacitatedFacilityLocation,
)
from siting.location.covering import MaximalCovering, PartialCovering, SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.rules import Rules
from siting.status import Sense

#: Every model of the engine.
LocationModel = (
    SetCovering
    | MaximalCovering
    | PartialCovering
    | PMedian
    | PCenter
    | CapacitatedCovering
    | CapacitatedFacilityLocation
)

#: Relative weight by which a sum of floats may miss a zone's requirement.
WEIGHT_TOLERANCE = 1e-9

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Programme:
    """``min or max cost @ v`` subject to ``row_lower <= matrix @ v <= row_upper`` and bounds on v.

    Parameters
    ----------
    sense
        Direction of the objective.
    cost, lower, upper, integer
        Objective, bounds and integrality of each variable, (v,).
    matrix, row_lower, row_upper
        Rows, CSR (r, v) and (r,).
    blocks
        Name, number of rows: the rows' blocks in order, e.g. ``("assigned", 12)``.
    groups
        Name, number of variables: the variables' blocks in order, e.g. ``("y", 4)``.
    served, server
        Demand point and option of every ``x``, (number of x,); empty without assignment.
    """

    sense: Sense
    cost: FloatArray
    lower: FloatArray
    upper: FloatArray
    integer: npt.NDArray[np.bool_]
    matrix: sp.csr_array
    row_lower: FloatArray
    row_upper: FloatArray
    blocks: tuple[tuple[str, int], ...]
    groups: tuple[tuple[str, int], ...]
    served: IndexArray
    server: IndexArray

    def rows(self, name: str) -> slice:
        """Return the rows of one block; empty when there is none."""
        return _span(self.blocks, name)

    def variables(self, name: str) -> slice:
        """Return the variables of one group; empty when there is none."""
        return _span(self.groups, name)


def _span(blocks: Sequence[tuple[str, int]], name: str) -> slice:
    start = 0
    for block, length in blocks:
        if block == name:
            return slice(start, start + length)
        start += length
    return slice(0, 0)


class _Builder:
    """Gathers variables and rows block by block."""

    def __init__(self, sense: Sense) -> None:
        self.sense = sense
        self.groups: list[tuple[str, int]] = []
        self.cost: list[FloatArray] = []
        self.lower: list[FloatArray] = []
        self.upper: list[FloatArray] = []
        self.integer: list[npt.NDArray[np.bool_]] = []
        self.blocks: list[tuple[str, int]] = []
        self.parts: list[dict[str, sp.csr_array]] = []
        self.row_lower: list[FloatArray] = []
        self.row_upper: list[FloatArray] = []
        self.served = self.server = np.zeros(0, dtype=np.intp)

    def variables(
        self, name: str, cost: FloatArray, *, integer: bool = True, upper: float = 1.0
    ) -> None:
        """Add variables 0..upper."""
        number = len(cost)
        self.groups.append((name, number))
        self.cost.append(cost)
        self.lower.append(np.zeros(number))
        self.upper.append(np.full(number, upper))
        self.integer.append(np.full(number, integer))

    def add(
        self,
        name: str,
        *,
        lower: Any = -np.inf,
        upper: Any = np.inf,
        **parts: sp.csr_array,
    ) -> None:
        """Add rows: one matrix (rows, variables of the group) for each group they touch."""
        number = next(iter(parts.values())).shape[0]
        if number == 0:
            return
        self.blocks.append((name, number))
        self.parts.append(parts)
        self.row_lower.append(np.broadcast_to(np.asarray(lower, dtype=np.float64), (number,)))
        self.row_upper.append(np.broadcast_to(np.asarray(upper, dtype=np.float64), (number,)))

    def build(self) -> Programme:
        """Stack everything."""
        stacked = []
        for (_, number), parts in zip(self.blocks, self.parts, strict=True):
            row = [parts.get(group, sp.csr_array((number, width))) for group, width in self.groups]
            stacked.append(sp.hstack(row, format="csr"))
        width = sum(number for _, number in self.groups)
        matrix = sp.vstack(stacked, format="csr") if stacked else sp.csr_array((0, width))
        matrix = sp.csr_array(matrix).astype(np.float64)
        matrix.eliminate_zeros()
        matrix.sort_indices()
        none = np.zeros(0)
        return Programme(
            sense=self.sense,
            cost=np.concatenate(self.cost),
            lower=np.concatenate(self.lower),
            upper=np.concatenate(self.upper),
            integer=np.concatenate(self.integer),
            matrix=matrix,
            row_lower=np.concatenate([none, *self.row_lower]),
            row_upper=np.concatenate([none, *self.row_upper]),
            blocks=tuple(self.blocks),
            groups=tuple(self.groups),
            served=self.served,
            server=self.server,
        )


def programme(model: LocationModel) -> Programme:
    """Write a model as a mixed-integer programme, in the symbols of its docstring."""
    builder = _Builder(model.sense)
    match model:
        case SetCovering():
            _set_covering(builder, model)
        case MaximalCovering():
            _maximal_covering(builder, model)
        case PartialCovering():
            _partial_covering(builder, model)
        case PMedian():
            _median(builder, model)
        case PCenter():
            _centre(builder, model)
        case CapacitatedCovering():
            _capacitated_covering(builder, model)
        case CapacitatedFacilityLocation():
            _facility_location(builder, model)
    _rules(builder, model.rules)
    built = builder.build()
    built.lower[model.rules.fixed] = 1.0
    built.upper[model.rules.forbidden] = 0.0
    return built


def _ones(number: int) -> sp.csr_array:
    return sp.csr_array(np.ones((1, number)))


def _choose(builder: _Builder, rules: Rules, cost: FloatArray, site_cost: FloatArray) -> None:
    """Add ``y``, and ``s`` where any site has a cost."""
    builder.variables("y", cost)
    if (rules.site_cost > 0).any():
        builder.variables("s", site_cost)


def _rules(builder: _Builder, rules: Rules) -> None:
    """Add what every model may carry: site costs, limits per site, conflicts."""
    sites, m = len(rules.site_cost), rules.options
    own = np.arange(m)
    if (rules.site_cost > 0).any():
        builder.add(
            "opened",
            upper=0.0,
            y=sp.eye_array(m, format="csr"),
            s=sp.csr_array((-np.ones(m), (own, rules.site)), shape=(m, sites)),
        )
    hosted = np.bincount(rules.site, minlength=sites)
    tight = np.flatnonzero(rules.max_options < hosted)
    if len(tight):
        at = sp.csr_array((np.ones(m), (rules.site, own)), shape=(sites, m))
        builder.add("site_limit", upper=rules.max_options[tight], y=sp.csr_array(at[tight]))
    pairs = len(rules.conflicts)
    if pairs:
        row = np.repeat(np.arange(pairs), 2)
        entries = (np.ones(2 * pairs), (row, rules.conflicts.ravel()))
        builder.add("conflict", upper=1.0, y=sp.csr_array(entries, shape=(pairs, m)))


def _limit(
    builder: _Builder,
    rules: Rules,
    *,
    p: int | None,
    budget: float | None = None,
    cost: FloatArray | None = None,
) -> None:
    """Add ``at most p options`` or ``at most the budget``."""
    if p is not None:
        builder.add("number", upper=float(p), y=_ones(rules.options))
    if budget is not None and cost is not None:
        parts = {"y": sp.csr_array(cost[None, :])}
        if (rules.site_cost > 0).any():
            parts["s"] = sp.csr_array(rules.site_cost[None, :])
        builder.add("budget", upper=budget, **parts)


def _set_covering(builder: _Builder, model: SetCovering) -> None:
    _choose(builder, model.rules, model.cost, model.rules.site_cost)
    builder.add("cover", lower=model.k, y=sp.csr_array(model.cover.astype(np.float64)))


def _maximal_covering(builder: _Builder, model: MaximalCovering) -> None:
    m, sites = model.rules.options, len(model.rules.site_cost)
    _choose(builder, model.rules, np.zeros(m), np.zeros(sites))
    builder.variables("z", model.demand)
    served = sp.diags_array(model.k.astype(np.float64), format="csr")
    builder.add("cover", upper=0.0, y=-model.cover.astype(np.float64), z=served)
    _limit(builder, model.rules, p=model.p, budget=model.budget, cost=model.cost)


def _partial_covering(builder: _Builder, model: PartialCovering) -> None:
    n = len(model.demand)
    _choose(builder, model.rules, model.cost, model.rules.site_cost)
    builder.variables("z", np.zeros(n))
    builder.add(
        "cover",
        upper=0.0,
        y=-model.cover.astype(np.float64),
        z=sp.eye_array(n, format="csr"),
    )
    entries = (model.demand, (model.zone, np.arange(n)))
    weights = sp.csr_array(entries, shape=(len(model.zones), n))
    _zones(builder, model.required, model.zone_weight, z=weights)


def _zones(
    builder: _Builder, required: FloatArray, total: FloatArray, **weights: sp.csr_array
) -> None:
    """Add the requirement of every zone that has one."""
    asked = np.flatnonzero(required > 0)
    need = (required * total - WEIGHT_TOLERANCE * total)[asked]
    rows = {name: sp.csr_array(matrix[asked]) for name, matrix in weights.items()}
    builder.add("zone", lower=need, **rows)


def _assign(
    builder: _Builder, cost: FloatArray, *, integer: bool, n: int, m: int
) -> tuple[sp.csr_array, sp.csr_array]:
    """Add ``x`` and its links ``x_ij <= y_j``; return the sums of x per demand and per option."""
    number = len(builder.served)
    builder.variables("x", cost, integer=integer)
    own = np.arange(number)
    linked = sp.csr_array((-np.ones(number), (own, builder.server)), shape=(number, m))
    builder.add("linked", upper=0.0, x=sp.eye_array(number, format="csr"), y=linked)
    by_demand = sp.csr_array((np.ones(number), (builder.served, own)), shape=(n, number))
    by_option = sp.csr_array((np.ones(number), (builder.server, own)), shape=(m, number))
    return by_demand, by_option


def _median(builder: _Builder, model: PMedian) -> None:
    n, m = model.distance.shape
    _choose(builder, model.rules, np.zeros(m), model.rules.site_cost)
    builder.served, builder.server = np.nonzero(np.isfinite(model.distance))
    entries = model.distance[builder.served, builder.server]
    cost = model.demand[builder.served] * entries
    by_demand, _ = _assign(builder, cost, integer=False, n=n, m=m)
    builder.add("assigned", lower=1.0, upper=1.0, x=by_demand)
    _limit(builder, model.rules, p=model.p)


def _centre(builder: _Builder, model: PCenter) -> None:
    n, m = model.distance.shape
    _choose(builder, model.rules, np.zeros(m), np.zeros(len(model.rules.site_cost)))
    builder.served, builder.server = np.nonzero(np.isfinite(model.distance))
    number = len(builder.served)
    by_demand, _ = _assign(builder, np.zeros(number), integer=True, n=n, m=m)
    builder.variables("r", np.ones(1), integer=False, upper=np.inf)
    builder.add("assigned", lower=1.0, upper=1.0, x=by_demand)
    entries = model.distance[builder.served, builder.server]
    reach = sp.csr_array((entries, (builder.served, np.arange(number))), shape=(n, number))
    builder.add("radius", upper=0.0, x=reach, r=sp.csr_array(-np.ones((n, 1))))
    _limit(builder, model.rules, p=model.p)


def _capacitated_covering(builder: _Builder, model: CapacitatedCovering) -> None:
    n, m = model.cover.shape
    sites = len(model.rules.site_cost)
    cheapest = model.required is not None
    cost = model.cost if cheapest else np.zeros(m)
    _choose(builder, model.rules, cost, model.rules.site_cost if cheapest else np.zeros(sites))
    builder.served = np.repeat(np.arange(n), np.diff(model.cover.indptr)).astype(np.intp)
    builder.server = model.cover.indices.astype(np.intp)
    weight = model.demand[builder.served]
    by_demand, by_option = _assign(
        builder,
        np.zeros(len(weight)) if cheapest else weight,
        integer=model.single_source,
        n=n,
        m=m,
    )
    builder.add("assigned", upper=1.0, x=by_demand)
    _capacity(builder, by_option, weight, model.capacity)
    if model.required is not None:
        place = (model.zone[builder.served], np.arange(len(weight)))
        zones = sp.csr_array((weight, place), shape=(len(model.zones), len(weight)))
        _zones(builder, model.required, model.zone_weight, x=zones)
    _limit(builder, model.rules, p=model.p, budget=model.budget, cost=model.cost)


def _facility_location(builder: _Builder, model: CapacitatedFacilityLocation) -> None:
    n, m = model.distance.shape
    _choose(builder, model.rules, model.cost, model.rules.site_cost)
    builder.served, builder.server = np.nonzero(np.isfinite(model.distance))
    weight = model.demand[builder.served]
    cost = weight * model.distance[builder.served, builder.server]
    by_demand, by_option = _assign(builder, cost, integer=model.single_source, n=n, m=m)
    builder.add("assigned", lower=1.0, upper=1.0, x=by_demand)
    _capacity(builder, by_option, weight, model.capacity)
    _limit(builder, model.rules, p=model.p)


def _capacity(
    builder: _Builder, by_option: sp.csr_array, weight: FloatArray, capacity: FloatArray
) -> None:
    """Add ``sum_i w_i x_ij <= c_j y_j``."""
    load = sp.csr_array(by_option.multiply(weight[None, :]))
    builder.add("capacity", upper=0.0, x=load, y=sp.diags_array(-capacity, format="csr"))


def write_lp(model: LocationModel, path: Path) -> None:
    """Write a model's programme as an LP text file, with the names of its variables and rows."""
    built = programme(model)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(built.cost), len(built.row_lower)
    lp.sense_ = (
        highspy.ObjSense.kMinimize if built.sense is Sense.MINIMISE else highspy.ObjSense.kMaximize
    )
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = built.cost, built.lower, built.upper
    lp.row_lower_, lp.row_upper_ = built.row_lower, built.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = built.matrix.indptr
    lp.a_matrix_.index_ = built.matrix.indices
    lp.a_matrix_.value_ = built.matrix.data
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    lp.integrality_ = [kinds[int(integer)] for integer in built.integer]
    lp.col_names_ = _variable_names(built)
    lp.row_names_ = [f"{name}_{row}" for name, number in built.blocks for row in range(number)]
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)  # noqa: FBT003 - the API of HiGHS
    highs.passModel(lp)
    highs.writeModel(str(path))


def _variable_names(built: Programme) -> list[str]:
    names: list[str] = []
    for name, number in built.groups:
        if name == "x":
            pairs = zip(built.served.tolist(), built.server.tolist(), strict=True)
            names += [f"x_{i}_{j}" for i, j in pairs]
        else:
            names += [f"{name}_{index}" for index in range(number)]
    return names
