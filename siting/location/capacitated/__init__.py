"""Capacitated models: prices, assignments and proof."""
