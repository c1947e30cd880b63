"""Hypothesis strategies over the random location models of the benchmarks."""

from __future__ import annotations

from hypothesis import strategies as st

from benchmarks.location_cases import EXTRAS, FAMILIES, Case, make

#: Families whose extras and optima are cheap enough for many examples.
COVERING = ("set covering", "maximal covering", "budgeted covering", "partial covering")


@st.composite
def cases(draw: st.DrawFn, family: str) -> Case:
    """Draw a case of a family: its size, any combination of extras, and the seed of its numbers."""
    most_options, most_demand, own = FAMILIES[family]
    options = draw(st.integers(1, most_options))
    demand = draw(st.integers(1, most_demand))
    extras = draw(st.sets(st.sampled_from((*EXTRAS, *own))))
    return make(family, options, demand, sorted(extras), draw(st.integers(0, 10**6)))
