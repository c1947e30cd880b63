"""Covering on a lattice where every cell is a candidate: discs are never listed, only summed."""
