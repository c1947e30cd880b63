"""Arrays as callers have them, made canonical; every fault is gathered before one is raised."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.spatial import KDTree

from siting.errors import InvalidInput, Problem, raise_if
from siting.location.rules import RuleArguments, Rules

#: Most entries of a cover matrix: its indices are 32-bit.
MOST_ENTRIES = 2**31 - 1
_LISTED = 5

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]


class Faults:
    """Gathers what is wrong with the arguments of one model."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, where: str, what: str, hint: str = "") -> None:
        """Note one fault."""
        self.problems.append(Problem(where, what, hint))

    def raise_if_any(self) -> None:
        """Raise :class:`~siting.errors.InvalidInput` with every fault, or do nothing."""
        raise_if(self.problems, InvalidInput)

    def cover(self, A: Any) -> sp.csr_array:
        """Return a cover matrix as boolean CSR with sorted int32 indices and no stored zeros."""
        empty = sp.csr_array((1, 1), dtype=bool)
        if getattr(A, "nnz", 0) > MOST_ENTRIES:
            self.add("A", f"holds {A.nnz} entries, at most {MOST_ENTRIES}", "split the area")
            return empty
        try:
            matrix = sp.csr_array(A)
        except (TypeError, ValueError) as error:
            self.add(
                "A", f"is no matrix: {error}", "give a scipy.sparse array (n_demand, n_options)"
            )
            return empty
        if matrix.ndim != 2 or matrix.shape[0] == 0:  # noqa: PLR2004
            self.add("A", f"has shape {matrix.shape}, needs at least one demand point")
            return empty
        if matrix.shape[1] == 0:
            self.add("A", "holds no option", "give at least one candidate")
            return empty
        values = matrix.data
        if values.dtype != bool and not np.isin(np.unique(values), (0, 1)).all():
            self.add("A", "holds values other than 0 and 1", "A[i, o] is whether o serves i")
            return empty
        matrix = matrix.astype(bool)
        if not (matrix.has_canonical_format and matrix.data.all()):
            matrix = matrix.copy()
            matrix.sum_duplicates()
            matrix.eliminate_zeros()
        parts = (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32))
        return sp.csr_array(parts, shape=matrix.shape)

    def distances(self, D: Any) -> FloatArray:
        """Return a cost matrix (n, m) of float64; infinite where a site cannot serve."""
        try:
            array = np.ascontiguousarray(D, dtype=np.float64)
        except (TypeError, ValueError) as error:
            self.add("D", f"is no matrix of numbers: {error}")
            return np.zeros((1, 1))
        if array.ndim != 2 or 0 in array.shape:  # noqa: PLR2004
            self.add("D", f"has shape {array.shape}, needs (n_demand, n_sites), both at least 1")
            return np.zeros((1, 1))
        bad = np.isnan(array) | (array < 0)
        if bad.any():
            self.add("D", f"holds {int(bad.sum())} values that are NaN or negative{_at(bad)}")
        return array

    def amounts(
        self, name: str, values: Any, length: int, *, default: float | None = None
    ) -> FloatArray:
        """Return finite values >= 0 of one length; a scalar counts for all."""
        if values is None:
            if default is None:
                self.add(name, "is missing")
            return np.full(length, default or 0.0)
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            self.add(name, "holds something that is no number")
            return np.zeros(length)
        if array.ndim == 0:
            array = np.full(length, float(array))
        if array.shape != (length,):
            self.add(name, f"has shape {array.shape}, needs ({length},)")
            return np.zeros(length)
        bad = ~np.isfinite(array) | (array < 0)
        if bad.any():
            what = f"holds {int(bad.sum())} values that are NaN, infinite or negative{_at(bad)}"
            self.add(name, what)
            return np.zeros(length)
        return np.ascontiguousarray(array)

    def weights(self, values: Any, length: int) -> FloatArray:
        """Return demand weights, of which at least one is above 0."""
        before = len(self.problems)
        weights = self.amounts("demand", values, length, default=1.0)
        if len(self.problems) == before and weights.sum() <= 0:
            self.add("demand", "has a total weight of 0", "at least one weight must be above 0")
        return weights

    def multiplicity(self, k: Any, length: int) -> npt.NDArray[np.int32]:
        """Return how many options must cover each demand point, whole numbers >= 1."""
        array = np.asarray(k)
        if array.ndim == 0:
            array = np.full(length, array)
        whole = array.dtype.kind in "iu" or (
            array.dtype.kind == "f" and bool((np.isfinite(array) & (array == np.rint(array))).all())
        )
        if array.shape != (length,) or not whole or bool((array < 1).any()):
            self.add("k", f"needs one whole number >= 1, or ({length},) of them")
            return np.ones(length, dtype=np.int32)
        return array.astype(np.int32)

    def number(self, name: str, value: Any, most: int) -> int:
        """Return a number of options 1..most."""
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            self.add(name, f"is {value!r}, needs a whole number")
            return 1
        if not 1 <= value <= most:
            self.add(name, f"is {value}, needs 1..{most} (the number of options)")
            return 1
        return int(value)

    def fractions(self, required: Any, labels: Sequence[object], weight: FloatArray) -> FloatArray:
        """Return the required fraction of each zone, 0 where none is asked."""
        found = np.zeros(len(labels))
        if not isinstance(required, Mapping):
            self.add("required", "needs a mapping {zone: fraction}")
            return found
        place = {label: index for index, label in enumerate(labels)}
        for label, fraction in required.items():
            if label not in place:
                self.add("required", f"names zone {label!r}, in which no demand point lies")
            elif not (_is_number(fraction) and 0.0 <= float(fraction) <= 1.0):
                self.add("required", f"asks {fraction!r} of zone {label!r}, needs 0..1")
            elif fraction > 0 and weight[place[label]] <= 0:
                self.add("required", f"zone {label!r} has no demand", "leave its requirement out")
            else:
                found[place[label]] = float(fraction)
        return found

    def zones(self, zone: Any, length: int) -> tuple[tuple[object, ...], IndexArray]:
        """Return the labels of zones in order, and the zone of each demand point."""
        if zone is None:
            return ("all",), np.zeros(length, dtype=np.intp)
        array = np.asarray(zone)
        if array.shape != (length,):
            self.add("zone", f"has shape {array.shape}, needs ({length},)")
            return ("all",), np.zeros(length, dtype=np.intp)
        labels, index = np.unique(array, return_inverse=True)
        return tuple(labels.tolist()), index.astype(np.intp)

    def positive(self, name: str, value: Any) -> float:
        """Return one finite number >= 0."""
        if not _is_number(value) or not math.isfinite(value) or value < 0:
            self.add(name, f"is {value!r}, needs a finite number >= 0")
            return 0.0
        return float(value)

    def exactly_one(self, **given: Any) -> None:
        """Note a fault unless exactly one of some arguments is given."""
        present = [name for name, value in given.items() if value is not None]
        if len(present) != 1:
            names = ", ".join(f"{name}=" for name in given)
            self.add(names, f"{len(present)} of these are given, needs exactly one")

    def rules(self, options: int, given: RuleArguments) -> Rules:
        """Return the rules of a model in canonical form."""
        known = RuleArguments.__annotations__
        for name in given.keys() - known.keys():
            self.add(name, "is no argument of this model", f"a rule is one of {', '.join(known)}")
        site, site_cost = given.get("site"), given.get("site_cost")
        max_options_per_site = given.get("max_options_per_site")
        own = np.arange(options, dtype=np.intp)
        place = own if site is None else self._sites(site, options)
        sites = int(place.max(initial=-1)) + 1
        if site_cost is not None and np.ndim(site_cost) == 1:
            sites = max(sites, len(site_cost))
        cost = self.amounts("site_cost", site_cost, sites, default=0.0)
        hosted = np.bincount(place, minlength=sites).astype(np.intp)
        most = hosted
        if max_options_per_site is not None:
            limits = self.amounts("max_options_per_site", max_options_per_site, sites)
            most = np.minimum(np.floor(limits), hosted).astype(np.intp)
        chosen = self._indices("fixed", given.get("fixed", ()), options)
        banned = self._indices("forbidden", given.get("forbidden", ()), options)
        both = np.intersect1d(chosen, banned)
        if len(both):
            self.add("fixed, forbidden", f"both name options {_list(both)}", "an option is one")
        spaced = None if site is None else place
        pairs = self._conflicts(given.get("conflicts"), options, spaced)
        return Rules(
            options=options,
            fixed=chosen,
            forbidden=banned,
            site=place,
            site_cost=cost,
            max_options=most,
            conflicts=pairs,
        )

    def _sites(self, site: Any, options: int) -> IndexArray:
        array = np.asarray(site)
        if array.shape != (options,) or array.dtype.kind not in "iu" or (array < 0).any():
            self.add("site", f"needs ({options},) whole numbers >= 0, the site of each option")
            return np.arange(options, dtype=np.intp)
        return array.astype(np.intp)

    def _indices(self, name: str, values: Any, options: int) -> IndexArray:
        array = np.asarray(values)
        if array.size == 0:
            return np.zeros(0, dtype=np.intp)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            self.add(name, "needs a list of option indices")
            return np.zeros(0, dtype=np.intp)
        if array.min() < 0 or array.max() >= options:
            self.add(name, f"names an option outside 0..{options - 1}")
            return np.zeros(0, dtype=np.intp)
        return np.unique(array).astype(np.intp)

    def _conflicts(  # noqa: PLR0911 - one return per fault
        self, conflicts: Any, options: int, site: IndexArray | None
    ) -> IndexArray:
        none = np.zeros((0, 2), dtype=np.intp)
        if conflicts is None:
            return none
        if isinstance(conflicts, tuple) and len(conflicts) == 2 and np.ndim(conflicts[1]) == 0:  # noqa: PLR2004
            return self._too_close(conflicts[0], conflicts[1], options, site)
        array = np.asarray(conflicts)
        if array.size == 0:
            return none
        if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":  # noqa: PLR2004
            self.add("conflicts", "needs pairs of option indices (q, 2), or (xy, min_separation)")
            return none
        if array.min() < 0 or array.max() >= options:
            self.add("conflicts", f"name an option outside 0..{options - 1}")
            return none
        if (array[:, 0] == array[:, 1]).any():
            self.add("conflicts", "pair an option with itself", "use forbidden= to rule one out")
            return none
        return np.unique(np.sort(array, axis=1), axis=0).astype(np.intp)

    def _too_close(self, xy: Any, apart: Any, options: int, site: IndexArray | None) -> IndexArray:
        """Return the pairs of options on different sites that stand less than `apart` apart."""
        none = np.zeros((0, 2), dtype=np.intp)
        array = np.asarray(xy, dtype=np.float64)
        if array.shape != (options, 2) or not np.isfinite(array).all():
            self.add("conflicts", f"xy needs finite coordinates ({options}, 2)")
            return none
        distance = self.positive("conflicts", apart)
        tree = KDTree(array)
        pairs = tree.query_pairs(distance, output_type="ndarray").astype(np.intp)
        gap = array[pairs[:, 0]] - array[pairs[:, 1]]
        near = (gap**2).sum(axis=1) < distance**2
        if site is not None:
            near &= site[pairs[:, 0]] != site[pairs[:, 1]]
        return np.unique(np.sort(pairs[near], axis=1), axis=0)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _list(items: IndexArray) -> str:
    shown = ", ".join(str(item) for item in items[:_LISTED].tolist())
    return shown + (", ..." if len(items) > _LISTED else "")


def _at(bad: npt.NDArray[np.bool_]) -> str:
    places = np.argwhere(bad)[:_LISTED]
    shown = ", ".join("[" + ", ".join(map(str, place)) + "]" for place in places.tolist())
    return f", at {shown}"
