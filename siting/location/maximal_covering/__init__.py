"""Maximal covering: reductions, prices, search and proof."""
