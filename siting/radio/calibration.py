"""Fitting a propagation model to drive tests, and how good the fit is where nobody has driven."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from siting.errors import InputError, Problem, raise_if
from siting.radio.propagation.path_loss import Floats, outside

log = logging.getLogger(__name__)

Ints = npt.NDArray[np.int64]

#: Folds of the spatial cross-validation.
FOLDS = 5
#: Samples closer together than this are one place: their mean counts once [m].
PLACE_M = 25.0
#: Side of the squares that are left out together [m]; some times the distance over which shadow
#: fading is alike.
BLOCK_M = 500.0
#: A class of clutter with so many places keeps half of the constant they show.
HALF_TRUST_PLACES = 20.0
#: A slope is believed when its standard error over the blocks is at most this [dB per decade].
SLOPE_ERROR_DB = 4.0
#: ... when within a class the middle four fifths of the distances span at least this [decades] ...
LEAST_SPAN = 0.3
#: ... and when there are so many blocks: of fewer, the standard error is not to be believed.
LEAST_BLOCKS = 20
# Huber's constant: 95 % efficiency for normal errors.
_HUBER = 1.345
_MAD_TO_SIGMA = 1.4826
_MOST_STEPS = 50
_LEAST_SIGMA_DB = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What is added to predicted levels.

    Parameters
    ----------
    offset_db
        Constant [dB].
    slope_db
        Per decade of distance [dB]; negative: levels fall faster than predicted. 0 when the
        measurements cannot tell.
    pivot_lg
        lg of the distance in metres at which the slope adds nothing.
    class_db
        Constant per class of clutter [dB]; a class that is not listed has 0.
    """

    offset_db: float
    slope_db: float
    pivot_lg: float
    class_db: Mapping[int, float]

    def correct(
        self, predicted_dbm: npt.ArrayLike, lg_distance: npt.ArrayLike, clutter: npt.ArrayLike
    ) -> Floats:
        """Return corrected levels [dBm]; arguments as for :func:`calibrate`, of any one shape."""
        level = np.asarray(predicted_dbm, dtype=np.float64) + self.offset_db
        level = level + self.slope_db * (np.asarray(lg_distance, dtype=np.float64) - self.pivot_lg)
        classes = np.asarray(clutter)
        for number, constant in self.class_db.items():
            level = level + np.where(classes == number, constant, 0.0)
        return level


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelError:
    """Measured minus predicted level over some places.

    Parameters
    ----------
    places
        How many.
    bias_before_db, sigma_before_db
        Mean, and standard deviation about it, without the correction [dB].
    bias_after_db, sigma_after_db
        The same with it.
    """

    places: int
    bias_before_db: float
    sigma_before_db: float
    bias_after_db: float
    sigma_after_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A correction, and its errors at places that were left out of the fit.

    Parameters
    ----------
    correction
        Fitted to all places.
    slope_known
        Whether the measurements can tell the slope.
    slope_error_db
        Standard error of the slope over the blocks [dB per decade]; infinite when it cannot be
        told at all.
    slope_reason
        Why the slope is not used; empty when it is.
    class_places
        Number of places by class of clutter.
    samples, places, blocks
        How much was measured: samples, places and squares they lie in.
    folds
        Errors of each fold at its own places, with the correction fitted to the others.
    overall
        The same over all folds together: what to expect where nobody has driven.
    """

    correction: Correction
    slope_known: bool
    slope_error_db: float
    slope_reason: str
    class_places: Mapping[int, int]
    samples: int
    places: int
    blocks: int
    folds: tuple[LevelError, ...]
    overall: LevelError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Places:
    """Means over places: residual [dB], lg distance, class, block; each (n,)."""

    residual: Floats
    lg_distance: Floats
    clutter: Ints
    block: Ints

    def __len__(self) -> int:
        return len(self.residual)

    def part(self, rows: npt.NDArray[np.integer]) -> _Places:
        """Return some of them."""
        return _Places(
            residual=self.residual[rows],
            lg_distance=self.lg_distance[rows],
            clutter=self.clutter[rows],
            block=self.block[rows],
        )


def calibrate(
    measured_dbm: npt.ArrayLike,
    predicted_dbm: npt.ArrayLike,
    *,
    lg_distance: npt.ArrayLike,
    clutter: npt.ArrayLike,
    xy: npt.ArrayLike,
    block_m: float = BLOCK_M,
) -> Calibration:
    """Fit offset, slope and constants per class of clutter, and test them on other ground.

    Parameters
    ----------
    measured_dbm, predicted_dbm
        Measured level, and predicted median level of the same cell at the same place [dBm], (n,).
    lg_distance
        lg of the distance from that cell's antenna in metres, (n,).
    clutter
        Class of clutter at the place, integer >= 0, (n,); the same for all when not known.
    xy
        Places in a projected CRS [m], (n, 2).
    block_m
        Side of the squares that are left out together [m].

    Returns
    -------
    Calibration
        Correction and errors.

    Raises
    ------
    InputError
        With every fault: shapes, values that are no numbers, levels no phone reports, places in
        too few squares for the folds.

    Notes
    -----
    measured = predicted + offset + slope (lg d - pivot) + class constant + error, over means of
    places of :data:`PLACE_M`: a car at a traffic light counts once. Huber's estimator, so that
    wrong cells and tunnels do not pull; class constants are shrunk towards 0 as if each class had
    :data:`HALF_TRUST_PLACES` more places without any. The slope is used only when the places
    lie in :data:`LEAST_BLOCKS` squares, the distances span :data:`LEAST_SPAN` decades within the
    classes, and its standard error, robust to errors that are alike within a square, is at most
    :data:`SLOPE_ERROR_DB`; whether it is, is decided anew in every fold. The
    folds are made of whole squares, so that a place is not predicted from its neighbours.

    Phones and scanners do not report what lies below their sensitivity: far from the cell the
    strong half of the levels is left, and the slope comes out too flat. Leave out distances at
    which a good part of the samples is missing.

    References
    ----------
    Huber, P. J. (1964). Robust estimation of a location parameter. Annals of Mathematical
    Statistics 35(1), 73-101. Lee, W. C. Y. (1985). Estimate of local average power of a mobile
    radio signal. IEEE Transactions on Vehicular Technology 34(1), 22-27. Roberts, D. R. et al.
    (2017). Cross-validation strategies for data with temporal, spatial, hierarchical, or
    phylogenetic structure. Ecography 40(8), 913-929.
    """
    values = {
        "measured_dbm": np.asarray(measured_dbm, dtype=np.float64),
        "predicted_dbm": np.asarray(predicted_dbm, dtype=np.float64),
        "lg_distance": np.asarray(lg_distance, dtype=np.float64),
    }
    classes = np.asarray(clutter)
    position = np.asarray(xy, dtype=np.float64)
    raise_if(_problems(values, classes, position, block_m), InputError)
    residual = values["measured_dbm"] - values["predicted_dbm"]
    places = _places(residual, values["lg_distance"], classes, position, block_m)
    blocks = len(np.unique(places.block))
    if blocks < FOLDS:
        raise InputError(
            Problem(
                "xy",
                f"the places lie in {blocks} squares of {block_m:g} m, {FOLDS} are needed",
                "measure in more parts of the city",
            )
        )
    parts = list(GroupKFold(n_splits=FOLDS).split(places.block, groups=places.block))
    left = np.empty(len(places))
    folds = []
    for train, test in parts:
        held = places.part(test)
        left[test] = held.residual - _added(_fit(places.part(train))[0], held)
        folds.append(_error(held.residual, left[test]))
    correction, slope_error, reason = _fit(places)
    names, counts = np.unique(places.clutter, return_counts=True)
    overall = _error(places.residual, left)
    log.info(
        "calibration: samples=%d places=%d blocks=%d offset=%.2f slope=%.2f sigma=%.2f",
        len(residual), len(places), blocks, correction.offset_db, correction.slope_db,
        overall.sigma_after_db,
    )  # fmt: skip
    return Calibration(
        correction=correction,
        slope_known=not reason,
        slope_error_db=slope_error,
        slope_reason=reason,
        class_places=dict(zip(names.tolist(), counts.tolist(), strict=True)),
        samples=len(residual),
        places=len(places),
        blocks=blocks,
        folds=tuple(folds),
        overall=overall,
    )


def _problems(
    values: Mapping[str, Floats], classes: npt.NDArray[np.generic], xy: Floats, block_m: float
) -> list[Problem]:
    """Name what makes samples useless."""
    count = len(xy) if xy.ndim == 2 else -1  # noqa: PLR2004 - one row per sample
    problems = []
    if xy.ndim != 2 or xy.shape[1] != 2:  # noqa: PLR2004 - east, north
        problems.append(Problem("xy", f"has shape {xy.shape}", "give (n, 2)"))
    for name, value in {**values, "clutter": classes}.items():
        if value.shape != (count,):
            problems.append(Problem(name, f"has shape {value.shape}, there are {count} places"))
    if not np.issubdtype(classes.dtype, np.integer) or (classes.size and classes.min() < 0):
        problems.append(Problem("clutter", "is no integer >= 0", "number the classes"))
    if not np.isfinite(xy).all():
        problems.append(Problem("xy", "holds values that are no numbers", "leave those rows out"))
    for name in ("measured_dbm", "predicted_dbm"):
        problems += outside(name, values[name], -200.0, 0.0, "dBm")
    problems += outside("lg_distance", values["lg_distance"], 0.0, 6.0, "")
    problems += outside("block_m", np.asarray(block_m), 2 * PLACE_M, 1e6, "m")
    return problems


def _places(
    residual: Floats,
    lg_distance: Floats,
    clutter: npt.NDArray[np.generic],
    xy: Floats,
    block_m: float,
) -> _Places:
    """Average over places; samples of different clutter at one place stay apart."""
    cell = np.floor(xy / PLACE_M).astype(np.int64)
    key = np.column_stack([cell, clutter.astype(np.int64)])
    _, first, member = np.unique(key, axis=0, return_index=True, return_inverse=True)
    member = member.ravel()
    count = np.bincount(member)
    square = np.floor((cell[first] + 0.5) * PLACE_M / block_m).astype(np.int64)
    _, block = np.unique(square, axis=0, return_inverse=True)
    return _Places(
        residual=np.bincount(member, residual) / count,
        lg_distance=np.bincount(member, lg_distance) / count,
        clutter=key[first, 2],
        block=block.ravel().astype(np.int64),
    )


def _fit(places: _Places) -> tuple[Correction, float, str]:
    """Fit with the slope when it can be told; return also its standard error and why not."""
    pivot = float(places.lg_distance.mean())
    classes, member = np.unique(places.clutter, return_inverse=True)
    slope_error, reason = _slope_error(places, pivot, member)
    with_slope = not reason
    columns = [np.ones(len(places))]
    if with_slope:
        columns.append(places.lg_distance - pivot)
    # With one class alone the offset says it all.
    if len(classes) > 1:
        columns += list(np.eye(len(classes))[member].T)
    design = np.column_stack(columns)
    penalty = np.zeros(design.shape[1])
    penalty[1 + with_slope :] = HALF_TRUST_PLACES
    found, _ = _huber(design, places.residual, penalty)
    constants = found[1 + with_slope :]
    return (
        Correction(
            offset_db=float(found[0]),
            slope_db=float(found[1]) if with_slope else 0.0,
            pivot_lg=pivot,
            class_db=dict(zip(classes.tolist(), constants.tolist(), strict=False)),
        ),
        slope_error,
        reason,
    )


def _slope_error(
    places: _Places, pivot: float, member: npt.NDArray[np.integer]
) -> tuple[float, str]:
    """Return the slope's standard error over the blocks, and why it cannot be told."""
    blocks, number = np.unique(places.block, return_inverse=True)
    if len(blocks) < LEAST_BLOCKS:
        return np.inf, f"the places lie in {len(blocks)} squares, {LEAST_BLOCKS} are needed"
    class_mean = np.bincount(member, places.lg_distance) / np.bincount(member)
    low, high = np.percentile(places.lg_distance - class_mean[member], [10.0, 90.0])
    if high - low < LEAST_SPAN:
        return np.inf, (
            f"within a class of clutter the distances span {high - low:.2f} decades, "
            f"{LEAST_SPAN:g} are needed"
        )
    design = np.column_stack([places.lg_distance - pivot, np.eye(len(class_mean))[member]])
    found, weight = _huber(design, places.residual, np.zeros(design.shape[1]))
    scores = design * (weight * (places.residual - design @ found))[:, None]
    sums = np.zeros((len(blocks), design.shape[1]))
    np.add.at(sums, number, scores)
    bread = np.linalg.inv(design.T @ (weight[:, None] * design))
    variance = (bread @ (sums.T @ sums) @ bread)[0, 0] * len(blocks) / (len(blocks) - 1)
    error = float(np.sqrt(variance))
    if error > SLOPE_ERROR_DB:
        return error, (
            f"its standard error is {error:.1f} dB per decade, more than {SLOPE_ERROR_DB:g}"
        )
    return error, ""


