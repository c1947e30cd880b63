"""Check place-anywhere answers from their model alone: rules, cover, cost and the bound of discs.

Discs and sectors are painted station by station, sectors judged by cross and dot products, and the
bound is summed by running sums along rows; the search uses none of these.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from siting.errors import Problem, VerificationError
from siting.location.grid.cover import GridCover, GridCoverSolution, SectorKind

#: Margin of a bound for the rounding of float64 sums, relative to their terms; the search keeps
#: four times as much.
_ROUNDING = 2.5e-10
#: How far an angle may pass its limit [degree], and a distance its own, as a share of the radius.
_ANGLE, _REACH = 1e-9, 1e-9
_TURN = 360.0
_LISTED = 5

Cells = NDArray[np.int64]


def verify_grid_cover(model: GridCover, solution: GridCoverSolution) -> None:
    """Recompute everything a place-anywhere answer claims; return when all of it holds.

    Parameters
    ----------
    model
        The instance.
    solution
        The answer.

    Raises
    ------
    VerificationError
        Naming every discrepancy.

    Notes
    -----
    Places, separations, azimuths, the weight covered, the cost, the gap and the status are counted
    again for discs and for sectors. The bound is evaluated again from the certificate's multipliers
    for discs; that of sector stations is not, it is only compared with the cost.
    """
    found = _place_faults(model, solution)
    if not found:
        found = _rule_faults(model, solution) + _claim_faults(model, solution)
        found += _bound_faults(model, solution)
    if found:
        raise VerificationError(found)


def _place_faults(model: GridCover, solution: GridCoverSolution) -> list[Problem]:
    """List stations that are none: unknown kinds, places outside the grid, missing azimuths."""
    count = len(solution.kind)
    width = 3 if isinstance(model.kinds[0], SectorKind) else 0
    if solution.xy.shape != (count, 2) or solution.azimuth.shape != (count, width):
        shapes = f"{solution.kind.shape}, {solution.xy.shape}, {solution.azimuth.shape}"
        return [Problem("kind, xy, azimuth", f"have shapes {shapes}")]
    found = []
    if not np.issubdtype(solution.xy.dtype, np.integer):
        return [Problem("xy", f"is {solution.xy.dtype}, needs whole cells")]
    if ((solution.kind < 0) | (solution.kind >= len(model.kinds))).any():
        found.append(Problem("kind", f"is outside 0..{len(model.kinds) - 1}"))
    outside = ((solution.xy < 0) | (solution.xy >= np.array(model.shape))).any(axis=1)
    if outside.any():
        found.append(Problem("xy", f"{int(outside.sum())} stations outside the grid"))
    return found


def _rule_faults(model: GridCover, solution: GridCoverSolution) -> list[Problem]:
    """List broken separations and angles."""
    found, limit = [], model.min_separation**2
    if len(solution.xy):
        pairs = cKDTree(solution.xy).query_pairs(model.min_separation + 0.5, output_type="ndarray")
        apart = ((solution.xy[pairs[:, 0]] - solution.xy[pairs[:, 1]]) ** 2).sum(axis=1)
        for a, b in pairs[apart <= limit][:_LISTED].tolist():
            both = f"{tuple(solution.xy[a].tolist())} and {tuple(solution.xy[b].tolist())}"
            found.append(Problem("xy", f"stations {both} stand too near each other"))
    if len(solution.xy) and len(model.existing_xy):
        nearest = np.asarray(cKDTree(model.existing_xy).query(solution.xy)[1], np.int64)
        away = ((solution.xy - model.existing_xy[nearest]) ** 2).sum(axis=1)
        for s in np.flatnonzero(away <= limit)[:_LISTED].tolist():
            where = tuple(solution.xy[s].tolist())
            found.append(Problem("xy", f"station {where} stands too near an existing one"))
    for s, aim in enumerate(solution.azimuth.tolist() if solution.azimuth.shape[1] else ()):
        kind = model.kinds[int(solution.kind[s])]
        if not isinstance(kind, SectorKind):
            continue
        first, second, third = sorted(aim)
        least = min(second - first, third - second, first + _TURN - third)
        if first < 0.0 or third >= _TURN or least < kind.apart - _ANGLE:
            found.append(Problem(f"azimuth[{s}]", f"is {aim}, needs {kind.apart:g} degrees apart"))
    return found


def _claim_faults(model: GridCover, solution: GridCoverSolution) -> list[Problem]:
    """List claims of cover, cost, gap and status that do not hold."""
    total = math.fsum(model.weight.tolist())
    covered = math.fsum(model.weight[_served(model, solution)].tolist())
    cost = math.fsum(float(model.kinds[k].cost) for k in solution.kind.tolist())
    enough = covered >= model.required_weight
    found = []

    def equals(where: str, claimed: float, counted: float) -> None:
        if claimed != counted and not math.isclose(claimed, counted, rel_tol=1e-12, abs_tol=1e-12):
            found.append(Problem(where, f"claims {claimed!r}, counted {counted!r}"))

    value = cost if enough else math.inf
    equals("covered", solution.covered, covered)
    equals("share", solution.share, covered / total if total > 0.0 else 1.0)
    equals("value", solution.value, value)
    gap = 0.0
    if value > 0.0:
        gap = max(0.0, 1.0 - solution.bound / value)
    equals("gap", solution.gap, gap)
    if enough and solution.bound > value * (1.0 + _ROUNDING):
        found.append(Problem("bound", f"{solution.bound!r} is beyond the cost {value!r}"))
    honest = {"optimal", "feasible"} if enough else {"infeasible", "unknown"}
    if solution.status == "optimal" and value > solution.bound:
        honest = {"feasible"}
    if solution.status not in honest:
        found.append(Problem("status", f"is {solution.status!r}, needs {' or '.join(honest)}"))
    if solution.status == "infeasible":
        reach = max(kind.radius for kind in model.kinds)
        near = _disc_sums(_free(model).astype(np.float64), reach) > 0.0
        most = math.fsum(model.weight[near[model.xy[:, 0], model.xy[:, 1]]].tolist())
        if most >= model.required_weight:
            found.append(Problem("status", f"is 'infeasible', {most:g} of weight is in reach"))
    return found


def _bound_faults(model: GridCover, solution: GridCoverSolution) -> list[Problem]:
    """Evaluate the bound of discs again from its multipliers."""
    if isinstance(model.kinds[0], SectorKind) or solution.bound <= 0.0:
        return []
    proof = solution.certificate
    cap = proof.price * model.weight
    if proof.cell_price.shape != cap.shape or proof.rent is not None:
        return [Problem("certificate", "has other multipliers than one a cell")]
    if not proof.price >= 0.0 or not ((proof.cell_price >= 0.0) & (proof.cell_price <= cap)).all():
        return [Problem("certificate", "has prices outside 0..price * weight")]
    if proof.tile < 1 or 2 * (proof.tile - 1) ** 2 > model.min_separation**2:
        return [Problem("certificate", f"two stations fit into a square of {proof.tile} cells")]
    total = math.fsum(model.weight.tolist())
    gained = math.fsum(proof.cell_price.tolist())
    owed = proof.price * (total - model.required_weight)
    lost = _squares(model, proof.cell_price, proof.tile)
    proven = gained - owed + lost - _ROUNDING * (1.0 + gained + owed - lost)
    if all(float(kind.cost).is_integer() for kind in model.kinds):
        proven = float(math.ceil(proven))
    if solution.bound > proven:
        return [Problem("bound", f"claims {solution.bound!r}, the multipliers prove {proven!r}")]
    return []


def _squares(model: GridCover, cell_price: NDArray[np.float64], tile: int) -> float:
    """Return the sum over squares of the least reduced cost of a place, at most 0."""
    prices = np.zeros(model.shape)
    prices[model.xy[:, 0], model.xy[:, 1]] = cell_price
    free = _free(model)
    across, up = (-(-side // tile) for side in model.shape)
    least = np.zeros((across * tile, up * tile))
    view = least[: model.shape[0], : model.shape[1]]
    for kind in model.kinds:
        reduced = np.where(free, kind.cost - _disc_sums(prices, kind.radius), 0.0)
        np.minimum(view, reduced, out=view)
    worst = least.reshape(across, tile, up, tile).min(axis=(1, 3))
    return math.fsum(worst.ravel().tolist())


def _free(model: GridCover) -> NDArray[np.bool_]:
    """Tell where no existing station forbids a new one."""
    taken = np.zeros(model.shape, np.bool_)
    _paint(taken, model.existing_xy, model.min_separation)
    return ~taken


def _served(model: GridCover, solution: GridCoverSolution) -> NDArray[np.bool_]:
    """Tell which weighted cells any station reaches."""
    if isinstance(model.kinds[0], SectorKind):
        return _swept(model, solution)
    image = np.zeros(model.shape, np.bool_)
    for k, kind in enumerate(model.kinds):
        _paint(image, solution.xy[solution.kind == k], kind.radius)
    return image[model.xy[:, 0], model.xy[:, 1]]


def _swept(model: GridCover, solution: GridCoverSolution) -> NDArray[np.bool_]:
    """Tell which weighted cells a sector reaches, angles taken from cross and dot products."""
    served = np.zeros(len(model.xy), np.bool_)
    if not len(model.xy):
        return served
    tree = cKDTree(model.xy)
    for k, cell, aim in zip(solution.kind, solution.xy, solution.azimuth, strict=True):
        kind = model.kinds[int(k)]
        if not isinstance(kind, SectorKind):
            continue
        near = np.array(tree.query_ball_point(cell, kind.radius + 1e-6), np.int64)
        way = model.xy[near] - cell
        distance = np.hypot(way[:, 0], way[:, 1])
        hit = distance == 0.0
        for angle in np.radians(aim).tolist():
            main = np.array([math.cos(angle), math.sin(angle)])
            cross = np.abs(way[:, 0] * main[1] - way[:, 1] * main[0])
            off = np.degrees(np.arctan2(cross, way @ main))
            limit = kind.radius * (1.0 - (1.0 - kind.edge) * off / kind.half_angle)
            within = distance <= limit + _REACH * kind.radius
            hit |= (off <= kind.half_angle + _ANGLE) & within
        served[near[hit]] = True
    return served


def _paint(image: NDArray[np.bool_], centres: Cells, radius: float) -> None:
    """Mark the cells within a radius of any centre."""
    wide = math.floor(radius)
    offset = np.arange(-wide, wide + 1)
    disc = offset[:, None] ** 2 + offset[None, :] ** 2 <= radius * radius
    for x, y in centres.tolist():
        left, low = max(0, x - wide), max(0, y - wide)
        part = image[left : x + wide + 1, low : y + wide + 1]
        across, up = left - x + wide, low - y + wide
        part |= disc[across : across + part.shape[0], up : up + part.shape[1]]


def _disc_sums(field: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Return the sum of a field over the disc around every cell."""
    wide = math.floor(radius)
    width, height = field.shape
    padded = np.zeros((width + 2 * wide, height + 2 * wide + 1))
    padded[wide : wide + width, wide + 1 : wide + 1 + height] = field
    running = np.cumsum(padded, axis=1)
    out = np.zeros_like(field)
    for dx in range(-wide, wide + 1):
        half = math.isqrt(math.floor(radius * radius) - dx * dx)
        rows = running[wide + dx : wide + dx + width]
        out += rows[:, wide + half + 1 : wide + half + 1 + height]
        out -= rows[:, wide - half : wide - half + height]
    return out
