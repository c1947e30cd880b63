"""Partial covering: serve a required share of every zone at least cost."""

from siting.location.partial_covering.solve import solve_partial_covering

__all__ = ["solve_partial_covering"]