def _huber(design: Floats, residual: Floats, penalty: Floats) -> tuple[Floats, Floats]:
    """Return Huber's ridge estimate and the weights of the observations, 0..1."""
    weight: Floats = np.ones(len(residual))
    found = np.zeros(design.shape[1])
    for _ in range(_MOST_STEPS):
        gram = design.T @ (weight[:, None] * design) + np.diag(penalty)
        # Least norm where columns are no help to each other.
        update = np.linalg.lstsq(gram, design.T @ (weight * residual), rcond=None)[0]
        moved = float(np.abs(update - found).max())
        found = update.astype(np.float64)
        error = residual - design @ found
        spread = _MAD_TO_SIGMA * float(np.median(np.abs(error - np.median(error))))
        limit = _HUBER * max(spread, _LEAST_SIGMA_DB)
        weight = np.minimum(1.0, limit / np.maximum(np.abs(error), limit))
        if moved < 1e-6:  # noqa: PLR2004 - dB
            break
    return found, weight


def _added(correction: Correction, places: _Places) -> Floats:
    """Return what a correction adds at places [dB]."""
    return correction.correct(np.zeros(len(places)), places.lg_distance, places.clutter)


def _error(before: Floats, after: Floats) -> LevelError:
    return LevelError(
        places=len(before),
        bias_before_db=float(before.mean()),
        sigma_before_db=float(before.std()),
        bias_after_db=float(after.mean()),
        sigma_after_db=float(after.std()),
    )
