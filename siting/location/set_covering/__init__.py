"""Set covering: reductions, prices, search and proof."""
