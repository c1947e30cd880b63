"""When to stop, and how far we are: one object the searches ask and tell."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from siting.compilation import compiling_s
from siting.progress import Progress, Report, Stop

#: The caller's `stop` may be slow to answer; it is asked no more often than this [s].
ASK_EVERY_S = 0.05


@dataclass(slots=True, kw_only=True)
class Clock:
    """Joins the caller's `stop`, the time limit and the caller's `progress`.

    Parameters
    ----------
    stop
        Asked by :meth:`expired`; None: never stop.
    progress
        Told by :meth:`report`; None: nobody listens.
    limit_s
        Time allowed in all [s]: wall time without the compilation of kernels, which only the first
        run on a machine waits for.
    allotted_s
        Share of the first limit that :meth:`until` gave to this part [s]; None: all of it.
    """

    stop: Stop | None = None
    progress: Report | None = None
    limit_s: float = float("inf")
    began: float = field(default_factory=time.monotonic)
    stopped: bool = False
    timed_out: bool = False
    asked: float = -math.inf
    compiled_s: float = field(default_factory=compiling_s)
    allotted_s: float | None = None

    @property
    def effort_s(self) -> float:
        """Time the work may take by the limit alone [s], the same in every run."""
        return self.limit_s if self.allotted_s is None else self.allotted_s

    @property
    def elapsed_s(self) -> float:
        """Wall time since the clock was made [s]."""
        return time.monotonic() - self.began

    @property
    def spent_s(self) -> float:
        """Time charged against the limit [s]: wall time without compilation."""
        return self.elapsed_s - (compiling_s() - self.compiled_s)

    @property
    def left_s(self) -> float:
        """Time left [s], never negative."""
        return max(0.0, self.limit_s - self.spent_s)

    def expired(self) -> bool:
        """Tell whether to end now, because of the caller or the limit."""
        now = self.elapsed_s
        if self.stop is not None and not self.stopped and now - self.asked >= ASK_EVERY_S:
            self.asked = now
            self.stopped = self.stop()
        if self.spent_s >= self.limit_s:
            self.timed_out = True
        return self.stopped or self.timed_out

    def until(self, share: float) -> Clock:
        """Return a clock for a part of the work that may use a share of the time left."""
        return Clock(
            stop=self.stop,
            progress=self.progress,
            limit_s=self.spent_s + share * self.left_s,
            began=self.began,
            stopped=self.stopped,
            compiled_s=self.compiled_s,
            allotted_s=share * self.effort_s,
        )

    def report(
        self,
        phase: str,
        fraction: float,
        *,
        value: float | None = None,
        bound: float | None = None,
        unit: str = "",
    ) -> None:
        """Tell the caller how far a phase is."""
        if self.progress is not None:
            self.progress(
                Progress(
                    phase=phase,
                    fraction=min(max(fraction, 0.0), 1.0),
                    elapsed_s=self.elapsed_s,
                    value=value,
                    bound=bound,
                    unit=unit,
                )
            )
