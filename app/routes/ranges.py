"""Parts of a file, as HTTP asks for them (RFC 9110, section 14)."""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException

#: One range of bytes; several in one request are answered with the whole file.
_RANGE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*", re.ASCII)


def wanted_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first byte and number of bytes that a ``Range`` header asks for; None: the whole file.

    Parameters
    ----------
    header
        The header, None without one. One that is no single range of bytes counts as none, as the
        standard permits.
    size
        Size of the file [bytes].

    Raises
    ------
    starlette.exceptions.HTTPException
        416, when the file has no such byte.
    """
    found = None if header is None else _RANGE.fullmatch(header)
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        count = min(int(found[2]), size)
        first = size - count
    else:
        first = int(found[1])
        last = size - 1 if not found[2] else min(int(found[2]), size - 1)
        if found[2] and int(found[2]) < first:
            return None  # no range at all, by the standard's grammar
        count = last - first + 1
    if first >= size or count < 1:
        raise HTTPException(
            416,
            f"The file has {size:,} bytes; none of those asked for.",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return first, count
