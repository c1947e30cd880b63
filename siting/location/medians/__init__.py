"""Median and centre models: the best p sites by distance."""
