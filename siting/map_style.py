"""How things look on every map: shape first, then pattern, then text, then colour.

Symbols are SVG paths in a box of about 24 by 24 units round (0, 0). The legend draws them as SVG
and the map as canvas paths from the same text, so that a legend entry is what the map shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from siting.plan import TargetState

#: Interface colours.
TEXT = "#1B1F23"
SECONDARY = "#4A5560"
ACTION = "#005A9E"
NOTICE = "#FFF4D6"
#: Ground colours.
LAND = "#F7F5F0"
WATER = "#DCE9F2"
OUTLINE = "#4A5560"
#: Demand cells: served plain, not reached hatched.
SERVED = "#6BAED6"
UNSERVED = "#4A0D22"
#: Core of a symbol whose site stands already.
EXISTING_CORE = "#6B7280"

#: Opacity of radio rasters, so that water and land show through a little.
RASTER_OPACITY = 0.86
#: Colours of ordered classes, worst first, by their number: viridis, which grows lighter evenly and
#: is told apart with every kind of colour vision and in grey.
CLASS_COLOURS: dict[int, tuple[str, ...]] = {
    5: ("#440154", "#3B528B", "#21918C", "#5EC962", "#FDE725"),
    6: ("#440154", "#414487", "#2A788E", "#22A884", "#7AD151", "#FDE725"),
}
#: Colours without an order (Okabe and Ito, and a grey).
SERVER_COLOURS = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#8C8C8C",
)  # fmt: skip

_MACRO = "M0,-11L10.5,8H-10.5Z"
_MICRO = "M0,10L8.5,-6H-8.5Z"
_WIDE = "M0,-12L10,4H-10ZM-11,6.5H11V10.5H-11Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A point symbol.

    Parameters
    ----------
    path
        SVG path data round (0, 0).
    fill
        Colour of the shape.
    letter
        Short text inside the shape.
    letter_y, letter_size
        Baseline of the letter in units below the centre, and its height.
    """

    path: str
    fill: str
    letter: str
    letter_y: float
    letter_size: float


#: 5G base station by station class: a triangle each, told apart by shape, then by tone.
_STATIONS = {
    "macro": (_MACRO, "#0069C8", 6.0, 8.0),
    "micro": (_MICRO, "#2F80CF", -0.5, 6.5),
    "wide_area": (_WIDE, "#00396E", 2.5, 7.5),
}


def station_symbol(station_class: str, band: str) -> Symbol:
    """Return the symbol of a 5G station; an unknown class looks like a macro."""
    path, fill, letter_y, size = _STATIONS.get(station_class, _STATIONS["macro"])
    letter = band.removeprefix("n")[:3]
    return Symbol(path=path, fill=fill, letter=letter, letter_y=letter_y, letter_size=size)


def symbol_svg(symbol: Symbol, size_px: int = 22) -> str:
    """Draw a symbol as inline SVG for legends."""
    return (
        f'<svg class="symbol" viewBox="-13 -13 26 26" width="{size_px}" height="{size_px}" '
        f'aria-hidden="true"><path d="{symbol.path}" fill="{symbol.fill}" stroke="#FFFFFF" '
        f'stroke-width="1"/><text x="0" y="{symbol.letter_y}" text-anchor="middle" '
        f'font-size="{symbol.letter_size}" font-weight="700" fill="#FFFFFF">'
        f"{escape(symbol.letter)}</text></svg>"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneStyle:
    """Outline, fill pattern and sign of a zone in one state.

    Parameters
    ----------
    stroke, width_px, dash
        Outline.
    pattern
        Name of the fill: ``"plain"``, ``"dots"``, ``"hatch"``, ``"cross"`` or ``"none"``.
    sign
        One character that says the state without colour.
    """

    stroke: str
    width_px: float
    dash: str
    pattern: str
    sign: str


#: Style per zone state; ``"none"`` is a zone without a target.
ZONE_STYLES: dict[str, ZoneStyle] = {
    TargetState.MET.value: ZoneStyle(
        stroke="#1D5C96", width_px=2, dash="", pattern="plain", sign="✓"
    ),
    TargetState.NEAR.value: ZoneStyle(
        stroke="#8A6D00", width_px=2, dash="7 4", pattern="dots", sign="◐"
    ),
    TargetState.MISSED.value: ZoneStyle(
        stroke="#4A0D22", width_px=3.5, dash="", pattern="hatch", sign="✕"
    ),
    TargetState.IMPOSSIBLE.value: ZoneStyle(
        stroke="#4A0D22", width_px=3.5, dash="2 3", pattern="cross", sign="⊘"
    ),
    TargetState.NOT_ASSESSABLE.value: ZoneStyle(
        stroke="#6B7280", width_px=1, dash="1 4", pattern="none", sign="?"
    ),
    "none": ZoneStyle(stroke="#6B7280", width_px=1, dash="", pattern="none", sign="–"),
}

#: From best to worst: a zone with several targets shows its worst state.
STATE_ORDER = ("none", "not_assessable", "met", "near", "missed", "impossible")

_PATTERNS = {
    "plain": '<rect width="8" height="8" fill="{c}" fill-opacity="0.14"/>',
    "dots": '<rect width="8" height="8" fill="{c}" fill-opacity="0.08"/>'
    '<circle cx="2" cy="2" r="1.3" fill="{c}"/><circle cx="6" cy="6" r="1.3" fill="{c}"/>',
    "hatch": '<path d="M-2,2l4,-4M0,8l8,-8M6,10l4,-4" stroke="{c}" stroke-width="1.5"/>',
    "cross": '<path d="M0,8l8,-8M0,0l8,8" stroke="{c}" stroke-width="1.2"/>',
}


def pattern_defs(prefix: str = "zone") -> str:
    """Return the SVG ``<defs>`` of every zone state's fill, with ids ``{prefix}-{state}``."""
    parts = [
        f'<pattern id="{prefix}-{state}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f"{_PATTERNS[style.pattern].format(c=style.stroke)}</pattern>"
        for state, style in ZONE_STYLES.items()
        if style.pattern != "none"
    ]
    return f"<defs>{''.join(parts)}</defs>"


def zone_svg(state: str, prefix: str = "zone") -> str:
    """Draw a zone state as inline SVG for legends and tables; needs :func:`pattern_defs`."""
    style = ZONE_STYLES[state]
    fill = "none" if style.pattern == "none" else f"url(#{prefix}-{state})"
    return (
        '<svg class="symbol" viewBox="0 0 26 18" width="26" height="18" aria-hidden="true">'
        f'<rect x="2" y="2" width="22" height="14" fill="{fill}" stroke="{style.stroke}" '
        f'stroke-width="{min(style.width_px, 2.5)}" stroke-dasharray="{style.dash}"/></svg>'
    )


def worst_state(states: list[str]) -> str:
    """Return the worst of several states, ``"none"`` when there is none."""
    return max(states, key=STATE_ORDER.index, default="none")
