"""Published values of radio formulas, read from a folder laid out as the public vectors are.

A table is known by its columns: losses of TR 38.901, of Okumura-Hata and COST 231, knife edges. A
folder with ``profiles`` and ``results`` holds validation examples of ITU-R P.1812.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from siting.errors import FileError
from siting.radio.propagation.diffraction import Polarisation, knife_edge_loss_db
from siting.radio.propagation.indoor_office import indoor_office_path_loss_db
from siting.radio.propagation.okumura_hata import Surroundings, hata_path_loss_db
from siting.radio.propagation.p1812 import PathProfile, Transmission, basic_transmission_loss
from siting.radio.propagation.path_loss import Sight, path_loss_db
from siting.technology import Propagation

#: Scenarios of TR 38.901 as the tables name them.
OUTDOOR = {"uma": Propagation.UMA, "umi": Propagation.UMI, "rma": Propagation.RMA}
_HATA = {
    "urbanenvironment": Surroundings.URBAN,
    "suburbanenvironment": Surroundings.SUBURBAN,
    "openareasenvironment": Surroundings.OPEN,
}

Row = dict[str, str]
Log = dict[tuple[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One published value.

    Parameters
    ----------
    name
        What it is of.
    reference
        The value.
    evaluate
        Returns ours; raises InputError where the formula is not valid.
    """

    name: str
    reference: float
    evaluate: Callable[[], float]


def read_cases(path: Path) -> list[Case]:
    """Read the cases of one file, none of a file of another kind.

    Raises
    ------
    FileError
        When a row of a known table cannot be read.
    """
    try:
        if path.name.endswith("_log.csv") and path.parent.name == "results":
            return [_example(path)]
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            make = _maker(frozenset(rows.fieldnames or ()))
            return [] if make is None else list(make(rows))
    except (ValueError, KeyError, OSError, StopIteration, IndexError) as error:
        raise FileError(f"{path}: {type(error).__name__} {error}") from error


def _maker(columns: frozenset[str]) -> Callable[[Iterator[Row]], Iterator[Case]] | None:
    """Return what reads a table with some columns."""
    if {"scenario", "condition", "f_ghz", "d2d_m", "pathloss_db"} <= columns:
        return lambda rows: map(_tr38901, rows)
    if {"freq_hz", "environment", "city_size", "ref_loss_db"} <= columns:
        return lambda rows: map(_hata, rows)
    if {"nu", "J_approx_db"} <= columns:
        return lambda rows: map(_edge, rows)
    return None


def _tr38901(row: Row) -> Case:
    scenario, sight = row["scenario"].lower(), Sight(row["condition"].lower())
    f_mhz, d = 1e3 * float(row["f_ghz"]), float(row["d2d_m"])
    h_bs, h_ut = float(row["h_bs_m"]), float(row["h_ut_m"])
    if scenario in {"indooroffice", "inh"}:
        slant = float(np.hypot(d, h_bs - h_ut))
        ours = partial(indoor_office_path_loss_db, sight, slant, frequency_mhz=f_mhz)
    else:
        ours = partial(
            path_loss_db,
            OUTDOOR[scenario],
            sight,
            d,
            frequency_mhz=f_mhz,
            antenna_height_m=h_bs,
            user_height_m=h_ut,
        )
    name = f"TR 38.901 {row['scenario']} {row['condition']} {row['f_ghz']} GHz, {d:g} m"
    return Case(name=name, reference=float(row["pathloss_db"]), evaluate=lambda: float(ours()))


def _hata(row: Row) -> Case:
    ours = partial(
        hata_path_loss_db,
        _HATA[row["environment"].lower()],
        float(row["dist_m"]),
        frequency_mhz=float(row["freq_hz"]) / 1e6,
        antenna_height_m=float(row["h_bs_m"]),
        user_height_m=float(row["h_ue_m"]),
        large_city=row["city_size"].lower() == "largecity",
        extrapolate=True,
    )
    name = f"Hata {row['name']} {float(row['freq_hz']) / 1e6:g} MHz"
    return Case(name=name, reference=float(row["ref_loss_db"]), evaluate=lambda: float(ours()))


def _edge(row: Row) -> Case:
    nu = float(row["nu"])
    return Case(
        name=f"P.526 knife edge, nu = {nu:g}",
        reference=float(row["J_approx_db"]),
        evaluate=lambda: float(knife_edge_loss_db(nu)),
    )


def read_log(path: Path) -> Log:
    """Read a validation log of P.1812: (name, equation) -> value."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if len(row) > 3 and row[3] not in {"", "Value"}]  # noqa: PLR2004
    return {(row[0].strip(), row[1].strip()): float(row[3]) for row in rows}


def read_profile(path: Path) -> PathProfile:
    """Read a validation profile of P.1812."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("Number of Points:"))
    count = int(lines[begin].split(",")[1])
    points = [line.split(",") for line in lines[begin + 1 : begin + 1 + count]]
    columns = [[float(point[k] or 0.0) for point in points] for k in (0, 1, 3, 4)]
    return PathProfile(
        distance_m=np.array(columns[0]) * 1e3,
        terrain_m=np.array(columns[1]),
        clutter_m=np.array(columns[2]),
        zone=np.array(columns[3]).astype(np.int8),
    )


def evaluate_log(log: Log, profile: PathProfile) -> Transmission:
    """Return our loss of a validation example, with everything it is made of."""
    return basic_transmission_loss(
        profile,
        frequency_mhz=1e3 * log["f (GHz)", ""],
        transmitter_height_m=log["htg (m)", ""],
        receiver_height_m=log["hrg (m)", ""],
        centre_latitude_deg=log["phi (deg)", "Eq (4)"],
        gradient_n_units_per_km=log["DN", ""],
        refractivity_n_units=log["N0", ""],
        time_percent=log["p (%)", ""],
        location_percent=log["pL (%)", ""],
        location_sigma_db=log["sigmaL (dB)", ""],
        polarisation=Polarisation(int(log["pol", ""]) - 1),
        transmitter_coast_km=log["dct (km)", ""],
        receiver_coast_km=log["dcr (km)", ""],
    )


def _example(path: Path) -> Case:
    log, name = read_log(path), path.name.removesuffix("_log.csv")
    profile = path.parents[1] / "profiles" / f"{name.rpartition('_')[0]}.csv"
    return Case(
        name=f"P.1812 {name}",
        reference=log["Lb (dB)", "Eq (69)"],
        evaluate=lambda: evaluate_log(log, read_profile(profile)).loss_db,
    )
