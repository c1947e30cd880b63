"""A part of Ezhou that is loaded and planned quickly: the centre, cut out of the bundled layers."""

from __future__ import annotations

import dataclasses

import numpy as np

from app.load import Bundle
from siting import datasets, geo
from siting.spec import ObjectiveSpec, ScenarioSpec, SolveSpec, TargetSpec
from siting.zones import ZoneKind

#: Id the part is loaded under.
SMALL = "centre"
#: Middle of the part, longitude and latitude of the old town of Echeng.
_MIDDLE = (114.885, 30.395)


def small_bundle(half_side_m: float = 2000.0) -> Bundle:
    """Cut a square out of the bundled data; everything else stays as it is."""
    layers = datasets.ezhou_layers()
    (middle,) = geo.project(np.array([_MIDDLE[0]]), np.array([_MIDDLE[1]]), layers.crs)

    def near(xy: np.ndarray) -> np.ndarray:
        return (np.abs(xy - middle) < half_side_m).all(axis=1)

    cells = layers.grid.centres(layers.demand["col"].to_numpy(), layers.demand["row"].to_numpy())
    points = layers.sites.geometry
    sites = geo.project(points.x.to_numpy(), points.y.to_numpy(), layers.crs)
    return Bundle(
        layers=dataclasses.replace(
            layers,
            demand=layers.demand[near(cells)],
            sites=layers.sites[near(sites)],
            zones=layers.zones[layers.zones["kind"] == "urban_area"],
        ),
        technologies=datasets.technologies(),
        standards=datasets.standards(),
        places=datasets.facts(),
        targets=datasets.targets(),
    )


def small_spec(**changes: object) -> ScenarioSpec:
    """Ask for the urban area to be covered, and for a few stations more."""
    spec = ScenarioSpec(
        name="中心 / centre",
        dataset=SMALL,
        stations=60,
        targets=(
            TargetSpec(
                kinds=(ZoneKind.URBAN_AREA,),
                standard="quality-outdoor",
                weight="area_m2",
                required_fraction=0.6,
            ),
        ),
        objective=ObjectiveSpec(standard="quality-indoor"),
        solve=SolveSpec(seed=1, max_runtime_s=20.0, gap=0.02),
    )
    return ScenarioSpec.parse(spec.model_dump() | changes)
