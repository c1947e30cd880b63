"""Median and centre models: the best p sites by distance."""

from siting.location.medians.centre import solve_p_centre
from siting.location.medians.median import solve_p_median

__all__ = ["solve_p_centre", "solve_p_median"]
