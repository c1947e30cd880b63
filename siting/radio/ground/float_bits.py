"""Bits of floats as integers, for compiled loops that look for a greatest or least value.

The bits of positive floats have the order of the floats, and those of negative ones lie below all
of them. A processor finds the greatest of many integers at once, but that of floats one by one,
because of the numbers that are none.
"""

# ruff: noqa: ANN001, ANN202
# numba infers the types of compiled functions.

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic

#: Bits of infinity.
INFINITY_32, INFINITY_64 = np.int32(0x7F800000), np.int64(0x7FF0000000000000)


def _reinterpret(source: types.Type, target: types.Type) -> Any:
    """Make a compiled function that reads the bits of one type as another of its size."""

    def reinterpret(context, value):  # noqa: ARG001 - numba's signature
        def generate(context, builder, signature, arguments):
            return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

        return target(source), generate

    return intrinsic(reinterpret)


bits_32 = _reinterpret(types.float32, types.int32)
float_32 = _reinterpret(types.int32, types.float32)
bits_64 = _reinterpret(types.float64, types.int64)
float_64 = _reinterpret(types.int64, types.float64)
