"""How long this process has spent compiling numba kernels.

Kernels are compiled on first use and kept on disk; the first answer on a new machine waits for
them once. Time limits are about searching, so that wait must not be charged to a search.
"""

from __future__ import annotations

import time

from numba.core import event


class _Stopwatch(event.Listener):
    """Adds up the wall time in which at least one kernel is being compiled.

    numba compiles under one lock, so the events nest and never overlap.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.began = 0.0
        self.finished_s = 0.0

    def on_start(self, event: event.Event) -> None:  # noqa: ARG002
        if self.depth == 0:
            self.began = time.monotonic()
        self.depth += 1

    def on_end(self, event: event.Event) -> None:  # noqa: ARG002
        self.depth -= 1
        if self.depth == 0:
            self.finished_s += time.monotonic() - self.began


_stopwatch = _Stopwatch()
event.register("numba:compile", _stopwatch)


def compiling_s() -> float:
    """Return the wall time this process has spent compiling kernels so far [s]."""
    running = time.monotonic() - _stopwatch.began if _stopwatch.depth else 0.0
    return _stopwatch.finished_s + running
