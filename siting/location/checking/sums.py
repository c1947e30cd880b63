"""Sums of floats whose error is known, compiled: Neumaier's compensated summation.

The error of such a sum of q terms is at most ``2**-52`` of the sum plus ``q**2 * 2**-106`` of the
sum of absolute terms, so a check that adds up this way needs a margin far below that of a search.

References
----------
Neumaier (1974), Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen, ZAMM 54.
doi:10.1002/zamm.19740540106
"""

# ruff: noqa: ANN001, ANN201
# Compiled functions take plain arrays; numba infers their types.

from __future__ import annotations

import numpy as np
from numba import njit

#: Margin for the few plain operations on top of compensated sums, relative to their terms.
TOP_ERROR = 2.0**-46
#: Margin for what enters a compensated sum, relative to the absolute terms.
TERM_ERROR = 2.0**-50


@njit(cache=True, nogil=True)
def add(total, carry, term):
    """Return ``(total, carry)`` after one more term; the sum is ``total + carry``."""
    new = total + term
    if abs(total) >= abs(term):
        carry += (total - new) + term
    else:
        carry += (term - new) + total
    return new, carry


@njit(cache=True, nogil=True)
def summed(values):
    """Return the sum of an array."""
    total, carry = 0.0, 0.0
    for index in range(len(values)):
        total, carry = add(total, carry, values[index])
    return total + carry


@njit(cache=True, nogil=True)
def grouped(values, group, number):
    """Return the sum of the values of each group 0..number-1; a group below 0 is left out."""
    total, carry = np.zeros(number), np.zeros(number)
    for index in range(len(values)):
        place = group[index]
        if place >= 0:
            total[place], carry[place] = add(total[place], carry[place], values[index])
    return total + carry


@njit(cache=True, nogil=True)
def less_column_sums(pointers, rows, prices, base):
    """Return ``base_o - sum of prices over column o`` and the sum of its absolute terms, (m,)."""
    number = len(base)
    value, size = np.zeros(number), np.zeros(number)
    for option in range(number):
        total, carry, terms = base[option], 0.0, abs(base[option])
        for entry in range(pointers[option], pointers[option + 1]):
            price = prices[rows[entry]]
            total, carry = add(total, carry, -price)
            terms += abs(price)
        value[option], size[option] = total + carry, terms
    return value, size
