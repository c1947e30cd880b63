"""Set covering: reductions, prices, search and proof."""

from siting.location.set_covering.solve import Cover, solve_cover, solve_set_covering

__all__ = ["Cover", "solve_cover", "solve_set_covering"]
