"""What the page of a running computation is given, of a plan or a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.tables import Computed
from siting.messages import say
from siting.text import Language

#: Phases the progress bar is divided into.
PLAN_PHASES = ("queued", "coverage", "targets", "service", "verify")
PREDICTION_PHASES = ("queued", "data", "prediction", "figures", "outputs")


def computing(
    path: str, row: Computed, language: Language, *, order: Sequence[str], bounded: bool
) -> dict[str, Any]:
    """Return the values of ``running.html`` that differ by kind.

    Parameters
    ----------
    path
        Address of the page, e.g. ``/plans/{id}``.
    row
        What is computed.
    language
        Language of the page.
    order
        Phases the bar is divided into.
    bounded
        There is a best answer so far, which is kept, and a bound.
    """
    leave, stopping = (
        ("page.leave", "page.stopping")
        if bounded
        else ("page.prediction_leave", "page.prediction_stopping")
    )
    return {
        "events": f"/api/v1{path}/events",
        "cancel": f"{path}/cancel",
        "order": order,
        "bounded": bounded,
        "leave": say(leave, language),
        "stopping": say(stopping, language),
        "row": row,
    }
