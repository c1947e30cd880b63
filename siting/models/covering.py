"""Covering with targets, site costs and a number of stations: the two programmes of a plan.

Symbols: rows *i* are demand points under one service standard; options *o* stand on sites *j*;
``a_io = 1`` when option *o* serves row *i*; the options of a station *g* are the ways it can be
configured; ``c_o`` is the cost of an option and ``f_j`` the cost of opening its site, paid once;
``w_ti`` is the weight of row *i* in target *t* and ``R_t`` the weight that target requires; ``h_i``
is the weight of row *i* in the objective; ``L`` are the locked sites and ``S`` the number of
stations.

Step one, *targets*::

    minimise    sum_o c_o x_o + sum_j f_j z_j
    subject to  sum_i w_ti y_i >= R_t              for every target t
                y_i <= sum_o a_io x_o              for every row i
                x_o <= z_site(o)                   for every option o
                sum_{o of g} x_o <= 1              for every station g
                sum_{o at j} x_o >= 1              for every j in L
                x, y, z in {0, 1}

Step two, *service*, keeps the options X1 of step one::

    maximise    sum_i h_i y_i
    subject to  y_i <= sum_o a_io x_o              for every row i
                x_o = 1                            for every o in X1
                sum_{o of g} x_o <= 1              for every station g
                sum_o x_o <= S
                x, y in {0, 1}
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.errors import InputError, Problem, raise_if

#: A matrix as a caller has it, sparse or dense.
Matrix = sp.csr_array | npt.NDArray[np.bool_] | npt.NDArray[np.float64] | npt.NDArray[np.int64]

#: Options of one station at most: a set of options is held as the bits of one number.
MOST_CONFIGURATIONS = 62
#: Relative weight by which a sum of floats may miss a requirement, as in ``siting.plan``.
WEIGHT_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoverModel:
    """A covering question on plain arrays; build one with :func:`cover_model`.

    Parameters
    ----------
    cover
        ``a_io``: option serves row, boolean CSR of shape (n, k), int32 indices, sorted.
    option_cost, option_site
        ``c_o`` [CNY] and site index of each option, shape (k,).
    option_station
        Station whose configuration each option is, all of one site, shape (k,); of the options of a
        station at most one is chosen.
    site_cost, locked
        ``f_j`` [CNY] and whether the site must carry at least one option, shape (m,).
    target_weights
        ``w_ti`` >= 0, CSR of shape (number of targets, n).
    required, total
        ``R_t`` and the zone's whole weight, rows that nothing can serve included, shape
        (number of targets,).
    objective
        ``h_i`` >= 0, shape (n,); all zero when there is no step two.
    stations
        ``S``, or None when the number is free.
    """

    cover: sp.csr_array
    option_cost: npt.NDArray[np.int64]
    option_site: npt.NDArray[np.intp]
    option_station: npt.NDArray[np.intp]
    site_cost: npt.NDArray[np.int64]
    locked: npt.NDArray[np.bool_]
    target_weights: sp.csr_array
    required: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]
    objective: npt.NDArray[np.float64]
    stations: int | None

    @property
    def reachable(self) -> npt.NDArray[np.bool_]:
        """Rows that at least one option serves, shape (n,)."""
        return np.diff(self.cover.indptr) > 0

    @property
    def reach(self) -> npt.NDArray[np.float64]:
        """Weight of each target that all options together serve, shape (number of targets,)."""
        return self.target_weights @ self.reachable.astype(np.float64)

    @property
    def slack(self) -> npt.NDArray[np.float64]:
        """Weight by which a sum of floats may miss each target."""
        return WEIGHT_TOLERANCE * self.total

    @property
    def impossible(self) -> npt.NDArray[np.bool_]:
        """Targets beyond what all options together serve, shape (number of targets,)."""
        return self.reach < self.required - self.slack

    @property
    def needed(self) -> npt.NDArray[np.float64]:
        """Requirement of each target, cut to what can be reached, less the tolerance."""
        return np.maximum(np.minimum(self.required, self.reach) - self.slack, 0.0)

    def served(self, selected: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Return which rows the selected options serve, shape (n,)."""
        chosen = np.zeros(self.cover.shape[1], dtype=np.int32)
        chosen[selected] = 1
        return (self.cover @ chosen) > 0

    def meets_targets(self, selected: npt.NDArray[np.intp]) -> bool:
        """Tell whether a selection serves what is needed and keeps the rules of sites."""
        served = self.target_weights @ self.served(selected).astype(np.float64)
        opened = np.zeros(len(self.site_cost), dtype=bool)
        opened[self.option_site[selected]] = True
        stations = self.option_station[selected]
        return bool(
            np.all(served >= self.needed)
            and np.all(opened[self.locked])
            and len(np.unique(stations)) == len(stations)
        )

    def cost(self, selected: npt.NDArray[np.intp]) -> int:
        """Return the cost of a selection and of the sites it opens [CNY]."""
        sites = np.unique(self.option_site[selected])
        return int(self.option_cost[selected].sum() + self.site_cost[sites].sum())


