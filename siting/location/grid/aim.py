# ruff: noqa: ANN001, ANN202, ANN201, PLR0917 - compiled code takes plain arrays, whose types the callers document
r"""The best three directions of a sector station, over an instance's open cells.

A cell at offset `o` from its station is reached by a sector exactly when the azimuth lies on an arc
round the cell's direction (:mod:`siting.location.grid.reach`). Directions are numbered bins of the
circle, an arc is a run of bins. With `S(a)` the weight whose arc holds bin `a`, and `G(a, b)` the
weight whose arc holds every bin from `a` round to `b`, three bins in cyclic order reach

.. math:: S(a) + S(b) + S(c) - G(a, b) - G(b, c) - G(c, a),

each cell counted once: the bins its arc holds follow each other, and between `m` of them lie
``m - 1`` gaps, as long as no arc goes all the way round. `S` and `G` need one addition a cell and
one running sum.

One of the three gaps is 120 degrees or more, which an arc of at most 120 degrees fills at its very
ends or not at all. Where the last term is nothing there remains a chain: for each `b` a place `a`
before it and the best `c` behind it, and as `a` comes nearer more `c` are permitted, so that all
triples are searched in time proportional to the square of the number of bins.
"""

from __future__ import annotations

import numba as nb


@nb.njit(cache=True, nogil=True)
def _sums(open_, aims, k, x, y, s):
    """Fill `S`, over three turns; return the weight in reach and the bin of the largest `S`."""
    bins = aims.bins[k]
    s[: bins + 1] = 0.0
    total = 0.0
    for o in range(aims.start[k], aims.start[k + 1]):
        v = open_[x + aims.dx[o], y + aims.dy[o]]
        if v > 0.0:
            first = aims.first[o]
            end = first + aims.span[o] + 1
            total += v
            s[first] += v
            if end < bins:
                s[end] -= v
            else:
                s[0] += v
                s[end - bins] -= v
    top = 0
    for a in range(1, bins):
        s[a] += s[a - 1]
        if s[a] > s[top]:
            top = a
    s[bins : 2 * bins] = s[:bins]
    s[2 * bins : 3 * bins] = s[:bins]
    return total, top


@nb.njit(cache=True, nogil=True)
def _overlaps(open_, aims, k, x, y, gap):
    """Fill `G`: row `longest + a`, column ``b - a - least``."""
    bins, low = aims.bins[k], aims.least[k]
    high, wide = aims.longest[k], aims.longest[k] - aims.least[k]
    for a in range(high, bins + high):
        gap[a, : wide + 2] = 0.0
    for o in range(aims.start[k], aims.start[k + 1]):
        if aims.span[o] >= low:
            v = open_[x + aims.dx[o], y + aims.dy[o]]
            if v > 0.0:
                gap[high + aims.first[o], aims.span[o] - low] += v
    for a in range(high, high + bins):
        for g in range(wide - 1, -1, -1):
            gap[a, g] += gap[a, g + 1]
    for a in range(high):
        gap[a, : wide + 1] = gap[a + bins, : wide + 1]
    for a in range(1, high + bins):
        for g in range(wide):
            gap[a, g] += gap[a - 1, g + 1]


@nb.njit(cache=True, nogil=True)
def _chain(aims, k, top, total, best, s, gap, pick):  # noqa: PLR0912 (one loop, kept whole)
    """Raise `best` to the most that a permitted chain of bins reaches, and set `pick` to it.

    Bins are counted on: `b` on the second of three turns, `a` before it and `c` behind it.
    """
    bins, low, high = aims.bins[k], aims.least[k], aims.longest[k]
    after = aims.after[3 * aims.bin_start[k] : 3 * aims.bin_start[k + 1]]
    far = aims.far[3 * aims.bin_start[k] : 3 * aims.bin_start[k + 1]]
    enough = total * (1.0 - 1e-12)
    for turn in range(bins):
        b = bins + (top + turn) % bins
        if s[b] + 2.0 * s[top] <= best:
            continue
        if best >= enough:
            break
        settled = b + after[b]
        behind, chosen = -1.0, -1
        a = settled + far[settled] - bins
        while a + after[a] <= b:
            # c far enough from a that no arc fills the gap between them
            while a + bins - settled > high and settled + far[settled] <= a + bins:
                v = s[settled]
                if settled - b <= high:
                    v -= gap[high + b - bins, settled - b - low]
                if v > behind:
                    behind, chosen = v, settled
                settled += 1
            mine = s[b] + s[a]
            if b - a <= high:
                mine -= gap[high + (a if a < bins else a - bins), b - a - low]
            if mine + behind > best and chosen >= 0:
                best = mine + behind
                pick[0], pick[1], pick[2] = a % bins, b - bins, chosen % bins
            c = settled
            while c + far[c] <= a + bins:
                v = mine + s[c]
                if v > best:
                    v -= gap[high + c % bins, a + bins - c - low]
                    if c - b <= high:
                        v -= gap[high + b - bins, c - b - low]
                    if v > best:
                        best = v
                        pick[0], pick[1], pick[2] = a % bins, b - bins, c % bins
                c += 1
            a += 1
    return best


@nb.njit(cache=True, nogil=True)
def best_aim(open_, aims, k, x, y, floor, s, gap, pick):
    """Return the most weight of `open_` that a station of kind `k` at (x, y) reaches.

    Parameters
    ----------
    open_
        Weight of each place not served yet, not negative, padded (X, Y).
    aims
        The bins and arcs (:class:`~siting.location.grid.reach.Aims`).
    k, x, y
        Kind and place.
    floor
        Answers up to here need not be exact.
    s, gap
        Room of the thread, from :func:`~siting.location.grid.reach.room_for`.
    pick
        Receives the three bins, in cyclic order (3,).

    Returns
    -------
    float
        The weight, never too little; `floor` when no triple exceeds it, and `pick` is then unset.
    """
    own = open_[x, y]
    total, top = _sums(open_, aims, k, x, y, s)
    if own + min(total, 3.0 * s[top]) <= floor:
        return floor
    _overlaps(open_, aims, k, x, y, gap)
    return own + _chain(aims, k, top, total, max(-1.0, floor - own), s, gap, pick)


@nb.njit(cache=True, nogil=True)
def aimed(aims, k, o, a, b, c):
    """Tell whether the sector at bin `a`, `b` or `c` reaches offset number `o`."""
    bins, first, span = aims.bins[k], aims.first[o], aims.span[o]
    return (
        (a - first + bins) % bins <= span
        or (b - first + bins) % bins <= span
        or (c - first + bins) % bins <= span
    )
