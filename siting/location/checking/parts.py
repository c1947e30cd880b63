"""What a covering certificate leaves to others: dominated options, and blocks of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from siting.errors import Problem
from siting.location.checking.covering_question import CoveringQuestion, Kind
from siting.location.checking.question import State
from siting.location.checking.rows import Rows, merged
from siting.location.rules import Rules
from siting.location.solution import Block


def dominated_faults(
    question: CoveringQuestion, state: State, pairs: npt.NDArray[np.intp], where: str
) -> list[Problem]:
    """List the pairs of which the worse option may not be left out for the better one.

    Notes
    -----
    Rows that need nothing, or that the fixed options serve already, do not count; a row that still
    needs more than one option forbids the exchange. Each pair covers more, costs less or has a
    smaller index, so exchanging the worse for the better comes to an end.
    """
    m = question.rules.options
    if pairs.ndim != 2 or pairs.shape[1] != 2:  # noqa: PLR2004
        return [Problem(where, f"has shape {pairs.shape}, needs (q, 2)")]
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= m):
        return [Problem(where, f"names an option outside 0..{m - 1}")]
    simple = question.rules.simple_option
    fixed = state.decided > 0
    residual = question.rows.k - question.covers(state.decided)
    active = question.asked & (residual > 0)
    problems = []
    for worse, better in pairs.tolist():
        ours, others = _active(question, worse, active), _active(question, better, active)
        cheaper = question.p is not None or question.cost[better] <= question.cost[worse]
        equal = len(ours) == len(others) and (
            question.p is not None or question.cost[better] == question.cost[worse]
        )
        fine = (
            simple[worse]
            and (simple[better] or fixed[better])
            and (cheaper or fixed[better])
            and bool(np.isin(ours, others, assume_unique=True).all())
            and bool((residual[ours] <= 1).all())
            and (better < worse or not equal or fixed[better])
        )
        if not fine:
            problems.append(Problem(where, f"option {better} does not replace option {worse}"))
    return problems[:5]


def _active(
    question: CoveringQuestion, option: int, active: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    begin, end = question.rows.column_pointers[option : option + 2]
    rows = question.rows.column_rows[begin:end]
    return rows[active[rows]]


def block_question(
    question: CoveringQuestion,
    state: State,
    cost: npt.NDArray[np.float64],
    block: Block,
    where: str,
) -> tuple[CoveringQuestion | None, list[Problem]]:
    """Return the set covering question that a block asks, or why it asks none.

    Parameters
    ----------
    question, state
        The enclosing question and what is decided at its root.
    cost
        Reduced costs at the root.
    block
        The block.
    where
        Its name in messages.
    """
    rows, m = question.rows, question.rules.options
    demand, options = np.asarray(block.demand), np.asarray(block.options)
    if not _ascending(demand, rows.priced) or not _ascending(options, m):
        return None, [Problem(where, "names rows or options that do not exist, or not ascending")]
    if not question.hard(state)[demand].all():
        return None, [Problem(where, "holds a row that need not be covered")]
    place = np.full(m, -1, dtype=np.int32)
    place[options] = np.arange(len(options), dtype=np.int32)
    pointers, entries = _inner(rows, demand)
    kept = state.decided[entries] >= 0
    if (place[entries[kept]] < 0).any():
        return None, [Problem(where, "another option covers one of its rows")]
    line = np.repeat(np.arange(len(demand)), np.diff(pointers))[kept]
    inside = np.concatenate([[0], np.cumsum(np.bincount(line, minlength=len(demand)))])
    inner, problems = merged(
        inside,
        place[entries[kept]],
        len(options),
        np.ones(len(demand)),
        rows.k[demand] if question.kind is Kind.ALL else np.ones(len(demand), dtype=np.int32),
        np.zeros(len(demand), dtype=np.intp),
        block.certificate.groups,
    )
    if inner is None:
        return None, [Problem(f"{where}.{item.where}", item.what) for item in problems]
    number = len(options)
    decided = state.decided[options]
    rules = Rules(
        options=number,
        fixed=np.flatnonzero(decided > 0),
        forbidden=np.flatnonzero(decided < 0),
        site=np.arange(number),
        site_cost=np.zeros(number),
        max_options=np.ones(number, dtype=np.intp),
        conflicts=np.zeros((0, 2), dtype=np.intp),
    )
    return CoveringQuestion(
        kind=Kind.ALL, rows=inner, rules=rules, cost=cost[options], need=np.zeros(1)
    ), []


def shared_options(blocks: Sequence[Block], options: int) -> bool:
    """Tell whether two blocks share an option."""
    count = np.zeros(options, dtype=np.intp)
    for block in blocks:
        np.add.at(count, np.asarray(block.options), 1)
    return bool((count > 1).any())


def _ascending(values: npt.NDArray[np.integer], number: int) -> bool:
    if values.ndim != 1 or not len(values) or values.dtype.kind not in "iu":
        return False
    return bool((np.diff(values) > 0).all() and values[0] >= 0 and values[-1] < number)


def _inner(
    rows: Rows, demand: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    lengths = rows.pointers[demand + 1] - rows.pointers[demand]
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    entries = np.concatenate(
        [np.zeros(0, dtype=np.int32)]
        + [rows.options[rows.pointers[row] : rows.pointers[row + 1]] for row in demand.tolist()]
    )
    return pointers, entries
