"""Maximal covering: reductions, prices, search and proof."""

from siting.location.maximal_covering.solve import solve_maximal_covering

__all__ = ["solve_maximal_covering"]