def cover_model(
    cover: Matrix,
    *,
    option_cost: npt.ArrayLike | None = None,
    option_site: npt.ArrayLike | None = None,
    option_station: npt.ArrayLike | None = None,
    site_cost: npt.ArrayLike | None = None,
    locked: npt.ArrayLike = (),
    target_weights: Matrix | None = None,
    required: npt.ArrayLike = (),
    total: npt.ArrayLike | None = None,
    objective: npt.ArrayLike | None = None,
    stations: int | None = None,
) -> CoverModel:
    """Build a model from plain arrays, filling in what a simple question leaves out.

    Parameters
    ----------
    cover
        ``a_io``, dense or sparse, shape (n, k).
    option_cost
        Cost of each option, integer; without it each costs 1.
    option_site
        Site of each option; without it each stands on a site of its own.
    option_station
        Station each option configures; without it each is a station of its own.
    site_cost
        Cost to open each site, integer; without it nothing.
    locked
        Indices of sites that must carry at least one option.
    target_weights, required
        Weights ``w_ti`` and requirements ``R_t``; without them there is no step one.
    total
        Whole weight of each target; without it the sum of its weights.
    objective
        ``h_i``; without it there is no step two.
    stations
        Number of stations.

    Returns
    -------
    CoverModel
        The model with canonical dtypes.

    Raises
    ------
    InputError
        With every array of the wrong shape, negative or not finite, and stations on several sites
        or with more than :data:`MOST_CONFIGURATIONS` options.
    """
    matrix = _canonical(sp.csr_array(cover))
    rows, options = matrix.shape
    site = np.arange(options) if option_site is None else np.asarray(option_site)
    sites = int(site.max(initial=-1)) + 1 if site_cost is None else len(np.asarray(site_cost))
    is_locked = np.zeros(sites, dtype=bool)
    is_locked[np.asarray(locked, dtype=np.intp)] = True
    none = np.zeros((0, rows))
    weights = sp.csr_array(none if target_weights is None else target_weights).astype(np.float64)
    model = CoverModel(
        cover=matrix,
        option_cost=_integers(np.ones(options) if option_cost is None else option_cost),
        option_site=site.astype(np.intp),
        option_station=np.asarray(
            np.arange(options) if option_station is None else option_station, dtype=np.intp
        ),
        site_cost=_integers(np.zeros(sites) if site_cost is None else site_cost),
        locked=is_locked,
        target_weights=weights,
        required=np.asarray(required, dtype=np.float64),
        total=np.asarray(
            weights @ np.ones(rows) if total is None else total, dtype=np.float64
        ).reshape(-1),
        objective=np.zeros(rows) if objective is None else np.asarray(objective, dtype=np.float64),
        stations=stations,
    )
    raise_if(_problems(model), InputError)
    return model


def _canonical(matrix: sp.csr_array) -> sp.csr_array:
    """Return the matrix with int32 indices, sorted, of bool."""
    matrix = matrix.astype(bool)
    matrix.eliminate_zeros()
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    parts = (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32))
    return sp.csr_array(parts, shape=matrix.shape)


def _integers(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    array = np.asarray(values)
    rounded = np.rint(array).astype(np.int64)
    if not np.array_equal(rounded, array):
        raise InputError(Problem("cost", "costs are whole numbers", "give costs in whole CNY"))
    return rounded


def _problems(model: CoverModel) -> list[Problem]:
    """List every array that does not fit the others."""
    rows, options = model.cover.shape
    sites, targets = len(model.site_cost), len(model.required)
    shapes = [
        ("option_cost", model.option_cost.shape, (options,)),
        ("option_site", model.option_site.shape, (options,)),
        ("option_station", model.option_station.shape, (options,)),
        ("target_weights", model.target_weights.shape, (targets, rows)),
        ("total", model.total.shape, (targets,)),
        ("objective", model.objective.shape, (rows,)),
    ]
    problems = [
        Problem(name, f"shape {given}, expected {wanted}")
        for name, given, wanted in shapes
        if given != wanted
    ]
    values = [
        ("option_cost", model.option_cost),
        ("site_cost", model.site_cost),
        ("target_weights", model.target_weights.data),
        ("required", model.required),
        ("objective", model.objective),
    ]
    problems.extend(
        Problem(name, "holds a negative or non-finite value", "use finite values >= 0")
        for name, array in values
        if not (np.isfinite(array).all() and (array >= 0).all())
    )
    if options and not (model.option_site.min() >= 0 and model.option_site.max() < sites):
        problems.append(Problem("option_site", f"names a site outside 0..{sites - 1}"))
    if not problems:
        problems.extend(_station_problems(model))
    hosting = np.zeros(sites, dtype=bool)
    hosting[model.option_site[model.option_site < sites]] = True
    problems.extend(
        Problem("locked", f"site {site} is locked but carries no option")
        for site in np.flatnonzero(model.locked & ~hosting)
    )
    return problems


def _station_problems(model: CoverModel) -> list[Problem]:
    """Name the stations that stand on several sites, or can be configured in too many ways."""
    _, station, count = np.unique(model.option_station, return_inverse=True, return_counts=True)
    pairs = np.unique(np.column_stack([station, model.option_site]), axis=0)
    problems = []
    if len(pairs) > len(count):
        what = f"{len(pairs) - len(count)} stations stand on more than one site"
        problems.append(Problem("option_station", what, "options of a station share its site"))
    if count.max(initial=0) > MOST_CONFIGURATIONS:
        what = f"a station has {count.max()} options"
        problems.append(Problem("option_station", what, f"at most {MOST_CONFIGURATIONS}"))
    return problems
