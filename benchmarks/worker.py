"""A child process that answers one question after another, so that a crash costs one answer."""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

#: Letters of an error that are told; a compiler's may fill pages.
_LONGEST = 240
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a child said.

    Parameters
    ----------
    value
        What the function returned; None after an error.
    error
        Why there is no value, one line; empty when there is one.
    peak_mb
        Most memory the child has held [MB], the processes it started included; 0: not known.
    """

    value: Any = None
    error: str = ""
    peak_mb: float = 0.0


class Worker:
    """One child at a time that runs `function`, started again after it ends or hangs.

    Parameters
    ----------
    function
        Importable by its name; called with the arguments of :meth:`ask`.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._child: Any = None
        self._ends: Connection | None = None

    def __enter__(self) -> Self:
        """Start nothing yet: the child starts with the first question."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        self.close()

    def ask(self, *arguments: object, timeout_s: float) -> Answer:
        """Return the function's value, or why there is none; never longer than `timeout_s` [s]."""
        if self._child is None:
            mine, theirs = _SPAWN.Pipe()
            self._child = _SPAWN.Process(target=_serve, args=(self._function, theirs), daemon=True)
            self._child.start()
            theirs.close()
            self._ends = mine
        assert self._ends is not None  # noqa: S101 - set with the child
        try:
            self._ends.send(arguments)
            if self._ends.poll(timeout_s):
                return self._ends.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._child.join()
            code = self._child.exitcode
            self.close()
            return Answer(error=f"the process ended with code {code}")
        self.close()
        return Answer(error=f"no answer within {timeout_s:.0f} s")

    def close(self) -> None:
        """End the child, whatever it does."""
        if self._child is not None:
            self._child.kill()
            self._child.join()
            self._child = None
        if self._ends is not None:
            self._ends.close()
            self._ends = None


def peak_mb() -> float:
    """Return the most memory held by this process, or by one it started, so far [MB]."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with contextlib.suppress(OSError):
        # ru_maxrss counts what the parent held when it started this process; this does not.
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                own = int(line.split()[1])
    return max(own, children) / 1024


def _serve(function: Callable[..., Any], ends: Connection) -> None:
    """Answer until the other end is closed."""
    # Ctrl-C is for the parent, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            arguments = ends.recv()
        except EOFError:
            return
        try:
            value = function(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this answer's reason
            text = " ".join(str(error).split())
            if len(text) > _LONGEST:
                text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
            ends.send(Answer(error=f"{type(error).__name__}: {text}", peak_mb=peak_mb()))
        else:
            ends.send(Answer(value=value, peak_mb=peak_mb()))
