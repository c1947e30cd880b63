"""Antenna patterns from files in the MSI (Planet) format that makers publish."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siting.errors import InputError, Problem, raise_if
from siting.radio.antenna import DIPOLE_DBI, SAMPLES, AntennaPattern, Combination

_CUTS = {"HORIZONTAL": "horizontal_db", "VERTICAL": "vertical_db"}


def read_antenna(path: Path | str) -> AntennaPattern:
    """Read an antenna pattern in the MSI format.

    Parameters
    ----------
    path
        A text file with ``NAME``, ``GAIN`` (dBd unless it says dBi) and two cuts, ``HORIZONTAL n``
        and ``VERTICAL n``, each followed by n lines ``angle attenuation``. Vertical angles count
        downwards from the horizon. Angles in between are interpolated.

    Returns
    -------
    AntennaPattern
        The electrical tilt of the file is in its vertical cut.

    Raises
    ------
    InputError
        Naming every line that is wrong, a cut that is missing, and angles that leave a gap of more
        than 5 degrees.
    """
    source = Path(path)
    try:
        lines = source.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise InputError([Problem(str(source), f"cannot be read: {error.strerror}")]) from error
    problems: list[Problem] = []
    cuts: dict[str, list[tuple[float, float]]] = {}
    name, gain = source.stem, None
    current: list[tuple[float, float]] | None = None
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        key = words[0].upper()
        if key in _CUTS:
            current = cuts.setdefault(_CUTS[key], [])
        elif key == "NAME":
            name = " ".join(words[1:]) or name
        elif key == "GAIN":
            gain = _gain(words[1:], number, problems)
        elif current is not None and key[0] in "-+.0123456789":
            pair = _numbers(words)
            if pair is None:
                problems.append(Problem(f"line {number}", f"is no angle and attenuation: {line!r}"))
            else:
                current.append(pair)
    if gain is None and not any(problem.where == "GAIN" for problem in problems):
        problems.append(Problem("GAIN", "is missing", "add a line GAIN 17.5 dBi"))
    made = {where: _cut(key, cuts.get(where, []), problems) for key, where in _CUTS.items()}
    raise_if(problems, InputError)
    return AntennaPattern(
        name=name,
        gain_dbi=float(gain or 0.0),
        limit_db=float(max(cut.max() for cut in made.values())),
        combination=Combination.PROJECTED,
        **made,
    )


def _gain(words: list[str], number: int, problems: list[Problem]) -> float | None:
    """Return the gain [dBi]; a gain without a unit is over a dipole, as the format has it."""
    values = _numbers([*words[:1], "0"])
    unit = words[1].lower() if len(words) > 1 else "dbd"
    if values is None or unit not in {"dbd", "dbi"}:
        problems.append(Problem("GAIN", f"line {number} needs a number and dBi or dBd"))
        return None
    return values[0] + (DIPOLE_DBI if unit == "dbd" else 0.0)


def _numbers(words: list[str]) -> tuple[float, float] | None:
    try:
        first, second = float(words[0]), float(words[1])
    except (ValueError, IndexError):
        return None
    return (first, second) if np.isfinite([first, second]).all() else None


def _cut(key: str, pairs: list[tuple[float, float]], problems: list[Problem]) -> np.ndarray:
    """Interpolate a cut every tenth of a degree; name what is wrong with it."""
    if not pairs:
        problems.append(Problem(key, "is missing or holds no angle"))
        return np.zeros(SAMPLES)
    angle, loss = np.array(pairs).T
    angle %= 360.0
    order = np.argsort(angle, kind="stable")
    angle, loss = angle[order], loss[order]
    widest = np.diff(np.append(angle, angle[0] + 360.0)).max() if len(angle) > 1 else 360.0
    if widest > 5.0:  # noqa: PLR2004 - degrees; makers give one line a degree
        at = angle[int(np.diff(np.append(angle, angle[0] + 360.0)).argmax())]
        problems.append(
            Problem(key, f"has a gap of {widest:g} degrees after {at:g}", "give every degree")
        )
    if (loss < 0).any():
        problems.append(Problem(key, "holds negative attenuations", "attenuation counts down"))
    return np.interp(np.arange(SAMPLES) / 10.0, angle, np.maximum(loss, 0.0), period=360.0)
