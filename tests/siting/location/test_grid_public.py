"""Place-anywhere siting as users meet it: public names, and a check that bites."""

import dataclasses

import numpy as np
import pytest

import siting
from siting.location.grid.solve import GridEffort

QUICK = GridEffort(first_rounds=30, middle_rounds=20, last_rounds=20, dual_steps=200)


def instance(*, sectors: bool) -> siting.GridCover:
    """Return weak cells in two clusters of a small grid, with one existing station."""
    draw = np.random.default_rng(4)
    centre = np.array([[10, 12], [28, 25]])[draw.integers(0, 2, 500)]
    xy = np.unique(np.clip(centre + np.rint(draw.normal(0, 5, (500, 2))), 0, 39), axis=0)
    kinds = (
        siting.DiscKind(name="micro", radius=2.5, cost=1),
        siting.DiscKind(name="macro", radius=6, cost=4),
    )
    if sectors:
        kinds = (siting.SectorKind(name="macro", radius=7, cost=4),)
    return siting.GridCover(
        shape=(40, 40),
        xy=xy.astype(np.int64),
        weight=draw.integers(1, 20, len(xy)).astype(float),
        existing_xy=np.array([[20, 20]]),
        kinds=kinds,
        min_separation=3,
        required_fraction=0.8,
    )


@pytest.fixture(scope="module", params=[False, True], ids=["discs", "sectors"])
def answered(
    request: pytest.FixtureRequest,
) -> tuple[siting.GridCover, siting.GridCoverSolution]:
    """Return a model and its answer."""
    model = instance(sectors=request.param)
    return model, siting.solve_grid_cover(model, effort=QUICK, max_runtime_s=3600.0)


def faults(model: siting.GridCover, solution: siting.GridCoverSolution) -> str:
    """Return what the check says, empty when all holds."""
    try:
        siting.verify_grid_cover(model, solution)
    except siting.VerificationError as error:
        return str(error)
    return ""


def test_an_answer_is_confirmed(
    answered: tuple[siting.GridCover, siting.GridCoverSolution],
) -> None:
    """The check confirms what the search claims, with a bound that says something."""
    model, solution = answered
    assert faults(model, solution) == ""
    assert 0.4 * solution.value < solution.bound <= solution.value


@pytest.mark.parametrize("claim", ["value", "covered", "share", "gap", "status", "bound"])
def test_false_claims_are_found(
    answered: tuple[siting.GridCover, siting.GridCoverSolution], claim: str
) -> None:
    """Any figure that is not what the stations are worth is named."""
    model, solution = answered
    if claim == "status":
        changed: object = "infeasible"
    elif claim == "bound":
        changed = solution.value + 1.0
    else:
        changed = getattr(solution, claim) * 0.99 - 0.01
    assert claim in faults(model, dataclasses.replace(solution, **{claim: changed}))


def test_broken_rules_are_found(
    answered: tuple[siting.GridCover, siting.GridCoverSolution],
) -> None:
    """Stations too near each other or an existing one, or outside the grid, are named."""
    model, solution = answered
    for place, said in (
        (solution.xy[1] + [1, 0], "too near each other"),
        (np.array([21, 20]), "too near an existing"),
        (np.array([40, 0]), "outside the grid"),
    ):
        xy = solution.xy.copy()
        xy[0] = place
        assert said in faults(model, dataclasses.replace(solution, xy=xy))


def test_a_bound_beyond_its_multipliers_is_found() -> None:
    """Multipliers of discs prove no more than they are worth, and none out of range."""
    model = instance(sectors=False)
    solution = siting.solve_grid_cover(model, effort=QUICK, max_runtime_s=3600.0)
    proof = solution.certificate
    weak = dataclasses.replace(proof, cell_price=0.5 * proof.cell_price)
    assert "prove" in faults(model, dataclasses.replace(solution, certificate=weak))
    bold = dataclasses.replace(proof, cell_price=proof.cell_price + 1.0)
    assert "outside" in faults(model, dataclasses.replace(solution, certificate=bold))
    wide = dataclasses.replace(proof, tile=proof.tile + 1)
    assert "fit into" in faults(model, dataclasses.replace(solution, certificate=wide))


def test_azimuths_too_close_are_found() -> None:
    """Three equal main directions break the least angle between sectors."""
    model = instance(sectors=True)
    solution = siting.solve_grid_cover(model, effort=QUICK, max_runtime_s=3600.0)
    azimuth = solution.azimuth.copy()
    azimuth[0] = 10.0
    assert "degrees apart" in faults(model, dataclasses.replace(solution, azimuth=azimuth))
