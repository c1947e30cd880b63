"""The programmes: what is asked of a solver, assembled from a scenario and its coverage."""
