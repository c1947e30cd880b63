"""Rules that every location model may carry: what must, may not and cannot stand together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt


class RuleArguments(TypedDict, total=False):
    """The rules as keyword arguments of every model, each may be left out.

    Parameters
    ----------
    fixed, forbidden
        Options that must and must not be chosen: indices.
    site
        Site of each option, (m,).
    site_cost
        ``g_s`` >= 0, (sites,) or one number.
    max_options_per_site
        Most options at a site, (sites,) or one number.
    conflicts
        Pairs of options (q, 2) of which at most one is chosen; or ``(xy, min_separation)``: options
        on different sites closer than that exclude each other.
    """

    fixed: Any
    forbidden: Any
    site: Any
    site_cost: Any
    max_options_per_site: Any
    conflicts: Any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """Rules on the options of a model, in canonical form; made by :func:`siting.location.inputs`.

    Parameters
    ----------
    options
        Number of options m.
    fixed, forbidden
        Options that are chosen, and that may not be, ascending.
    site
        Site of each option, shape (m,); each option is its own site where the model names none.
    site_cost
        Cost of opening a site, paid once however many of its options are chosen, shape (sites,).
    max_options
        Most options chosen at each site, shape (sites,); a site's number of options where there is
        no such rule.
    conflicts
        Pairs of options ``a < b`` of which at most one is chosen, sorted, no pair twice, (q, 2).
    """

    options: int
    fixed: npt.NDArray[np.intp]
    forbidden: npt.NDArray[np.intp]
    site: npt.NDArray[np.intp]
    site_cost: npt.NDArray[np.float64]
    max_options: npt.NDArray[np.intp]
    conflicts: npt.NDArray[np.intp]

    @property
    def plain(self) -> bool:
        """Whether there is no rule besides fixed and forbidden options."""
        return not (self.grouped or len(self.conflicts))

    @property
    def grouped(self) -> bool:
        """Whether options share a site with a cost or with a limit that can bind."""
        hosted = np.bincount(self.site, minlength=len(self.site_cost))
        return bool((self.site_cost > 0).any() or (self.max_options < hosted).any())

    @property
    def simple_option(self) -> npt.NDArray[np.bool_]:
        """Options bound by no rule: free, no site cost or limit, in no conflict, shape (m,)."""
        hosted = np.bincount(self.site, minlength=len(self.site_cost))
        simple = (self.site_cost == 0)[self.site] & (self.max_options >= hosted)[self.site]
        simple[self.conflicts.ravel()] = False
        simple[self.fixed] = False
        simple[self.forbidden] = False
        return simple

    def cost(self, selected: npt.NDArray[np.intp], option_cost: npt.NDArray[np.float64]) -> float:
        """Return the cost of a selection and of the sites it opens."""
        sites = np.unique(self.site[selected])
        return float(option_cost[selected].sum() + self.site_cost[sites].sum())
