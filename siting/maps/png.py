"""A palette PNG writer: what a map needs of the format and no more."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Red, green, blue, opacity, each 0..255.
Colour = tuple[int, int, int, int]
_MAX_COLOURS = 16


def palette_png(index: npt.NDArray[np.uint8], palette: Sequence[Colour]) -> bytes:
    """Write an image of palette indices as PNG with four bits a pixel.

    Parameters
    ----------
    index
        Palette index per pixel, top row first, shape (height, width), each below ``len(palette)``.
    palette
        At most 16 colours.

    References
    ----------
    ISO/IEC 15948:2004, Portable Network Graphics, sections 5 and 11.
    """
    if len(palette) > _MAX_COLOURS or (index.size and int(index.max()) >= len(palette)):
        raise ValueError(f"{len(palette)} colours do not carry index {int(index.max())}")
    height, width = index.shape
    even = np.zeros((height, width + width % 2), dtype=np.uint8)
    even[:, :width] = index
    packed = (even[:, 0::2] << 4) | even[:, 1::2]
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), packed], axis=1)
    colours = np.array(palette, dtype=np.uint8)
    return b"".join(
        [
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)),
            _chunk(b"PLTE", colours[:, :3].tobytes()),
            _chunk(b"tRNS", colours[:, 3].tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def rgba(colour: str, opacity: int) -> Colour:
    """Read a colour like ``"#FDE725"`` and give it an opacity, 0..255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16), opacity


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
