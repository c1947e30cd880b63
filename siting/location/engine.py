"""Solve a location model: the outline."""
