"""Medians and centres: prices, interchange and proof."""
