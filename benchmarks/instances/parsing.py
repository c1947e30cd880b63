"""Public text formats turned into arrays; tokens count, line breaks do not.

Every reader takes the whole text and raises ValueError with the reason when it is not of its
format, or damaged.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import csgraph_from_dense, shortest_path

Array = npt.NDArray[np.float64]

#: Word that stands in place of a capacity the user is asked to choose.
ANY_CAPACITY = "capacity"
_EDGE, _PLACE = 3, 5


@dataclass(frozen=True, slots=True, eq=False)
class Planar:
    """Demand and candidates in a plane: positions (n, 2) and (m, 2), weight (n,)."""

    demand_xy: Array
    site_xy: Array
    weight: Array


@dataclass(frozen=True, slots=True, eq=False)
class Facilities:
    """Sites with capacities (m,), costs of opening (m,) and of serving all of a demand (n, m).

    `capacity` is None where the file leaves it to the user.
    """

    capacity: Array | None
    opening: Array
    demand: Array
    serving: Array


def cover_by_row(text: str) -> tuple[sp.csr_array, Array]:
    """Read ``rows cols``, the column costs, then per row its count of columns and the columns."""
    numbers = _numbers(text)
    rows, columns = _sizes(numbers, 2)
    cost = _span(numbers, 2, columns, "column costs")
    _, pointer, entries = _lists(numbers, 2 + columns, rows, lead=0, most=columns)
    ones = np.ones(len(entries), dtype=np.bool_)
    return sp.csr_array((ones, entries, pointer), shape=(rows, columns)), cost


def cover_by_column(text: str) -> tuple[sp.csr_array, Array]:
    """Read ``rows cols``, then per column its cost, its count of rows and the rows."""
    numbers = _numbers(text)
    rows, columns = _sizes(numbers, 2)
    cost, pointer, entries = _lists(numbers, 2, columns, lead=1, most=rows)
    ones = np.ones(len(entries), dtype=np.bool_)
    return sp.csc_array((ones, entries, pointer), shape=(rows, columns)).tocsr(), cost


def graph_distances(text: str) -> tuple[Array, int]:
    """Read ``n m p`` and m times ``i j cost``; return the shortest paths (n, n), and p.

    Edges have no direction; an edge given again keeps its last cost.
    """
    numbers = _numbers(text)
    nodes, edges, p = _sizes(numbers, 3)
    _same("numbers", len(numbers), 3 + _EDGE * edges)
    table = numbers[3:].reshape(edges, _EDGE)
    ends = _indices(table[:, :2], nodes)
    if p > nodes or (table[:, 2] < 0).any():
        raise ValueError("p is above the number of nodes, or a cost is negative")
    direct = np.full((nodes, nodes), np.inf)
    direct[ends.min(axis=1), ends.max(axis=1)] = table[:, 2]
    direct = np.minimum(direct, direct.T)
    np.fill_diagonal(direct, np.inf)
    graph = csgraph_from_dense(direct, null_value=np.inf)
    return shortest_path(graph, method="D", directed=True), p


def points(text: str) -> Planar:
    """Read the header ``n 9999 p S`` and n times ``x y demand``; every point is a candidate."""
    head = text.split(maxsplit=4)
    if len(head) <= 4 or head[2:4] != ["p", "S"]:  # noqa: PLR2004 - n, 9999, p, S and the rest
        raise ValueError("the header is not 'n 9999 p S'")
    count = _sizes(_numbers(head[0]), 1)[0]
    numbers = _numbers(head[4])
    _same("numbers", len(numbers), 3 * count)
    table = numbers.reshape(count, 3)
    xy = table[:, :2].copy()
    return Planar(xy, xy, table[:, 2].copy())


def facilities_and_customers(text: str) -> Planar:
    """Read ``nF nC``, nF times ``F id x y cost`` and nC times ``C id x y demand``."""
    tokens = text.split()
    sites, demand = _sizes(_numbers(" ".join(tokens[:2])), 2)
    _same("tokens", len(tokens), 2 + _PLACE * (sites + demand))
    table = np.array(tokens[2:]).reshape(-1, _PLACE)
    if (table[:sites, 0] != "F").any() or (table[sites:, 0] != "C").any():
        raise ValueError("a line does not begin with F or C as its place demands")
    values = table[:, 2:].astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("holds a value that is not finite")
    return Planar(values[sites:, :2].copy(), values[:sites, :2].copy(), values[sites:, 2].copy())


def facilities_by_line(text: str) -> Facilities:
    """Read ``m n``, m times ``capacity fixed-cost``, then per customer its demand and m costs.

    Every capacity is a number, or every one is the word ``capacity``.
    """
    words = text.split()
    free = words.count(ANY_CAPACITY)
    numbers = _numbers(" ".join("0" if word == ANY_CAPACITY else word for word in words))
    sites, customers = _sizes(numbers, 2)
    if free not in {0, sites} or (free and set(words[2 : 2 + 2 * sites : 2]) != {ANY_CAPACITY}):
        raise ValueError(f"the word '{ANY_CAPACITY}' stands for some of the capacities only")
    _same("numbers", len(numbers), 2 + 2 * sites + customers * (1 + sites))
    head = numbers[2 : 2 + 2 * sites].reshape(sites, 2)
    table = numbers[2 + 2 * sites :].reshape(customers, 1 + sites)
    return Facilities(
        capacity=None if free else head[:, 0].copy(),
        opening=head[:, 1].copy(),
        demand=table[:, 0].copy(),
        serving=table[:, 1:].copy(),
    )


def facilities_by_block(text: str) -> Facilities:
    """Read ``I J``, I capacities, I costs of opening, J demands, and J times I costs."""
    numbers = _numbers(text)
    sites, customers = _sizes(numbers, 2)
    _same("numbers", len(numbers), 2 + 2 * sites + customers * (1 + sites))
    capacity, opening = numbers[2 : 2 + 2 * sites].reshape(2, sites)
    demand = numbers[2 + 2 * sites :][:customers]
    serving = numbers[2 + 2 * sites + customers :].reshape(customers, sites)
    return Facilities(capacity.copy(), opening.copy(), demand.copy(), serving.copy())


def _numbers(text: str) -> Array:
    """Read a text of numbers; anything else is an error that names it."""
    if not text.strip():
        raise ValueError("is empty")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            numbers = np.fromstring(text, dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            odd = next((word for word in text.split() if not _is_number(word)), "?")
            raise ValueError(f"holds {odd[:40]!r} where a number is expected") from None
    if not np.isfinite(numbers).all():
        raise ValueError("holds a number that is not finite")
    return numbers


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _sizes(numbers: Array, count: int) -> tuple[int, ...]:
    """Return the leading whole numbers >= 1."""
    if len(numbers) < count:
        raise ValueError(f"ends within its first {count} numbers")
    head = numbers[:count]
    if ((head < 1) | (head != np.floor(head)) | (head > np.iinfo(np.int32).max)).any():
        raise ValueError(f"begins with {head.tolist()}, needs whole numbers >= 1")
    return tuple(head.astype(np.int64).tolist())


def _span(numbers: Array, begin: int, count: int, what: str) -> Array:
    if len(numbers) < begin + count:
        raise ValueError(f"ends within its {what}")
    return numbers[begin : begin + count].copy()


def _same(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise ValueError(f"holds {found:,} {what}, its header asks for {expected:,}")


def _indices(values: Array, most: int) -> npt.NDArray[np.int64]:
    """Return 1-based indices as 0-based ones."""
    bad = (values < 1) | (values > most) | (values != np.floor(values))
    if bad.any():
        raise ValueError(f"holds the index {values[bad][0]:g}, needs 1..{most}")
    return values.astype(np.int64) - 1


def _lists(
    numbers: Array, at: int, lists: int, *, lead: int, most: int
) -> tuple[Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Read lists ``[lead] count entry ...``; return the leads, the pointer and the entries."""
    starts = np.empty(lists, dtype=np.int64)
    size = len(numbers)
    for number in range(lists):
        count_at = at + lead
        if count_at >= size:
            raise ValueError(f"ends after {number:,} of {lists:,} lists")
        count = numbers[count_at]
        if count < 0 or count != int(count):
            raise ValueError(f"list {number + 1:,} claims {count:g} entries")
        starts[number] = at
        at = count_at + 1 + int(count)
    if at != size:
        raise ValueError(f"holds {size:,} numbers, its counts ask for {at:,}")
    counts = numbers[starts + lead].astype(np.int64)
    pointer = np.concatenate([[0], np.cumsum(counts)])
    heads = starts[:, None] + np.arange(lead + 1)
    kept = np.ones(size, dtype=np.bool_)
    kept[: int(starts[0])] = False
    kept[heads.ravel()] = False
    return numbers[starts], pointer, _indices(numbers[kept], most)
