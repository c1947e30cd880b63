"""Tiny random covering models and the answers brute force gives."""

from __future__ import annotations

import itertools
import math

import numpy as np

from siting.models.covering import CoverModel, cover_model


def tiny_model(seed: int) -> CoverModel:
    """Up to 8 options on shared sites, overlapping targets, locked sites, rows out of reach.

    In every third case options of a site are configurations of the same stations.
    """
    rng = np.random.default_rng(seed)
    rows, options = int(rng.integers(1, 15)), int(rng.integers(1, 9))
    targets = int(rng.integers(1, 4))
    sites = int(rng.integers(1, options + 1))
    site = np.sort(np.concatenate([np.arange(sites), rng.integers(0, sites, options - sites)]))
    station = np.arange(options)
    if seed % 3 == 0:
        _, station = np.unique(site * 2 + rng.integers(0, 2, options), return_inverse=True)
    weights = rng.integers(0, 4, (targets, rows)) * (rng.random((targets, rows)) < 0.6)
    fraction = rng.choice([1.0, 1.0, 0.5, 0.8, 0.9, 0.0], targets)
    return cover_model(
        rng.random((rows, options)) < rng.uniform(0.1, 0.6),
        option_cost=rng.integers(0, 6, options) * 10,
        option_site=site,
        option_station=station,
        site_cost=rng.integers(0, 5, sites) * 10,
        locked=np.flatnonzero(rng.random(sites) < 0.1),
        target_weights=weights.astype(float),
        required=fraction * weights.sum(axis=1),
        objective=rng.integers(0, 5, rows).astype(float),
        stations=int(rng.integers(0, options + 2)),
    )


def selections(model: CoverModel) -> list[np.ndarray]:
    """Return every selection with at most one option of each station."""
    options = model.cover.shape[1]
    every = [
        np.flatnonzero(bits).astype(np.intp) for bits in itertools.product([0, 1], repeat=options)
    ]
    station = model.option_station
    return [chosen for chosen in every if len(set(station[chosen].tolist())) == len(chosen)]


def least_cost(model: CoverModel) -> float:
    """Return the least cost of a selection that meets all that can be met; infinite for none."""
    able = [model.cost(chosen) for chosen in selections(model) if model.meets_targets(chosen)]
    return min(able, default=math.inf)


def most_served(model: CoverModel, fixed: np.ndarray) -> float:
    """Return the most weight a selection serves that keeps `fixed` and the number of stations."""
    stations = max(model.stations or 0, len(fixed))
    return max(
        float(model.objective[model.served(chosen)].sum())
        for chosen in selections(model)
        if len(chosen) <= stations and set(fixed.tolist()) <= set(chosen.tolist())
    )
