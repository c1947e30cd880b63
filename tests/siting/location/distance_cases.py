"""Small random models on distances, and their best answers by trying every set of sites."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from siting.location.distance import PCenter, PMedian

Model = TypeVar("Model", PCenter, PMedian)


def keeps_rules(model: PCenter | PMedian, chosen: tuple[int, ...]) -> bool:
    """Tell whether some sites keep every rule of a model."""
    rules, found = model.rules, set(chosen)
    places = [int(rules.site[j]) for j in chosen]
    return (
        len(chosen) <= model.p
        and set(rules.fixed.tolist()) <= found
        and not set(rules.forbidden.tolist()) & found
        and not any({a, b} <= found for a, b in rules.conflicts.tolist())
        and all(places.count(s) <= rules.max_options[s] for s in set(places))
    )


def least_of(model: Model, value: Callable[[Model, Any], float]) -> float:
    """Return the least value by trying every set of sites that keeps the rules."""
    best = np.inf
    for size in range(1, model.p + 1):
        for chosen in itertools.combinations(range(model.distance.shape[1]), size):
            if keeps_rules(model, chosen):
                best = min(best, value(model, chosen))
    return best


def drawn_distances(draw: np.random.Generator) -> tuple[np.ndarray, int]:
    """Draw distances, whole or real, with ties and pairs out of reach, and a number of sites."""
    n, m = int(draw.integers(1, 10)), int(draw.integers(1, 8))
    p = int(draw.integers(1, m + 1))
    real = draw.random() < 0.4
    distance = draw.random((n, m)) * 10 if real else draw.integers(0, 12, (n, m)).astype(float)
    if draw.random() < 0.4:
        distance[draw.random((n, m)) < draw.choice([0.1, 0.3, 0.6])] = np.inf
    return distance, p


def drawn_rules(draw: np.random.Generator, m: int, p: int) -> dict[str, Any]:
    """Draw some of the rules for m sites, site costs left out."""
    extras: dict[str, Any] = {}
    order = draw.permutation(m)
    if draw.random() < 0.3:
        fixed = int(draw.integers(0, p + 1))
        extras["fixed"] = order[:fixed]
        extras["forbidden"] = order[fixed : fixed + int(draw.integers(0, m - fixed + 1))]
    if draw.random() < 0.3:
        extras["site"] = draw.integers(0, m // 2 + 1, m)
        extras["max_options_per_site"] = int(draw.integers(1, 3))
    if draw.random() < 0.3 and m > 1:
        extras["conflicts"] = np.array([draw.choice(m, 2, replace=False) for _ in range(3)])
    return extras
