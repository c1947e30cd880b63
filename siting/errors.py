"""What can go wrong in ``siting``, on one screen.

::

    SitingError                     every error of this library
    |-- InputError                  the caller's values are wrong; carries every fault found
    |   |-- CrsError                coordinate reference system missing, unknown, of the wrong kind
    |   |-- InvalidInput            the arrays of a location model do not make a question
    |   `-- ScenarioError           a scenario that cannot be planned as it stands
    |-- DatasetError                a bundled or named data set is missing or damaged
    |-- FileError                   a file cannot be read or written
    `-- VerificationError           a plan claims what the raw input does not support

Infeasible, time limit and optimal are *statuses* of a plan (:class:`siting.plan.Status`), never
exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of an input.

    Parameters
    ----------
    where
        Path of the faulty value in the input, e.g. ``targets[3].required_fraction``.
    what
        What is wrong, with the offending value and the permitted range.
    hint
        What to do about it.
    """

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        """Read as one sentence: place, fault, remedy."""
        return f"{self.where}: {self.what}" + (f" ({self.hint})" if self.hint else "")


class SitingError(Exception):
    """Base of every error this library raises on purpose."""


class InputError(SitingError):
    """The input has faults; all of them are in :attr:`problems`.

    Parameters
    ----------
    problems
        Every fault found, in the order of the input. A single text is taken as one fault.
    """

    def __init__(self, problems: Sequence[Problem] | Problem | str) -> None:
        if isinstance(problems, str):
            problems = Problem(where="input", what=problems)
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        super().__init__("; ".join(str(problem) for problem in self.problems))


class CrsError(InputError):
    """A coordinate reference system is missing, unknown, or not of the kind that is needed."""


class InvalidInput(InputError):  # noqa: N818 - the word users of the engine catch
    """The arrays of a location model do not make a question; every reason is listed."""


class ScenarioError(InputError):
    """The scenario cannot be planned as it stands; every reason is listed."""


class DatasetError(SitingError):
    """A bundled or named data set is missing or damaged."""


class FileError(SitingError):
    """A file cannot be read or written; the message names it and the cause."""


class VerificationError(SitingError):
    """A plan claims what the raw input does not support.

    Parameters
    ----------
    discrepancies
        Every claim that failed, as ``where: claimed against recomputed``.
    """

    def __init__(self, discrepancies: Iterable[Problem]) -> None:
        self.discrepancies: tuple[Problem, ...] = tuple(discrepancies)
        super().__init__("; ".join(str(item) for item in self.discrepancies))


def raise_if(problems: Sequence[Problem], error: type[InputError] = InputError) -> None:
    """Raise `error` with every gathered problem, or do nothing when there is none.

    Raises
    ------
    InputError
        (or the given subclass) when `problems` is not empty.
    """
    if problems:
        raise error(problems)
