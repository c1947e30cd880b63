"""Files of public instances as questions to the engine.

The format of a file is told by the folder it lies in (``pmed``, ``scp``, ``rail``, ``mclp``,
``cflp/beasley``, ``cflp/holmberg``) and by its content; in any other folder by content alone.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import siting
from benchmarks.instances import parsing
from benchmarks.instances.parsing import Facilities, Planar
from siting.errors import FileError
from siting.location.programme import LocationModel

#: Radii and numbers of sites asked of every file of points.
POINT_RADII = (800.0, 1000.0, 1200.0, 1600.0)
POINT_SITES = (1, 2, 3, 4, 5)
#: Radii and numbers of sites asked of every file of facilities and customers.
CUSTOMER_RADII = (5.5, 6.25)
CUSTOMER_SITES = (10, 15, 20)
#: Questions asked of the San Francisco stores: service distance [m] and number of stores.
STORE_REACH_M, STORES = 5000.0, 4

_SECOND_LINE_OF_BEASLEY = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """One model on one instance.

    Parameters
    ----------
    instance
        Name of the instance.
    model
        ``p-median``, ``p-center``, ``LSCP``, ``MCLP``, ``CFLP`` or ``UFLP``.
    parameters
        ``name=value`` pairs, separated by spaces.
    make
        Builds the model; part of the time an answer takes.
    """

    instance: str
    model: str
    parameters: str
    make: Callable[[], LocationModel]


def instance_files(folder: Path) -> list[Path]:
    """List the files that may be instances, by name with numbers in their order.

    Answers (``.opt``), notes (``.md``, ``LICENSE``, ``README``) and hidden files are left out, and
    of a folder of stores the tables are one instance.
    """
    found = [path for path in folder.rglob("*") if path.is_file() and _may_be(path, folder)]
    return sorted(found, key=lambda path: _natural(path.relative_to(folder).as_posix()))


def read_questions(path: Path) -> list[Question]:
    """Read a file and ask its usual questions.

    Raises
    ------
    FileError
        When the file cannot be read, or is of none of the formats its folder may hold.
    """
    if path.name.startswith(_STORE_TABLE):
        return list(_stores(path.parent))
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"cannot read {path}: it is no text") from error
    name = path.name.removesuffix(".txt")
    reasons = []
    for ask in _formats(path, text):
        try:
            return list(ask(name, text))
        except ValueError as error:
            reasons.append(str(error))
    raise FileError(f"cannot read {path}: {'; or: '.join(dict.fromkeys(reasons))}")


_Reader = Callable[[str, str], Iterable[Question]]


def _formats(path: Path, text: str) -> list[_Reader]:
    """Return the formats a file may have, the likeliest first."""
    planar: list[_Reader] = [_customers if _begins(text, "F") else _points]
    lines: list[_Reader] = [_by_line if _is_by_line(path, text) else _by_block]
    by_folder: dict[str, list[_Reader]] = {
        "pmed": [_graph],
        "scp": [_cover_by_row, _cover_by_column],
        "rail": [_cover_by_column, _cover_by_row],
        "mclp": planar,
        "cflp": lines,
    }
    for folder in _folders(path):
        if folder in by_folder:
            return by_folder[folder]
    return [_graph, _cover_by_row, _cover_by_column, *planar, *lines]


def _folders(path: Path) -> list[str]:
    """Return the names of the folders a file lies in, the nearest first."""
    return [part.lower() for part in reversed(path.resolve().parts[:-1])]


def _begins(text: str, letter: str) -> bool:
    """Tell whether the third word is a letter."""
    return text.split(maxsplit=3)[2:3] == [letter]


def _is_by_line(path: Path, text: str) -> bool:
    """Tell a file of capacities line by line from one in blocks; both have as many numbers."""
    if parsing.ANY_CAPACITY in text:
        return True
    for folder in _folders(path)[:2]:
        if folder in {"beasley", "holmberg"}:
            return folder == "beasley"
    lines = [line.split() for line in text.splitlines() if line.strip()]
    second = lines[1] if len(lines) > 1 else []
    return path.name.startswith("cap") or len(second) == _SECOND_LINE_OF_BEASLEY


def _graph(name: str, text: str) -> Iterator[Question]:
    distance, p = parsing.graph_distances(text)
    yield Question(
        instance=name,
        model="p-median",
        parameters=f"p={p}",
        make=lambda: siting.PMedian(distance, p=p),
    )
    yield Question(
        instance=name,
        model="p-center",
        parameters=f"p={p}",
        make=lambda: siting.PCenter(distance, p=p),
    )


def _cover_by_row(name: str, text: str) -> Iterator[Question]:
    yield _set_cover(name, *parsing.cover_by_row(text))


def _cover_by_column(name: str, text: str) -> Iterator[Question]:
    yield _set_cover(name, *parsing.cover_by_column(text))


def _set_cover(name: str, cover: object, cost: parsing.Array) -> Question:
    return Question(
        instance=name,
        model="LSCP",
        parameters="",
        make=lambda: siting.SetCovering(cover, cost=cost),
    )


def _points(name: str, text: str) -> Iterator[Question]:
    return _coverings(name, parsing.points(text), POINT_RADII, POINT_SITES)


def _customers(name: str, text: str) -> Iterator[Question]:
    return _coverings(name, parsing.facilities_and_customers(text), CUSTOMER_RADII, CUSTOMER_SITES)


def _coverings(
    name: str, plane: Planar, radii: tuple[float, ...], sites: tuple[int, ...]
) -> Iterator[Question]:
    def make(radius: float, p: int) -> LocationModel:
        cover = siting.disc_cover(plane.demand_xy, plane.site_xy, radius)
        return siting.MaximalCovering(cover, demand=plane.weight, p=p)

    for radius in radii:
        for p in sites:
            if p <= len(plane.site_xy):
                yield Question(
                    instance=name,
                    model="MCLP",
                    parameters=f"R={radius:g} p={p}",
                    make=lambda radius=radius, p=p: make(radius, p),
                )


def _by_line(name: str, text: str) -> Iterator[Question]:
    places = parsing.facilities_by_line(text)
    if places.capacity is None:
        yield _facilities(name, places, float(places.demand.sum()), "UFLP", "single_source=False")
    else:
        yield _facilities(name, places, places.capacity, "CFLP", "single_source=False")


def _by_block(name: str, text: str) -> Iterator[Question]:
    places = parsing.facilities_by_block(text)
    for single in (True, False):
        yield _facilities(name, places, places.capacity, "CFLP", f"single_source={single}")


def _facilities(
    name: str, places: Facilities, capacity: object, model: str, parameters: str
) -> Question:
    """Say the costs of serving all of a demand per unit of it, as the engine takes them."""
    nothing = places.demand == 0
    if (nothing & (places.serving > 0).any(axis=1)).any() or (places.demand < 0).any():
        raise ValueError("a demand is negative, or 0 and yet costs something to serve")
    unit_cost = places.serving / np.where(nothing, 1.0, places.demand)[:, None]
    return Question(
        instance=name,
        model=model,
        parameters=parameters,
        make=lambda: siting.CapacitatedFacilityLocation(
            unit_cost,
            demand=places.demand,
            capacity=capacity,
            cost=places.opening,
            single_source=parameters.endswith("True"),
        ),
    )


_STORE_TABLE = "SF_network_distance"
_STORE_FILES = ("SF_store_site", "SF_demand")


def _stores(folder: Path) -> Iterator[Question]:
    """Ask the four questions of the San Francisco stores; names are text, zeros in front count."""
    try:
        tracts = {row["NAME"]: float(row["POP2000"]) for row in _table(folder, _STORE_FILES[1])}
        stores = sorted(row["NAME"] for row in _table(folder, _STORE_FILES[0]))
        rows = list(_table(folder, _STORE_TABLE))
        names = sorted(tracts)
        distance = np.full((len(names), len(stores)), np.inf)
        tract_at = {name: at for at, name in enumerate(names)}
        store_at = {name: at for at, name in enumerate(stores)}
        for row in rows:
            place = tract_at[row["DestinationName"]], store_at[row["name"]]
            distance[place] = float(row["distance"])
    except (KeyError, ValueError) as error:
        raise FileError(f"cannot read {folder}: {error} is missing, or no number") from error
    people = np.array([tracts[name] for name in names])
    within = distance <= STORE_REACH_M
    reach, p = f"S={STORE_REACH_M:g}", f"p={STORES}"
    for model, parameters, make in (
        ("LSCP", reach, lambda: siting.SetCovering(within)),
        ("MCLP", f"{reach} {p}", lambda: siting.MaximalCovering(within, demand=people, p=STORES)),
        ("p-median", p, lambda: siting.PMedian(distance, demand=people, p=STORES)),
        ("p-center", p, lambda: siting.PCenter(distance, p=STORES)),
    ):
        yield Question(instance="SF", model=model, parameters=parameters, make=make)


def _table(folder: Path, prefix: str) -> Iterator[dict[str, str]]:
    paths = sorted(folder.glob(f"{prefix}*.csv"))
    if not paths:
        raise FileError(f"cannot read {folder}: {prefix}*.csv is absent")
    with paths[0].open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _may_be(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder)
    if any(part.startswith((".", "__")) for part in inside.parts):
        return False
    if path.suffix.lower() in {".opt", ".md"} or path.name.startswith(("LICENSE", "README")):
        return False
    return not path.name.startswith(_STORE_FILES)


def _natural(text: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a key by which p2 stands before p13."""
    parts: list[str] = []
    for letter in text:
        if parts and parts[-1][-1].isdigit() == letter.isdigit():
            parts[-1] += letter
        else:
            parts.append(letter)
    return tuple((p.isdigit(), int(p) if p.isdigit() else 0, p) for p in parts)
