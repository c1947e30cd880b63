"""Why a search ended, in the words all families share."""

from __future__ import annotations

from siting.location.control import (
    GAP_REACHED,
    NOTHING_BETTER,
    PROVEN,
    STOPPED,
    TIMED_OUT,
    Control,
)


def ended(control: Control, *, proven: bool, exact: bool) -> str:
    """Return why a search ended.

    Parameters
    ----------
    control
        Of the search.
    proven
        Whether the bound asked for is proven.
    exact
        Whether nothing better exists.
    """
    if exact:
        return PROVEN
    if proven:
        return GAP_REACHED
    if control.clock.stopped:
        return STOPPED
    return TIMED_OUT if control.clock.timed_out else NOTHING_BETTER
