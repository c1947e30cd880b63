"""Measured comparisons on public instances; each command checks its own answer independently."""
