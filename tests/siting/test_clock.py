"""The clock of a search: what is charged against the limit, and whom it asks."""

from __future__ import annotations

import time

import numpy as np
from numba import njit

from siting.clock import Clock


def compile_something() -> float:
    """Compile a new kernel and return the wall time it took [s]."""
    began = time.monotonic()

    @njit
    def kernel(values: np.ndarray) -> float:
        total = 0.0
        for value in values:
            total += value * value
        return total

    assert kernel(np.arange(4.0)) == 14.0
    return time.monotonic() - began


def test_compiling_is_not_charged_against_the_limit() -> None:
    """A limit shorter than the compilation of a kernel is still whole after it."""
    clock = Clock(limit_s=0.01)
    took = compile_something()
    assert clock.elapsed_s >= took
    assert clock.spent_s < took / 2
    part = clock.until(0.5)
    assert part.limit_s < took / 2
    assert abs(part.spent_s - clock.spent_s) < took / 4


def test_waiting_is_charged_against_the_limit() -> None:
    """Time in which nothing is compiled counts, and ends the search."""
    compile_something()
    clock = Clock(limit_s=0.02)
    assert not clock.expired()
    time.sleep(0.03)
    assert clock.expired()
    assert clock.timed_out
    assert clock.left_s == 0.0


def test_a_stop_is_kept_and_handed_on() -> None:
    """Once the caller said stop, the clock and every part made of it stay stopped."""
    answers = iter([True])
    clock = Clock(stop=lambda: next(answers, False))
    assert clock.expired()
    assert clock.expired()
    assert clock.until(0.5).expired()
    assert not clock.timed_out
