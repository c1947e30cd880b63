"""Partial covering with a target per zone: reductions, prices, search and proof."""
