"""Can p sites reach all demand within a distance? Asked as a set covering question."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from siting.location.control import Control
from siting.location.covering import SetCovering
from siting.location.distance import PCenter, PMedian
from siting.location.exact import solve_exact
from siting.location.medians.interchange import Interchange
from siting.location.medians.lists import neighbour_lists
from siting.location.medians.problem import Problem
from siting.location.rules import Rules
from siting.location.set_covering import solve_cover
from siting.location.solution import Certificate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Within:
    """Answer for one distance.

    Parameters
    ----------
    selected
        Sites that reach all demand within it and keep the rules, None where none were found.
    certificate
        Proof that there are none: a covering takes more than p; None without one.
    """

    selected: npt.NDArray[np.intp] | None = None
    certificate: Certificate | None = None


def within(model: PCenter | PMedian, problem: Problem, distance: float, control: Control) -> Within:
    """Look for p sites that reach all demand within a distance, or prove that there are none.

    Parameters
    ----------
    model, problem
        The question, and the same on arrays.
    distance
        The distance [units of D]; infinite: wherever a site can serve at all.
    control
        When to end; an answer with neither sites nor proof means it ended first.
    """
    rules = model.rules
    reach = model.distance <= distance if np.isfinite(distance) else np.isfinite(model.distance)
    cover = _sparse(reach)
    found = solve_cover(
        cover,
        np.ones(rules.options),
        control=control,
        cutoff=float(model.p),
        fixed=rules.fixed,
        forbidden=rules.forbidden,
    )
    if found.bound > model.p:
        return Within(certificate=found.certificate)
    if found.selected is not None and _keeps(problem, found.selected):
        return Within(selected=found.selected)
    if rules.plain:
        return Within()
    return _with_rules(model, problem, reach, cover, control)


def _with_rules(
    model: PCenter | PMedian,
    problem: Problem,
    reach: npt.NDArray[np.bool_],
    cover: sp.csr_array,
    control: Control,
) -> Within:
    """Ask again with the rules that bind several sites: interchange first, then the programme."""
    if not control.clock.expired():
        missed = replace(problem, cost=np.where(reach, 0.0, 1.0), penalty=2.0, step=1.0)
        sites = np.flatnonzero(problem.candidates)
        lists = neighbour_lists(missed.cost, sites, len(sites), control.clock)
        if lists is not None:
            search = Interchange(missed, lists, control.clock)
            chosen = search.improve(search.greedy())
            if len(chosen) and reach[:, chosen].any(axis=1).all():
                return Within(selected=chosen)
    if control.clock.expired():
        return Within()
    found = solve_exact(_covering(cover, model.rules), control)
    if found.certificate is not None and found.certificate.bound > model.p:
        return Within(certificate=found.certificate)
    if found.selected is not None and _keeps(problem, found.selected):
        return Within(selected=found.selected)
    return Within()


def _keeps(problem: Problem, selected: npt.NDArray[np.intp]) -> bool:
    """Tell whether some sites keep the rules."""
    return problem.left(selected, selected[:0]) is not None


def _covering(cover: sp.csr_array, rules: Rules) -> SetCovering:
    """Return the covering question with the rules of a model."""
    return SetCovering(
        cover,
        fixed=rules.fixed,
        forbidden=rules.forbidden,
        site=rules.site,
        max_options_per_site=rules.max_options[: rules.site.max() + 1],
        conflicts=rules.conflicts,
    )


def _sparse(reach: npt.NDArray[np.bool_]) -> sp.csr_array:
    """Return a dense truth matrix as canonical CSR with 32-bit indices."""
    start = np.zeros(len(reach) + 1, dtype=np.int32)
    np.cumsum(np.count_nonzero(reach, axis=1), out=start[1:])
    columns = np.nonzero(reach)[1].astype(np.int32)
    return sp.csr_array((np.ones(len(columns), dtype=bool), columns, start), shape=reach.shape)
