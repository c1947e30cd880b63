"""Instances to measure on: readers of public formats, and generators with a seed."""
